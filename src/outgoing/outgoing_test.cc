// The queue, and a relay that the test plays.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/test_clock.h"
#include "outgoing/relay_session.h"
#include "outgoing/status_notice.h"

namespace gemel::outgoing {
namespace {

class OutgoingTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = *MailStore::open({.path = "mail",
                               .partitions = {},
                               .inline_commits = true,
                               .clock = &clock_,
                               .opener = &engines_});
    ASSERT_TRUE(store_->create_user("alice", {}));
    outbox_ = std::make_unique<Outbox>(*store_, 100);
    restart();
  }
  void restart() {
    queue_ = std::make_unique<Queue>(*store_, *outbox_, clock_,
                                     QueueOptions{.hostname = "mx.example", .give_up_s = 10'000});
  }
  void put(const OutboxEnvelope& envelope,
           std::string_view message = "Subject: x\r\n\r\nhello\r\n") {
    ASSERT_TRUE(outbox_->put(envelope, message, clock_.unix_s()));
  }
  std::string next_recipient() {
    item_ = queue_->next();
    return item_ ? item_->mail.envelope.recipient : "";
  }
  void done(Outcome::Kind kind, const std::string& text = "why") {
    queue_->done(*item_, {kind, text});
  }
  size_t waiting() { return outbox_->entries()->size(); }
  std::string inbox_message(std::string_view owner) {
    const auto info = store_->find(MailboxName{std::string(owner), "INBOX"});
    if (info->exists == 0) return "";
    const MailboxView view = store_->view(info->id).value();
    return view.body(view.record(info->last_uid)->facts.guid)->read_all().value();
  }

  ManualClock clock_;
  MemoryOpener engines_;
  std::unique_ptr<MailStore> store_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<Queue> queue_;
  std::optional<Feed::Item> item_;
};
using Failure = OutboxEnvelope::Failure;
using Kind = Outcome::Kind;

TEST_F(OutgoingTest, WhatIsSentIsGone) {
  EXPECT_EQ(queue_->due_in_ms(), std::nullopt);
  put({.sender = "a@b", .recipient = "c@d"});
  put({.sender = "a@b", .recipient = "e@f"});
  EXPECT_EQ(queue_->due_in_ms(), 0);
  EXPECT_EQ(next_recipient(), "c@d");
  done(Kind::kSent);
  EXPECT_EQ(next_recipient(), "e@f");
  const Feed::Item second = *item_;
  EXPECT_EQ(next_recipient(), "");  // one is under way, and given to nobody else
  queue_->done(second, {Kind::kSent, ""});
  EXPECT_EQ(waiting(), 0U);
  queue_->tidy();
  EXPECT_EQ(store_->find(MailboxName{"$outbox", "INBOX"})->expunged, 0U);
}

TEST_F(OutgoingTest, NoBinaryLeaves) {  // RFC 3030 §3
  const std::string long_line(999, 'x');
  const std::string text = "Subject: x\r\n\r\n" + long_line + "\n\r\n";
  for (const std::string& binary : {std::string("a\nb"), std::string(1, '\0'), long_line}) {
    put({.sender = "a@b", .recipient = "c@d"},
        "Content-Transfer-Encoding: binary\r\n\r\n" + binary);
    next_recipient();
    const Outbox::Mail& mail = item_->mail;
    const std::string bytes = mail.body.read(mail.message_at, mail.body.size()).value();
    EXPECT_TRUE(bytes.starts_with("Content-Transfer-Encoding: base64\r\n\r\n")) << bytes;
    EXPECT_FALSE(bytes.contains(long_line));
    done(Kind::kSent);
  }
  put({.sender = "a@b", .recipient = "c@d"}, text);
  next_recipient();
  EXPECT_EQ(item_->mail.body.read(item_->mail.message_at, 2000), text);
}

TEST_F(OutgoingTest, IsTriedAgainLaterAndLater) {
  put({.sender = "a@b", .recipient = "c@d"});
  for (const int64_t wait_s : {60, 120, 240, 480, 960, 1920, 3600}) {
    EXPECT_EQ(next_recipient(), "c@d");
    done(Kind::kLater);
    EXPECT_EQ(queue_->due_in_ms(), wait_s * 1000);
    EXPECT_EQ(next_recipient(), "");
    clock_.advance_s(wait_s);
  }
  restart();  // tries everything at once
  EXPECT_EQ(queue_->due_in_ms(), 0);
}

TEST_F(OutgoingTest, GivesUpAfterSoLong) {
  put({.sender = "a@b", .recipient = "c@d", .failure = Failure::kFile, .owner = "alice"});
  clock_.advance_s(9'999);
  EXPECT_EQ(next_recipient(), "c@d");
  done(Kind::kLater);
  EXPECT_EQ(waiting(), 1U);
  clock_.advance_s(60);
  EXPECT_EQ(next_recipient(), "c@d");
  done(Kind::kLater, "451 \xff later");
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(inbox_message("alice"),
            "X-Redirect-Failed: <c@d> 451 ? later\r\nSubject: x\r\n\r\nhello\r\n");
}

TEST_F(OutgoingTest, WhatWasSentOnForAUserComesBack) {
  ASSERT_TRUE(store_->put_user_items("alice", {{"quota/storage", "1"}}));
  put({.sender = "a@b", .recipient = "c@d", .failure = Failure::kFile, .owner = "alice"});
  put({.sender = "a@b", .recipient = "e@f", .failure = Failure::kFile, .owner = "gone"});
  next_recipient();
  const Feed::Item item = *item_;
  done(Kind::kRefused, "550 no");
  EXPECT_EQ(store_->find(MailboxName{"alice", "INBOX"})->exists, 1U);
  queue_->done(item, {Kind::kRefused, ""});  // as if the server had died before it was removed
  EXPECT_EQ(store_->find(MailboxName{"alice", "INBOX"})->exists, 1U);
  EXPECT_EQ(next_recipient(), "e@f");
  done(Kind::kRefused);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(OutgoingTest, SendersAreToldUnlessThereIsNone) {  // RFC 5321 §6.1
  put({.sender = "", .recipient = "c@d", .failure = Failure::kReturn});
  put({.sender = "a@b", .recipient = "c@d", .failure = Failure::kReturn});
  put({.sender = "a@b", .recipient = "c@d", .failure = Failure::kDrop});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(next_recipient(), "c@d");
    done(Kind::kRefused, "550 5.1.1 nobody");
  }
  EXPECT_EQ(next_recipient(), "a@b");
  EXPECT_EQ(item_->mail.envelope.sender, "");
  const std::string notice = item_->mail.body.read(item_->mail.message_at, 10'000).value();
  EXPECT_NE(notice.find("Final-Recipient: rfc822; c@d\r\n"), std::string::npos);
  EXPECT_NE(notice.find("Diagnostic-Code: smtp; 550 5.1.1 nobody\r\n"), std::string::npos);
  EXPECT_NE(notice.find("Auto-Submitted: auto-replied\r\n"), std::string::npos);
  EXPECT_NE(notice.find("\r\n\r\nSubject: x\r\n\r\n\r\n--="), std::string::npos);
  EXPECT_EQ(notice.find("hello"), std::string::npos);
  done(Kind::kRefused);
  EXPECT_EQ(waiting(), 0U);
}

TEST(StatusNotice, SaysWhatTheReplySaid) {  // RFC 3464 §2.3, RFC 3463
  using Ending = StatusNotice::Ending;
  struct Row {
    Ending ending;
    std::string_view reason;
    std::string_view status;
    bool has_diagnostic = true;
  };
  for (const Row& row :
       {Row{Ending::kRefused, "550 5.7.1 no", "5.7.1"}, Row{Ending::kRefused, "550 no", "5.0.0"},
        Row{Ending::kRefused, "550", "5.0.0"},
        Row{Ending::kRefused, "550 4.7.1 another class", "5.0.0"},
        Row{Ending::kRefused, "550 5.7 no code", "5.0.0"},
        Row{Ending::kRefused, "550 5.7.1111 no code", "5.0.0"},
        Row{Ending::kRefused, "exit status 69", "5.0.0", false},
        Row{Ending::kTimeIsOver, "451 4.7.1 wait", "4.7.1"},
        Row{Ending::kTimeIsOver, "451 wait", "4.4.7"},
        Row{Ending::kTimeIsOver, "the connection was lost", "4.4.7", false}}) {
    SCOPED_TRACE(row.reason);
    const std::string notice = status_notice({.hostname = "mx.example",
                                              .sender = "a@b",
                                              .recipient = "c@d",
                                              .ending = row.ending,
                                              .reason = std::string(row.reason),
                                              .header = "Subject: x\r\n\r\n",
                                              .id = "1"});
    EXPECT_NE(notice.find(fmt::format("\r\nStatus: {}\r\n", row.status)), std::string::npos);
    EXPECT_EQ(notice.find("Diagnostic-Code: ") != std::string::npos, row.has_diagnostic);
    EXPECT_NE(notice.find(row.reason), std::string::npos);
    EXPECT_EQ(notice.find("8bit"), std::string::npos);
  }
}

TEST(StatusNotice, OfAnAddressThatIsNotAscii) {  // RFC 6533 §3, RFC 2045 §6.4
  const std::string notice = status_notice({.hostname = "mx.example",
                                            .sender = "a@b",
                                            .recipient = "\u00e4@d",
                                            .reason = "550 no",
                                            .header = "Subject: x\r\n\r\n",
                                            .id = "1"});
  EXPECT_NE(notice.find("boundary=\"=1=\"\r\nContent-Transfer-Encoding: 8bit\r\n"),
            std::string::npos);
  EXPECT_NE(notice.find("Content-Type: message/global-delivery-status\r\n"), std::string::npos);
  EXPECT_NE(notice.find("Final-Recipient: utf-8; \u00e4@d\r\n"), std::string::npos);
}

TEST_F(OutgoingTest, AReplicaSendsNothing) {
  put({.sender = "a@b", .recipient = "c@d"});
  ASSERT_TRUE(store_->demote());
  EXPECT_EQ(queue_->due_in_ms(), std::nullopt);
  EXPECT_EQ(next_recipient(), "");
  ASSERT_TRUE(store_->promote());
  EXPECT_EQ(next_recipient(), "c@d");
}

TEST_F(OutgoingTest, EverythingWaitsForARelayThatIsAway) {
  put({.sender = "a@b", .recipient = "c@d"});
  queue_->unreachable("refused");
  EXPECT_EQ(queue_->due_in_ms(), 15'000);
  queue_->unreachable("refused");
  EXPECT_EQ(queue_->due_in_ms(), 30'000);
  clock_.advance_s(30);
  EXPECT_EQ(queue_->due_in_ms(), 0);
}

// --- SMTP ---

class RelayTest : public OutgoingTest {
 protected:
  void connect(wire::SessionEnv env = {.peer_address = "127.0.0.1", .is_local = true}) {
    session_ = std::make_unique<RelaySession>(*queue_, options_, random_, std::move(env));
  }
  // What the client says to it.
  std::string relay_says(std::string_view text) {
    session_->receive(text);
    return said();
  }
  std::string said() {
    std::string out;
    do {
      session_->produce(out, 10);
    } while (session_->want() == wire::Want::kMore);
    return out;
  }

  RelayOptions options_{.hostname = "mx.example"};
  SeededRandom random_{1};
  std::unique_ptr<RelaySession> session_;
};

TEST_F(RelayTest, GivesOneMessageAfterAnother) {
  put({.sender = "a@b", .recipient = "c@d"}, "Subject: x\r\n\r\n.dot\nbare\r\n");
  put({.sender = "", .recipient = "e@f"});
  connect();
  EXPECT_EQ(said(), "");
  EXPECT_EQ(relay_says("220 relay\r\n"), "EHLO mx.example\r\n");
  EXPECT_EQ(relay_says("250-relay\r\n250-PIPELINING\r\n250 8BITMIME\r\n"),
            "MAIL FROM:<a@b> BODY=8BITMIME\r\n");
  EXPECT_EQ(relay_says("250 ok\r\n"), "RCPT TO:<c@d>\r\n");
  EXPECT_EQ(relay_says("250 ok\r\n"), "DATA\r\n");
  EXPECT_EQ(relay_says("354 go\r\n"), "Subject: x\r\n\r\n..dot\r\nbare\r\n.\r\n");
  EXPECT_EQ(waiting(), 2U);  // not before it is said
  EXPECT_EQ(relay_says("250 taken\r\n"), "MAIL FROM:<> BODY=8BITMIME\r\n");
  EXPECT_EQ(waiting(), 1U);
  EXPECT_EQ(relay_says("250 ok\r\n"), "RCPT TO:<e@f>\r\n");
  EXPECT_EQ(relay_says("550-no\r\n550 such\r\n"), "RSET\r\n");
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(relay_says("250 ok\r\n"), "QUIT\r\n");
  EXPECT_EQ(relay_says("221 bye\r\n"), "");
  EXPECT_EQ(session_->want(), wire::Want::kClose);
}

TEST_F(RelayTest, TellsTheSize) {  // RFC 1870 §5
  put({.sender = "a@b", .recipient = "c@d"});
  connect();
  relay_says("220 relay\r\n");
  EXPECT_EQ(relay_says("250-relay\r\n250-SIZE 1000\r\n250 8BITMIME\r\n"),
            "MAIL FROM:<a@b> BODY=8BITMIME SIZE=21\r\n");
  EXPECT_EQ(relay_says("552 5.3.4 too big\r\n"), "RSET\r\n");
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(RelayTest, NobodyIsToldWhatBecameOfAnAnswer) {  // RFC 5230 §5.1, RFC 3461 §4.1
  put({.sender = "a@b", .recipient = "c@d"});
  put({.sender = "", .recipient = "e@f"});
  connect();
  relay_says("220 relay\r\n");
  EXPECT_EQ(relay_says("250-relay\r\n250 DSN\r\n"), "MAIL FROM:<a@b>\r\n");
  EXPECT_EQ(relay_says("250 ok\r\n"), "RCPT TO:<c@d>\r\n");
  EXPECT_EQ(relay_says("550 no\r\n"), "RSET\r\n");
  EXPECT_EQ(relay_says("250 ok\r\n"), "MAIL FROM:<>\r\n");
  EXPECT_EQ(relay_says("250 ok\r\n"), "RCPT TO:<e@f> NOTIFY=NEVER\r\n");
}

TEST_F(RelayTest, WhatHasNoAnswerIsTriedAgain) {
  for (const int cut : {1, 2, 3, 4}) {
    put({.sender = "a@b", .recipient = "c@d"});
    connect();
    relay_says("220 relay\r\n");
    relay_says("250 relay\r\n");
    if (cut > 1) relay_says("250 ok\r\n");
    if (cut > 2) relay_says("250 ok\r\n");
    if (cut > 3) relay_says("354 go\r\n");
    if (cut % 2 == 0)
      session_->end_of_input();
    else
      session_->timed_out();
    said();
    EXPECT_EQ(session_->want(), wire::Want::kClose);
    EXPECT_EQ(waiting(), 1U);
    EXPECT_GT(queue_->due_in_ms().value(), 0);
    clock_.advance_s(120);
    EXPECT_EQ(next_recipient(), "c@d");
    done(Kind::kSent);
  }
}

TEST_F(RelayTest, ARelayThatTakesNothingMakesEverythingWait) {
  put({.sender = "a@b", .recipient = "c@d"});
  for (const char* greeting : {"554 no\r\n", "421 busy\r\n", "HTTP/1.1 400\r\n", "xx\r\n"}) {
    connect();
    EXPECT_EQ(relay_says(greeting), "") << greeting;
    EXPECT_EQ(session_->want(), wire::Want::kClose);
    EXPECT_GT(queue_->due_in_ms().value(), 0);
    clock_.advance_s(3600);
  }
  connect();
  EXPECT_EQ(relay_says("220 " + std::string(kReplyBytesMax, 'x')), "");
  EXPECT_EQ(session_->want(), wire::Want::kClose);
}

TEST_F(RelayTest, NoPasswordGoesInTheClear) {
  options_.user = "gemel";
  options_.password = "secret";
  put({.sender = "a@b", .recipient = "c@d"});
  connect({.peer_address = "192.0.2.1"});
  relay_says("220 relay\r\n");
  EXPECT_EQ(relay_says("250-relay\r\n250 AUTH PLAIN LOGIN\r\n"), "");
  EXPECT_EQ(session_->want(), wire::Want::kClose);
  connect({.peer_address = "192.0.2.1", .is_tls = true});
  relay_says("220 relay\r\n");
  EXPECT_EQ(relay_says("250-relay\r\n250 AUTH PLAIN LOGIN\r\n"),
            "AUTH PLAIN AGdlbWVsAHNlY3JldA==\r\n");
  EXPECT_EQ(relay_says("235 in\r\n"), "MAIL FROM:<a@b>\r\n");
}

TEST_F(RelayTest, TlsWhereItIsRequired) {
  options_.tls = RelayOptions::Tls::kRequired;
  put({.sender = "a@b", .recipient = "c@d"});
  connect({.peer_address = "192.0.2.1", .can_tls = true});
  relay_says("220 relay\r\n");
  EXPECT_EQ(relay_says("250 relay\r\n"), "");
  EXPECT_EQ(session_->want(), wire::Want::kClose);
  connect({.peer_address = "192.0.2.1", .can_tls = true});
  relay_says("220 relay\r\n");
  EXPECT_EQ(relay_says("250-relay\r\n250 STARTTLS\r\n"), "STARTTLS\r\n");
  EXPECT_EQ(relay_says("220 go\r\n250 injected\r\n"), "");
  EXPECT_EQ(session_->want(), wire::Want::kTls);
  session_->tls_started();
  EXPECT_EQ(said(), "EHLO mx.example\r\n");
  EXPECT_EQ(relay_says("250 relay\r\n"), "MAIL FROM:<a@b>\r\n");
}

TEST_F(RelayTest, Utf8WhereTheRelayTakesIt) {  // RFC 6531 §3.2
  put({.sender = "\xc3\xa4@b", .recipient = "c@d"});
  put({.sender = "a@b", .recipient = "c@d"}, "Subject: \xc3\xa4\r\n\r\n");
  connect();
  relay_says("220 relay\r\n");
  EXPECT_EQ(relay_says("250-relay\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"),
            "MAIL FROM:<\xc3\xa4@b> BODY=8BITMIME SMTPUTF8\r\n");
  session_->end_of_input();
  said();
  clock_.advance_s(60);
  connect();
  relay_says("220 relay\r\n");
  EXPECT_EQ(relay_says("250 relay\r\n"), "MAIL FROM:<a@b>\r\n");
  EXPECT_EQ(relay_says("550 no\r\n"), "RSET\r\n");
  EXPECT_EQ(relay_says("250 ok\r\n"), "RSET\r\n");  // it could not even read the address
  EXPECT_EQ(relay_says("250 ok\r\n"), "QUIT\r\n");
  EXPECT_EQ(waiting(), 0U);
}

}  // namespace
}  // namespace gemel::outgoing
