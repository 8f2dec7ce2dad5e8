#include "delivery/deliverer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "delivery/notice.h"
#include "delivery/reason_lines.h"
#include "delivery/test_world.h"
#include "store/annotations.h"
#include "store/sieve_scripts.h"

namespace gemel::delivery {
namespace {

constexpr std::string_view kMessage =
    "Return-Path: <eve@example.com>\r\n"
    "Message-ID: <1@example.com>\r\n"
    "From: eve@example.com\r\n"
    "To: alice@example.org\r\n"
    "Subject: hello\r\n"
    "\r\n"
    "text\r\n";

class DelivererTest : public testing::Test {
 protected:
  void script(const std::string& user, std::string_view text) {
    SieveScripts scripts(*world_.store, user);
    ASSERT_TRUE(scripts.put("main", text, world_.clock.unix_s()));
    ASSERT_TRUE(scripts.activate("main", world_.clock.unix_s()));
  }

  // One verdict for each recipient, as "accepted", "refused" ...
  std::vector<std::string> deliver(const std::vector<std::string>& recipients,
                                   std::string_view message = kMessage) {
    BodyWriter writer = world_.store->stage("default").value();
    EXPECT_TRUE(writer.append(message));
    Letter letter{.id = fmt::format("id{}", ++letters_),
                  .return_path = "eve@example.com",
                  .recipients = {},
                  .body = writer.finish().value()};
    for (const std::string& recipient : recipients) {
      const EnvelopeAddress parsed = parse_envelope_address(recipient).value();
      letter.recipients.push_back({.address = recipient,
                                   .parsed = parsed,
                                   .means = world_.deliverer->find(parsed).value()});
    }
    std::vector<std::string> out;
    const std::vector<Verdict> verdicts = world_.deliverer->deliver(letter);
    for (const Verdict& verdict : verdicts) {
      constexpr std::array kWords = {"accepted", "refused", "loops", "failed"};
      out.emplace_back(kWords[static_cast<size_t>(verdict.kind)]);
    }
    return out;
  }

  uint32_t count(std::string_view mailbox) { return world_.mailbox(mailbox).exists; }
  std::string flags(std::string_view mailbox, uint32_t uid) {
    const MailboxView view = world_.store->view(world_.mailbox(mailbox).id).value();
    return names_of(view.record(Uid(uid)).value().state.flags, view.info().keywords).text();
  }
  std::vector<std::string> outbox() {
    std::vector<std::string> out;
    const std::vector<Outbox::Entry> entries = world_.outbox->entries().value();
    for (const Outbox::Entry& entry : entries) {
      const Outbox::Mail mail = world_.outbox->open(entry.uid).value();
      out.push_back(fmt::format("<{}> to <{}>: {}", mail.envelope.sender, mail.envelope.recipient,
                                mail.body.read(mail.message_at, 4096).value()));
    }
    return out;
  }

