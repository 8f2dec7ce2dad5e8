#include <fmt/format.h>
#include <gtest/gtest.h>

#include "lmtp/address.h"
#include "lmtp/recipient.h"
#include "lmtp/reply.h"
#include "lmtp/session.h"
#include "lmtp/trace.h"

namespace gemel::lmtp {
namespace {

TEST(Address, ReadsPaths) {  // RFC 5321 §4.1.2
  const auto path = parse_path("<Alice+lists@Example.ORG> SIZE=10");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->text, "Alice+lists@Example.ORG");
  EXPECT_EQ(path->address, (Address{"Alice+lists", "example.org"}));
  EXPECT_EQ(path->rest, " SIZE=10");
  EXPECT_TRUE(parse_path("<>")->is_null());
  EXPECT_EQ(parse_path("<postmaster>")->address, (Address{"postmaster", ""}));
  EXPECT_EQ(parse_path("<a@[192.0.2.1]>")->address.domain, "[192.0.2.1]");
  EXPECT_EQ(parse_path("<a@[IPv6:::1]>")->address.domain, "[ipv6:::1]");
}

TEST(Address, UndoesQuotesAndIgnoresRoutes) {
  EXPECT_EQ(parse_path(R"(<"a \"b\" c"@x>)")->address.local, R"(a "b" c)");
  EXPECT_EQ(parse_path("<@relay.example,@other.example:bob@x>")->text, "bob@x");
}

TEST(Address, RefusesWhatIsNone) {
  for (const char* bad : {"", "a@b", "<a@b", "<@x>", "<a@>", "<a b@c>", "<\"a@b>", "<a@b>x",
                          "<a@b c>", "<@r:>", "<a\r\n@b>", "<\xc3\xa4@b>", "<a@[1>"})
    EXPECT_FALSE(parse_path(bad)) << bad;
  EXPECT_TRUE(parse_path("<" + std::string(kPathBytesMax - 2, 'a') + ">"));
  EXPECT_EQ(parse_path("<" + std::string(kPathBytesMax - 1, 'a') + ">").error().code,
            Code::kTooBig);
}

TEST(Trace, WritesBothFields) {
  const Trace trace{.return_path = "a@b",
                    .client_name = "mta.example",
                    .peer_address = "::1",
                    .hostname = "mx.example",
                    .id = "17",
                    .for_recipient = "c@d",
                    .unix_s = 1'764'000'000};
  EXPECT_EQ(trace_fields(trace),
            "Return-Path: <a@b>\r\n"
            "Received: from mta.example ([IPv6:::1])\r\n"
            "\tby mx.example with LMTP id 17\r\n"
            "\tfor <c@d>;\r\n"
            "\tMon, 24 Nov 2025 16:00:00 +0000\r\n");
}

TEST(Trace, DatesAreRight) {
  EXPECT_EQ(date_time(0), "Thu, 01 Jan 1970 00:00:00 +0000");
  EXPECT_EQ(date_time(951'782'399), "Mon, 28 Feb 2000 23:59:59 +0000");
}

TEST(Reply, IsPermanentOnlyWhereTryingAgainCantHelp) {
  const auto code_of = [](Code code) { return reply_for({code, ""}).code; };
  EXPECT_EQ(code_of(Code::kNotFound), 550);
  EXPECT_EQ(code_of(Code::kTooBig), 552);
  for (const Code code : {Code::kNoSpace, Code::kReadOnly, Code::kIo, Code::kBusy, Code::kOverQuota,
                          Code::kLimit, Code::kCorrupt, Code::kUnavailable})
    EXPECT_LT(code_of(code), 500) << name_of(code);
}

class RecipientTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = *MailStore::open({.path = "mail", .partitions = {}, .opener = &engines_});
    for (const char* user : {"alice", "Bob", "bob+x", "dan@example.org"})
      ASSERT_TRUE(store_->create_user(user, {}));
    ASSERT_TRUE(store_->create({.name = *MailboxName::make("alice", "lists/cxx")}));
  }
  // "USER MAILBOX", or the error's code.
  std::string found(std::string_view path) {
    const auto recipient = find_recipient(*store_, rules_, parse_path(path)->address);
    if (!recipient) return std::string(name_of(recipient.error().code));
    return recipient->userid + " " + store_->find(recipient->mailbox)->name.path;
  }

  MemoryOpener engines_;
  std::unique_ptr<MailStore> store_;
  RecipientRules rules_;
};

TEST_F(RecipientTest, TriesTheAddressThenItsLocalPart) {
  EXPECT_EQ(found("<dan@example.org>"), "dan@example.org INBOX");
  EXPECT_EQ(found("<dan@example.com>"), "not-found");
  EXPECT_EQ(found("<alice@example.com>"), "alice INBOX");
  EXPECT_EQ(found("<alice>"), "alice INBOX");
  EXPECT_EQ(found("<nobody@example.org>"), "not-found");
}

TEST_F(RecipientTest, TakesDetailForAMailboxWhereThereIsOne) {  // RFC 5233 §1
  EXPECT_EQ(found("<alice+lists/cxx@example.com>"), "alice lists/cxx");
  EXPECT_EQ(found("<alice+none@example.com>"), "alice INBOX");
  EXPECT_EQ(found("<alice+@example.com>"), "alice INBOX");
  EXPECT_EQ(found("<alice+%@example.com>"), "alice INBOX");
  EXPECT_EQ(found("<dan+x@example.org>"), "dan@example.org INBOX");
  EXPECT_EQ(found("<bob+x@example.org>"), "bob+x INBOX");
  EXPECT_EQ(found("<+alice@example.org>"), "not-found");
  rules_.detail_separator = "";
  EXPECT_EQ(found("<alice+none@example.com>"), "not-found");
}

TEST_F(RecipientTest, FoldsCaseIfItShould) {
  EXPECT_EQ(found("<ALICE@example.com>"), "alice INBOX");
  EXPECT_EQ(found("<Bob@example.com>"), "Bob INBOX");
  EXPECT_EQ(found("<Dan@Example.Org>"), "dan@example.org INBOX");
  rules_.letter_case = RecipientRules::Case::kExact;
  EXPECT_EQ(found("<ALICE@example.com>"), "not-found");
}

TEST_F(RecipientTest, LooksUpWhatTheRulesSay) {
  rules_.lookup = RecipientRules::Lookup::kAddress;
  EXPECT_EQ(found("<alice@example.com>"), "not-found");
  EXPECT_EQ(found("<dan@example.org>"), "dan@example.org INBOX");
  EXPECT_EQ(found("<alice>"), "alice INBOX");
  rules_.lookup = RecipientRules::Lookup::kLocalPart;
  EXPECT_EQ(found("<dan@example.org>"), "not-found");
  EXPECT_EQ(found("<alice@example.com>"), "alice INBOX");
}

// One body for all, and one reply for each.
TEST_F(RecipientTest, FiftyRecipientsShareOneBody) {
  const Options options{.hostname = "mx"};
  Session session({*store_, system_clock(), system_random()}, options, {.peer_address = "unix"});
  std::string input = "LHLO x\r\nMAIL FROM:<>\r\n";
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(store_->create_user(fmt::format("user{}", i), {}));
    input += fmt::format("RCPT TO:<user{}>\r\n", i);
  }
  session.receive(input + "DATA\r\nSubject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n");
  std::string out;
  while (session.want() != wire::Want::kClose) session.produce(out, 100);
  EXPECT_EQ(session.want(), wire::Want::kClose);
  Guid guid;
  for (int i = 0; i < 50; ++i) {
    EXPECT_NE(out.find(fmt::format("250 2.1.5 <user{}> delivered", i)), std::string::npos);
    const auto info = store_->find(MailboxName{fmt::format("user{}", i), "INBOX"});
    ASSERT_EQ(info->exists, 1U);
    const Guid here = store_->view(info->id)->record(Uid(1))->facts.guid;
    if (i > 0) EXPECT_EQ(here, guid);
    guid = here;
  }
  const auto view = store_->view(store_->find(MailboxName{"user0", "INBOX"})->id);
  EXPECT_EQ(view->body(guid)->read_all()->find("for <"), std::string::npos);
}

