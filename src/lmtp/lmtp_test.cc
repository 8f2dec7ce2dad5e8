#include <fmt/format.h>
#include <gtest/gtest.h>

#include "delivery/test_world.h"
#include "lmtp/reply.h"
#include "lmtp/session.h"
#include "lmtp/trace.h"

namespace gemel::lmtp {
namespace {

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

TEST(Trace, NamesTheTransport) {  // RFC 3848, RFC 6531 §4.3
  EXPECT_EQ(protocol_of({}), "LMTP");
  EXPECT_EQ(protocol_of({.is_tls = true}), "LMTPS");
  EXPECT_EQ(protocol_of({.is_tls = true, .is_authenticated = true}), "LMTPSA");
  EXPECT_EQ(protocol_of({.is_authenticated = true, .is_utf8 = true}), "UTF8LMTPA");
}

TEST(Reply, IsPermanentOnlyWhereTryingAgainCantHelp) {
  const auto code_of = [](Code code) { return reply_for({code, ""}).code; };
  EXPECT_EQ(code_of(Code::kNotFound), 550);
  EXPECT_EQ(code_of(Code::kTooBig), 552);
  for (const Code code : {Code::kNoSpace, Code::kReadOnly, Code::kIo, Code::kBusy, Code::kOverQuota,
                          Code::kLimit, Code::kCorrupt, Code::kUnavailable})
    EXPECT_LT(code_of(code), 500) << name_of(code);
}

TEST(Reply, GoesOnInTheNextLineWhereOneIsTooLong) {  // RFC 5429 §2.5
  const std::string long_word(kReplyTextBytesMax, 'x');
  EXPECT_EQ(lines_of({550, "5.7.1", long_word + "y\r\nshort\r\n"}),
            "550-5.7.1 " + long_word + "\r\n550-5.7.1 y\r\n550 5.7.1 short\r\n");
  EXPECT_EQ(lines_of({550, "5.7.1", long_word}), "550 5.7.1 " + long_word + "\r\n");
  EXPECT_EQ(lines_of({550, "", "x" + long_word.substr(2) + "\u00e4"}),
            "550-x" + long_word.substr(2) + "\r\n550 \u00e4\r\n");
  std::string many;
  for (size_t i = 0; i <= kReplyLinesMax; ++i) many += "line\r\n";
  const std::string said = lines_of({550, "", many});
  EXPECT_EQ(std::ranges::count(said, '\n'), kReplyLinesMax);
  EXPECT_TRUE(said.ends_with("\r\n550 line\r\n"));
}

// One body for all, and one reply for each.
TEST(Lmtp, FiftyRecipientsShareOneBody) {
  delivery::TestWorld world;
  const std::unique_ptr<MailStore>& store_ = world.store;
  const Options options{.hostname = "mx"};
  Session session({*store_, world.clock, world.random, *world.deliverer}, options,
                  {.peer_address = "unix"});
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

// mta, whose password is "secret".
class OnePassword final : public wire::CredentialSource {
 public:
  Result<void> check_user(std::string_view userid) override {
    if (userid != "mta") return fail(Code::kAuthFailed, "");
    return {};
  }
  Result<wire::ScramCredential> scram(std::string_view) override {
    return fail(Code::kNotFound, "");
  }
  Result<void> check_password(std::string_view, std::string_view password) override {
    if (password != "secret") return fail(Code::kAuthFailed, "");
    return {};
  }
};

TEST(Lmtp, TlsForgetsTheLogin) {  // RFC 3207 §4.2
  delivery::TestWorld world;
  OnePassword credentials;
  const Options options{
      .hostname = "mx", .credentials = &credentials, .auth = Options::Auth::kRequired};
  Session session({*world.store, world.clock, world.random, *world.deliverer}, options,
                  {.peer_address = "unix", .is_local = true, .can_tls = true});
  const auto say = [&](std::string_view line) {
    std::string out;
    session.produce(out, 10'000);
    session.receive(fmt::format("{}\r\n", line));
    out.clear();
    session.produce(out, 10'000);
    return out.substr(0, 3);
  };
  say("LHLO x");
  EXPECT_EQ(say("AUTH PLAIN AG10YQBzZWNyZXQ="), "235");
  EXPECT_EQ(say("STARTTLS"), "220");
  session.tls_started();
  say("LHLO x");
  EXPECT_EQ(say("MAIL FROM:<>"), "530");
  EXPECT_EQ(say("AUTH PLAIN AG10YQBzZWNyZXQ="), "235");
  EXPECT_EQ(say("MAIL FROM:<>"), "250");
}

// The login is the mail server's; users have certificates too.
TEST(Lmtp, OnlyTheMailServersCertificateLogsIn) {
  delivery::TestWorld world;
  OnePassword credentials;
  const Options options{
      .hostname = "mx", .credentials = &credentials, .auth = Options::Auth::kRequired};
  const auto says = [&](std::string userid) {
    const auto tls =
        std::make_shared<wire::TlsFacts>(wire::TlsFacts{.client_userids = {std::move(userid)}});
    Session session({*world.store, world.clock, world.random, *world.deliverer}, options,
                    {.peer_address = "192.0.2.7", .is_tls = true, .tls = tls});
    session.receive("LHLO x\r\nAUTH EXTERNAL =\r\n");
    std::string out;
    session.produce(out, 10'000);
    return out.substr(out.find("250 ") + 4).substr(out.substr(out.find("250 ") + 4).find('\n') + 1);
  };
  EXPECT_TRUE(says("mta").starts_with("235 "));
  EXPECT_TRUE(says("alice").starts_with("535 "));
}

// A sender that pipelines does not know yet that nobody takes them.
TEST(Lmtp, ChunksForNobodyAreNoBadCommands) {  // RFC 3030 §2
  delivery::TestWorld world;
  const Options options{.hostname = "mx", .bad_commands_max = 3};
  Session session({*world.store, world.clock, world.random, *world.deliverer}, options,
                  {.peer_address = "unix"});
  std::string input = "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<nobody>\r\n";
  for (int i = 0; i < 10; ++i) input += "BDAT 3\r\nxyz";
  session.receive(input + "RSET\r\nMAIL FROM:<>\r\nRCPT TO:<bob>\r\nBDAT 3 LAST\r\nx\r\n");
  std::string out;
  session.produce(out, 10'000);
  EXPECT_NE(out.find("250 2.1.5 <bob> delivered"), std::string::npos) << out;
}

// What came behind the message waits too, and what does not concern it is not refused.
TEST(Lmtp, RepliesWaitForTheReplica) {
  delivery::TestWorld world;
  MailStore& store = *world.store;
  AckGate gate(system_clock());
  const auto replica =
      gate.add("standby", {.level = AckLevel::kDurable, .away = AckPolicy::Away::kRefuse});
  replica->link(AckGate::Link::kUp);
  const Options options{.hostname = "mx"};
  int wakes = 0;
  Session session({store, world.clock, world.random, *world.deliverer, &gate}, options,
                  {.peer_address = "unix", .wake = [&] { ++wakes; }});
  std::string out;
  session.receive(
      "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice>\r\nRCPT TO:<bob>\r\nDATA\r\nx\r\n.\r\n"
      "MAIL FROM:<>\r\nRCPT TO:<nobody>\r\n");
  session.produce(out, 10'000);
  EXPECT_TRUE(out.ends_with("end with a dot\r\n")) << out;
  EXPECT_EQ(session.want(), wire::Want::kWake);
  const UniqueId alice = store.find(MailboxName{"alice", "INBOX"})->id;
  const UniqueId bob = store.find(MailboxName{"bob", "INBOX"})->id;
  replica->reached(alice, store.find(alice)->highestmodseq, AckGate::Held::kDurable);
  EXPECT_EQ(wakes, 0);
  replica->reached(bob, store.find(bob)->highestmodseq, AckGate::Held::kDurable);
  EXPECT_EQ(wakes, 1);
  out.clear();
  session.wake();
  session.produce(out, 10'000);
  EXPECT_TRUE(out.starts_with("250 2.1.5 <alice> delivered")) << out;
  EXPECT_NE(out.find("250 2.1.5 <bob> delivered"), std::string::npos) << out;
  EXPECT_NE(out.find("550 5.1.1"), std::string::npos) << out;
  EXPECT_EQ(session.want(), wire::Want::kInput);

  // Away: nothing is stored, and the sender may try again.
  replica->link(AckGate::Link::kDown);
  out.clear();
  session.receive("RCPT TO:<alice>\r\nDATA\r\ny\r\n.\r\n");
  session.produce(out, 10'000);
  EXPECT_NE(out.find("\r\n451 4.4.1 <alice> try again later\r\n"), std::string::npos) << out;
  EXPECT_EQ(store.find(alice)->exists, 1U);
}

class NobodysLogin final : public wire::CredentialSource {
 public:
  Result<void> check_user(std::string_view) override { return {}; }
  Result<wire::ScramCredential> scram(std::string_view) override {
    return fail(Code::kAuthFailed, "");
  }
  Result<void> check_password(std::string_view, std::string_view) override {
    return fail(Code::kAuthFailed, "");
  }
};

class LmtpLimits : public testing::Test {
 protected:
  std::string say(const std::string& bytes) {
    session_.receive(bytes);
    std::string out;
    do {
      session_.produce(out, 10'000);
    } while (session_.want() == wire::Want::kMore);
    return out;
  }
  delivery::TestWorld world_;
  NobodysLogin credentials_;
  Options options_{.hostname = "mx", .credentials = &credentials_};
  Session session_{{*world_.store, world_.clock, world_.random, *world_.deliverer},
                   options_,
                   {.peer_address = "unix", .is_local = true}};
};

TEST_F(LmtpLimits, AnAnswerToAChallengeMayBeSoLongAndNoLonger) {  // RFC 4954 §4
  say("LHLO x\r\nAUTH PLAIN\r\n");
  const std::string most(kAuthLineBytesMax - 2, 'A');
  EXPECT_EQ(say(most + "\r\n"), "501 5.5.2 that is not base64\r\n");  // its length
  EXPECT_TRUE(say("AUTH PLAIN\r\n").starts_with("334 "));
  EXPECT_TRUE(say(most + "AAA").starts_with("500 5.5.6 "));
  EXPECT_TRUE(say("\r\nNOOP\r\n").starts_with("250 "));
}

TEST_F(LmtpLimits, SoManyLoginsMayFail) {
  say("LHLO x\r\n");
  for (size_t i = 1; i < kLoginFailuresMax; ++i)
    EXPECT_TRUE(say("AUTH PLAIN AGEAYg==\r\n").ends_with("wrong user name or password\r\n"));
  EXPECT_NE(say("AUTH PLAIN AGEAYg==\r\n").find("421 4.7.0 "), std::string::npos);
  EXPECT_EQ(session_.want(), wire::Want::kClose);
}

TEST_F(LmtpLimits, AChunkThatIsRefusedIsReadUpToSoManyOctets) {
  say("LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice>\r\n");
  EXPECT_EQ(say(fmt::format("BDAT {} LAST\r\n", kRefusedChunkBytesMax)), "");  // it is awaited
  EXPECT_EQ(session_.want(), wire::Want::kInput);
  Session other({*world_.store, world_.clock, world_.random, *world_.deliverer}, options_,
                {.peer_address = "unix"});
  other.receive(fmt::format("LHLO x\r\nBDAT {} LAST\r\n", kRefusedChunkBytesMax + 1));
  std::string out;
  other.produce(out, 10'000);
  EXPECT_NE(out.find("552 5.3.4 "), std::string::npos) << out;
  EXPECT_EQ(other.want(), wire::Want::kClose);
}

TEST(Lmtp, S19ACommandHasToComeToItsEndInTime) {
  delivery::TestWorld world;
  const Options options{.hostname = "mx"};
  Session session({*world.store, world.clock, world.random, *world.deliverer}, options,
                  {.peer_address = "unix"});
  std::string out;
  session.produce(out, 10'000);
  const int64_t whole = *session.input_timeout_ms();
  for (const char* byte : {"L", "H", "L"}) {
    world.clock.advance_ms(whole / 4);
    session.receive(byte);
    session.produce(out, 10'000);
  }
  EXPECT_EQ(session.input_timeout_ms(), whole - whole / 4 * 3);
  session.timed_out();
  out.clear();
  session.produce(out, 10'000);
  EXPECT_TRUE(out.starts_with("421 4.4.2 ")) << out;
  EXPECT_EQ(session.want(), wire::Want::kClose);
}

TEST(Lmtp, AStoppingServerSaysTheRepliesThatItOwes) {
  delivery::TestWorld world;
  MailStore& store = *world.store;
  AckGate gate(system_clock());
  const auto replica = gate.add("standby", {.level = AckLevel::kDurable});
  replica->link(AckGate::Link::kUp);
  const Options options{.hostname = "mx"};
  Session session({store, world.clock, world.random, *world.deliverer, &gate}, options,
                  {.peer_address = "unix"});
  std::string out;
  session.receive("LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice>\r\nDATA\r\nx\r\n.\r\n");
  session.produce(out, 10'000);
  session.shut_down();
  out.clear();
  session.produce(out, 10'000);
  EXPECT_EQ(out, "");
  replica->reached(store.find(MailboxName{"alice", "INBOX"})->id, ModSeq(UINT64_MAX),
                   AckGate::Held::kDurable);
  while (session.want() != wire::Want::kClose) session.produce(out, 10'000);
  EXPECT_TRUE(out.starts_with("250 2.1.5 ")) << out;
  EXPECT_NE(out.find("\r\n421 4.3.2 "), std::string::npos) << out;
}

}  // namespace
}  // namespace gemel::lmtp