  using Words = std::vector<std::string>;
  TestWorld world_;
  int letters_ = 0;
};

TEST_F(DelivererTest, ScriptsSetFlags) {  // RFC 5232
  script("alice", R"(require ["fileinto", "imap4flags"];
                     fileinto :flags ["\\Flagged", "$Todo"] "lists/cxx";
                     addflag "\\Seen"; keep;)");
  EXPECT_EQ(deliver({"alice"}), Words{"accepted"});
  EXPECT_EQ(flags("alice/lists/cxx", 1), "\\Flagged $Todo");
  EXPECT_EQ(flags("alice/INBOX", 1), "\\Seen");
}

TEST_F(DelivererTest, AKeywordWithoutRoomHoldsNoMessageUp) {  // RFC 5232 §5
  FlagNames all;
  for (size_t i = 0; i < kMailboxKeywordsMax; ++i) ASSERT_TRUE(all.add(fmt::format("k{}", i)));
  BodyWriter writer = world_.store->stage("default").value();
  ASSERT_TRUE(world_.store->append({{.mailbox = world_.mailbox("alice/INBOX").id,
                                     .body = writer.finish().value(),
                                     .flags = all}}));
  script("alice", R"(require "imap4flags"; setflag ["new", "k7", "newer", "\\Seen"]; keep;)");
  EXPECT_EQ(deliver({"alice"}), Words{"accepted"});
  EXPECT_EQ(flags("alice/INBOX", 2), "\\Seen k7");
}

TEST_F(DelivererTest, AChangedMessageIsFiledAsItWasChanged) {  // RFC 5293
  script("alice", R"(require ["editheader", "fileinto", "copy"];
                     fileinto :copy "lists/cxx"; addheader "X-Seen" "yes";)");
  EXPECT_EQ(deliver({"alice", "bob"}), (Words{"accepted", "accepted"}));
  EXPECT_EQ(world_.message("alice/lists/cxx", 1), kMessage);
  EXPECT_NE(world_.message("alice/INBOX", 1).find("X-Seen: yes\r\n"), std::string::npos);
  EXPECT_EQ(world_.message("bob/INBOX", 1), kMessage);
}

TEST_F(DelivererTest, RepliesLeaveACopyWhereTheScriptSaysSo) {  // RFC 8580
  script("alice", R"(require ["vacation", "fcc", "mailbox"];
                     vacation :fcc "Sent" :create "away";)");
  EXPECT_EQ(deliver({"alice@example.org"}), Words{"accepted"});
  ASSERT_EQ(outbox().size(), 1U);
  EXPECT_TRUE(outbox().front().starts_with("<> to <eve@example.com>: ")) << outbox().front();
  ASSERT_EQ(count("alice/Sent"), 1U);
  EXPECT_TRUE(outbox().front().ends_with(world_.message("alice/Sent", 1)));
}

TEST_F(DelivererTest, WhatIsRedirectedLeavesWithoutItsReturnPath) {  // RFC 5321 §4.4
  script("alice", R"(redirect "else@example.net";)");
  EXPECT_EQ(deliver({"alice@example.org"}), Words{"accepted"});
  EXPECT_EQ(outbox(),
            Words{"<eve@example.com> to <else@example.net>: X-Loop: alice@example.org\r\n" +
                  std::string(kMessage.substr(kMessage.find('\n') + 1))});
}

TEST_F(DelivererTest, WhereNoMailLeavesARedirectKeeps) {
  world_.outbox.reset();
  world_.make_deliverer({.hostname = "mx.example.org"});
  script("alice", R"(redirect "else@example.net";)");
  EXPECT_EQ(deliver({"alice@example.org"}), Words{"accepted"});
  EXPECT_EQ(count("alice/INBOX"), 1U);
}

TEST_F(DelivererTest, AFullOutboxIsTriedAgainAndFilesNothing) {
  script("alice", R"(require "copy"; redirect :copy "else@example.net"; keep;)");
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(world_.outbox->put({.sender = "", .recipient = "x@y"}, "\r\n", 1));
  EXPECT_EQ(deliver({"alice", "bob"}), (Words{"failed", "accepted"}));
  EXPECT_EQ(count("alice/INBOX"), 0U);
  EXPECT_EQ(count("bob/INBOX"), 1U);
  ASSERT_TRUE(world_.outbox->remove(world_.outbox->entries()->front().uid));
  EXPECT_EQ(deliver({"alice", "bob"}), (Words{"accepted", "accepted"}));
  EXPECT_EQ(count("alice/INBOX"), 1U);
  EXPECT_EQ(count("bob/INBOX"), 1U) << "a second try doubled what was filed before";
}

TEST_F(DelivererTest, OnePersonsQuotaHoldsNobodyElseUp) {
  ASSERT_TRUE(world_.store->put_user_items("bob", {{"quota/storage", "10"}}));
  EXPECT_EQ(deliver({"alice", "bob", "dan@example.org"}),
            (Words{"accepted", "failed", "accepted"}));
  EXPECT_EQ(count("alice/INBOX"), 1U);
  EXPECT_EQ(count("bob/INBOX"), 0U);
  EXPECT_EQ(count("dan@example.org/INBOX"), 1U);
}

TEST_F(DelivererTest, DuplicatesOfAScriptsOwnKind) {  // RFC 7352
  script("alice", R"(require ["duplicate", "fileinto", "variables"];
                     if duplicate :header "Subject" { fileinto "lists/cxx"; })");
  const auto numbered = [](int number) {
    return fmt::format("Message-ID: <{}@x>\r\nSubject: same\r\n\r\n", number);
  };
  EXPECT_EQ(deliver({"alice"}, numbered(1)), Words{"accepted"});
  EXPECT_EQ(deliver({"alice"}, numbered(2)), Words{"accepted"});
  EXPECT_EQ(count("alice/INBOX"), 1U);
  EXPECT_EQ(count("alice/lists/cxx"), 1U);
}

TEST_F(DelivererTest, ScriptsIncludeTheirOwnAndGlobalOnes) {  // RFC 6609
  world_.scripts.set_global({{"base", R"(require "fileinto"; fileinto "lists/cxx";)"}});
  ASSERT_TRUE(SieveScripts(*world_.store, "alice").put("part", "keep;", 1));
  script("alice", R"(require "include"; include :global "base"; include "part";)");
  EXPECT_EQ(deliver({"alice"}), Words{"accepted"});
  EXPECT_EQ(count("alice/lists/cxx"), 1U);
  EXPECT_EQ(count("alice/INBOX"), 1U);
}

TEST_F(DelivererTest, ManyReceivedFieldsAreALoop) {  // RFC 5321 §6.3
  std::string message;
  for (int i = 0; i < 100; ++i) message += "Received: from a by b\r\n";
  EXPECT_EQ(deliver({"alice"}, message + "\r\n"), Words{"accepted"});
  EXPECT_EQ(deliver({"alice"}, message + "Received: once more\r\n\r\n"), Words{"loops"});
  EXPECT_EQ(count("alice/INBOX"), 1U);
}

TEST_F(DelivererTest, AnAliasElsewhereThatComesBackIsALoop) {
  world_.aliases.set(*Aliases::parse("list@example.org: else@example.net, bob\n"));
  EXPECT_EQ(deliver({"list@example.org"}), Words{"accepted"});
  EXPECT_EQ(outbox().size(), 1U);
  EXPECT_EQ(count("bob/INBOX"), 1U);
  // Nobody new takes it: bob has it, and the other address must not get it for ever.
  EXPECT_EQ(deliver({"list@example.org"}, "X-Loop: list@example.org\r\n" + std::string(kMessage)),
            Words{"accepted"});
  EXPECT_EQ(outbox().size(), 1U);
  EXPECT_EQ(count("bob/INBOX"), 1U);
}

TEST_F(DelivererTest, ADiskThatFailsIsEveryonesFailure) {
  world_.engines.fail_writes(Code::kNoSpace);
  EXPECT_EQ(deliver({"alice", "bob"}), (Words{"failed", "failed"}));
  world_.engines.fail_writes(std::nullopt);
  EXPECT_EQ(deliver({"alice", "bob"}), (Words{"accepted", "accepted"}));
}

TEST_F(DelivererTest, AScriptReachesNoMailboxItMayNotPostTo) {  // RFC 4314 §2.1
  script("alice", R"(require ["fileinto", "mailboxid"];
                     fileinto "Other Users/bob/INBOX";)");
  EXPECT_EQ(deliver({"alice"}), Words{"accepted"});
  EXPECT_EQ(count("bob/INBOX"), 0U);
  EXPECT_EQ(count("alice/INBOX"), 1U);
  script("alice", fmt::format(R"(require ["fileinto", "mailboxid"];
                                 fileinto :mailboxid "{}" "None";)",
                              world_.mailbox("bob/INBOX").id.text()));
  EXPECT_EQ(deliver({"alice"}, "Subject: two\r\n\r\n"), Words{"accepted"});
  EXPECT_EQ(count("bob/INBOX"), 0U);
  EXPECT_EQ(count("alice/INBOX"), 2U);
}

TEST_F(DelivererTest, AMailboxIsFoundByItsIdWhateverItsName) {  // RFC 9042 §4
  const std::string id = world_.mailbox("alice/lists/cxx").id.text();
  ASSERT_TRUE(world_.store->rename(*MailboxName::make("alice", "lists/cxx"),
                                   *MailboxName::make("alice", "C++")));
  script("alice", fmt::format(R"(require ["mailboxid", "fileinto"];
                                 if mailboxidexists "{}" {{ fileinto :mailboxid "{}" "None"; }}
                                 if mailboxidexists ["{}", "F0"] {{ discard; }})",
                              id, id, id));
  EXPECT_EQ(deliver({"alice"}), Words{"accepted"});
  EXPECT_EQ(count("alice/C++"), 1U);
  EXPECT_EQ(count("alice/INBOX"), 0U);
}