// What came behind the message waits too, and what does not concern it is not refused.
TEST_F(RecipientTest, RepliesWaitForTheReplica) {
  AckGate gate(system_clock());
  const auto replica =
      gate.add("standby", {.level = AckLevel::kDurable, .away = AckPolicy::Away::kRefuse});
  replica->link(AckGate::Link::kUp);
  const Options options{.hostname = "mx"};
  int wakes = 0;
  Session session({*store_, system_clock(), system_random(), &gate}, options,
                  {.peer_address = "unix", .wake = [&] { ++wakes; }});
  std::string out;
  session.receive(
      "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice>\r\nRCPT TO:<Bob>\r\nDATA\r\nx\r\n.\r\n"
      "MAIL FROM:<>\r\nRCPT TO:<nobody>\r\n");
  session.produce(out, 10'000);
  EXPECT_TRUE(out.ends_with("end with a dot\r\n")) << out;
  EXPECT_EQ(session.want(), wire::Want::kWake);
  const UniqueId alice = store_->find(MailboxName{"alice", "INBOX"})->id;
  const UniqueId bob = store_->find(MailboxName{"Bob", "INBOX"})->id;
  replica->reached(alice, store_->find(alice)->highestmodseq, AckGate::Held::kDurable);
  EXPECT_EQ(wakes, 0);
  replica->reached(bob, store_->find(bob)->highestmodseq, AckGate::Held::kDurable);
  EXPECT_EQ(wakes, 1);
  out.clear();
  session.wake();
  session.produce(out, 10'000);
  EXPECT_TRUE(out.starts_with("250 2.1.5 <alice> delivered")) << out;
  EXPECT_NE(out.find("250 2.1.5 <Bob> delivered"), std::string::npos) << out;
  EXPECT_NE(out.find("550 5.1.1"), std::string::npos) << out;
  EXPECT_EQ(session.want(), wire::Want::kInput);

  // Away: nothing is stored, and the sender may try again.
  replica->link(AckGate::Link::kDown);
  out.clear();
  session.receive("RCPT TO:<alice>\r\nDATA\r\ny\r\n.\r\n");
  session.produce(out, 10'000);
  EXPECT_NE(out.find("\r\n451 4.4.1 <alice> try again later\r\n"), std::string::npos) << out;
  EXPECT_EQ(store_->find(alice)->exists, 1U);
}

TEST_F(RecipientTest, AStoppingServerSaysTheRepliesThatItOwes) {
  AckGate gate(system_clock());
  const auto replica = gate.add("standby", {.level = AckLevel::kDurable});
  replica->link(AckGate::Link::kUp);
  const Options options{.hostname = "mx"};
  Session session({*store_, system_clock(), system_random(), &gate}, options,
                  {.peer_address = "unix"});
  std::string out;
  session.receive("LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice>\r\nDATA\r\nx\r\n.\r\n");
  session.produce(out, 10'000);
  session.shut_down();
  out.clear();
  session.produce(out, 10'000);
  EXPECT_EQ(out, "");
  replica->reached(store_->find(MailboxName{"alice", "INBOX"})->id, ModSeq(UINT64_MAX),
                   AckGate::Held::kDurable);
  while (session.want() != wire::Want::kClose) session.produce(out, 10'000);
  EXPECT_TRUE(out.starts_with("250 2.1.5 ")) << out;
  EXPECT_NE(out.find("\r\n421 4.3.2 "), std::string::npos) << out;
}

}  // namespace
}  // namespace gemel::lmtp