TEST_F(DelivererTest, AMailboxIsFoundByItsUse) {  // RFC 8579 §3, §4
  ASSERT_TRUE(
      world_.store->set_attributes(world_.mailbox("alice/lists/cxx").id,
                                   {{std::string(kAttributeSpecialUse), "\\Flagged \\Junk"}}));
  script("alice", R"(require ["special-use", "fileinto", "mailbox"];
      if allof(specialuse_exists "\\junk", specialuse_exists "lists/cxx" ["\\Junk", "\\Flagged"],
               not specialuse_exists "\\Sent", not specialuse_exists "INBOX" "\\Junk")
      { fileinto :specialuse "\\Junk" "Spam"; fileinto :specialuse "\\Sent" :create "Out"; })");
  EXPECT_EQ(deliver({"alice"}), Words{"accepted"});
  EXPECT_EQ(count("alice/lists/cxx"), 1U);
  ASSERT_EQ(count("alice/Out"), 1U);
  // What was made for a use has it.
  EXPECT_EQ(world_.mailbox("alice/Out").attributes.at(std::string(kAttributeSpecialUse)), "\\Sent");
  EXPECT_FALSE(world_.store->find(MailboxName{"alice", "Spam"}));
}

TEST_F(DelivererTest, ScriptsSeeTheAnnotationsThatTheirUserSees) {  // RFC 5490 §3.3, §4.1
  const MailboxInfo inbox = world_.mailbox("alice/INBOX");
  MailStore& store = *world_.store;
  ASSERT_TRUE(annotate(store, "bob", &inbox, {{"/private/rule", "another's"}}));
  const MailboxInfo lists_now = world_.mailbox("alice/lists/cxx");
  ASSERT_TRUE(annotate(store, "alice", &lists_now, {{"/private/specialuse", "\\Junk"}}));
  ASSERT_TRUE(
      annotate(store, "alice", &inbox, {{"/private/rule", "mine"}, {"/shared/rule", "ours"}}));
  ASSERT_TRUE(
      annotate(store, "alice", nullptr, {{"/private/away", "yes"}, {"/shared/motd", "hello"}}));
  script("alice", R"(require ["mboxmetadata", "servermetadata", "fileinto"];
                     if allof(metadata "INBOX" "/private/rule" "mine",
                              metadata "INBOX" "/SHARED/Rule" "ours",
                              metadata "lists/cxx" "/private/specialuse" "\\Junk",
                              servermetadata "/private/away" "yes",
                              servermetadata "/shared/motd" "hello",
                              not metadataexists "INBOX" ["/private/rule", "/private/none"],
                              not metadata "INBOX" "/private/rule" "another's",
                              not metadataexists "INBOX" "no name",
                              not servermetadataexists "/shared/none")
                     { fileinto "lists/cxx"; })");
  EXPECT_EQ(deliver({"alice"}), Words{"accepted"});
  EXPECT_EQ(count("alice/lists/cxx"), 1U);
  // Of a mailbox that one may post to but not know of nothing is told (RFC 5464 §3.3).
  script("bob", R"(require ["mboxmetadata", "fileinto"];
                   if metadata "Other Users/alice/INBOX" "/shared/rule" "ours"
                   { fileinto "Other Users/alice/lists/cxx"; })");
  const UniqueId lists = world_.mailbox("alice/lists/cxx").id;
  ASSERT_TRUE(store.set_attributes(lists, {{"acl/bob", "p"}}));
  for (const std::string rights : {"p", "lp"}) {
    ASSERT_TRUE(store.set_attributes(inbox.id, {{"acl/bob", rights}}));
    EXPECT_EQ(deliver({"bob"}, "Subject: " + rights + "\r\n\r\n"), Words{"accepted"});
  }
  EXPECT_EQ(count("bob/INBOX"), 1U);
  EXPECT_EQ(count("alice/lists/cxx"), 2U);
}

TEST_F(DelivererTest, ASpamScoreComesFromTheConfiguredField) {  // RFC 5235
  world_.make_deliverer(
      {.hostname = "mx.example.org", .spamtest = {.field = "X-Score", .max = 10}});
  script("alice", R"(require ["spamtest", "relational", "comparator-i;ascii-numeric", "fileinto"];
                     if spamtest :value "ge" :comparator "i;ascii-numeric" "5"
                     { fileinto "lists/cxx"; })");
  EXPECT_EQ(deliver({"alice"}, "X-Score: 9\r\n\r\n"), Words{"accepted"});
  EXPECT_EQ(deliver({"alice"}, "X-Score: 1\r\n\r\n"), Words{"accepted"});
  EXPECT_EQ(count("alice/lists/cxx"), 1U);
  EXPECT_EQ(count("alice/INBOX"), 1U);
}

TEST_F(DelivererTest, ARejectWithMoreThanAReplyHoldsGoesByMail) {  // RFC 5429 §2.2
  for (const size_t lines : {kReasonLinesMax, kReasonLinesMax + 1}) {
    SCOPED_TRACE(lines);
    std::string text;
    for (size_t i = 0; i < lines; ++i) text += fmt::format("line {}\r\n", i);
    script("alice", "require \"reject\"; reject text:\r\n" + text + ".\r\n;");
    const bool is_whole = lines == kReasonLinesMax;
    EXPECT_EQ(deliver({"alice"}), Words{is_whole ? "refused" : "accepted"});
    ASSERT_EQ(outbox().size(), is_whole ? 0U : 1U);
  }
  EXPECT_NE(outbox().front().find(fmt::format("line {}\r\n", kReasonLinesMax)), std::string::npos);
  // An ereject never sends mail (§2.1.1).
  std::string text;
  for (size_t i = 0; i <= kReasonLinesMax; ++i) text += "line\r\n";
  script("bob", "require \"ereject\"; ereject text:\r\n" + text + ".\r\n;");
  EXPECT_EQ(deliver({"bob"}), Words{"refused"});
  EXPECT_EQ(outbox().size(), 1U);
}

// Cases M02, M04, M05, M07, M08, S13: whatever comes is filed, and what a script sees is bounded.
TEST_F(DelivererTest, HostileMessagesAreFiledByAnyScript) {
  std::string nested;
  for (int level = 0; level < 20'000; ++level)
    nested += fmt::format("Content-Type: multipart/mixed; boundary=b{0}\r\n\r\n--b{0}\r\n", level);
  std::string parameters = "Content-Type: text/plain";
  for (int i = 0; i < 50'000; ++i) parameters += fmt::format(";\r\n a*{}=x", i);
  std::string names;
  for (int i = 0; i < 200'000; ++i) names += fmt::format("X-{}: {}\r\n", i, i);
  const std::vector<std::string> messages = {
      nested,
      names + "\r\ntext\r\n",
      parameters + "\r\n\r\n",
      "X-Big: " + std::string(4 << 20, 'x') + "\r\nSubject: behind\r\n\r\n",
      "From: undisclosed:;\r\nTo: g: a@b, c@d;\r\n\r\n",
      "Content-Type: text/html; charset=utf-8\r\nSubject: =?utf-8?Q?=C3?=\r\n\r\n<p>\xc3<",
      "",
      std::string("\0\n\0", 3)};
  script("alice", R"(require ["body", "mime", "foreverypart", "variables", "vacation", "fileinto"];
      foreverypart { if header :mime :contains "Content-Type" "none" { fileinto "None"; } }
      if body :text :contains "needle" { fileinto "None"; }
      if address :all :matches ["from", "to"] "*@*" { set "x" "${1}"; }
      if header :matches "subject" "*" { set "x" "${1}"; }
      vacation "away";)");
  for (const std::string& message : messages)
    EXPECT_EQ(deliver({"alice"}, message), Words{"accepted"});
  // With a message for alice wherever a run met a limit; but each is there.
  EXPECT_GE(count("alice/INBOX"), messages.size());
  for (const std::string& message : messages)
    EXPECT_EQ(deliver({"bob"}, message), Words{"accepted"});
  EXPECT_EQ(count("bob/INBOX"), messages.size());
}

// A script says what it likes of itself, also at length, and its owner is told as much as fits.
TEST_F(DelivererTest, MistakesAreToldInSoManyOctetsAndNoMore) {
  script("alice", "require \"ihave\"; error \"" + std::string(100'000, 'x') + "\";");
  EXPECT_EQ(deliver({"alice"}), Words{"accepted"});
  EXPECT_EQ(count("alice/INBOX"), 2U);
  std::string told = world_.message("alice/INBOX", 1) + world_.message("alice/INBOX", 2);
  EXPECT_NE(told.find(": the script says: xxx"), std::string::npos);
  EXPECT_NE(told.find("xxx...\r\n"), std::string::npos);
  EXPECT_LT(told.size(), 3000U);
}

TEST(ScriptNotice, HoldsWholeLinesAndCharacters) {
  const auto lines_of = [](const std::string& mistakes) {
    const std::string notice = script_notice(
        {.hostname = "mx", .to = "a@mx", .script = "s", .mistakes = mistakes, .id = "1"});
    const size_t start = notice.find("script \"s\"\r\n") + 12;
    return notice.substr(start, notice.find("\r\n\r\nYou get this") - start);
  };
  EXPECT_EQ(lines_of("one"), "one");
  EXPECT_EQ(lines_of(""), "");
  EXPECT_EQ(lines_of("one\r\n\r\ntwo"), "one\r\n\r\ntwo");
  const std::string most(kMistakeLineBytesMax, 'x');
  EXPECT_EQ(lines_of(most), most);
  EXPECT_EQ(lines_of(most + "x"), most + "...");
  std::string umlauts = "x";
  while (umlauts.size() < 2 * kMistakeLineBytesMax) umlauts += "\u00e4";
  EXPECT_EQ(lines_of(umlauts), umlauts.substr(0, kMistakeLineBytesMax - 1) + "...");
  std::string many = most;
  for (int i = 0; i < 20; ++i) many += "\r\n" + most;
  const std::string told = lines_of(many);
  EXPECT_EQ(told.size(), 9 * (kMistakeLineBytesMax + 2) + 3);
  EXPECT_TRUE(told.ends_with("x\r\n..."));
}

TEST(ScriptLibrary, KeepsSoManyCompiledOnesAndNoMore) {
  ScriptLibrary library;
  const ScriptLibrary::Compiled first = library.compile("keep;");
  EXPECT_EQ(library.compile("keep;"), first);
  for (size_t i = 0; i < kCompiledMax; ++i) library.compile(fmt::format("keep; # {}", i));
  EXPECT_NE(library.compile("keep;"), first);
  EXPECT_FALSE(library.compile("kepp;")->script);
}

}  // namespace
}  // namespace gemel::delivery
