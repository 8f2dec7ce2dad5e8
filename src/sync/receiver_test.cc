// The receiver by itself: who may log in, what it refuses, and its limits.
#include "sync/receiver.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/test_clock.h"
#include "sync/grammar.h"
#include "sync/test_link.h"
#include "sync/words.h"

namespace gemel::sync {
namespace {

class ReceiverTest : public testing::Test {
 protected:
  ReceiverTest() { start({.peer_address = "127.0.0.1", .is_local = true}); }

  void start(wire::SessionEnv env) {
    session = make_receiver(*link.replica, link.receiver_options, std::move(env));
    said();
  }
  std::string said() {
    std::string out;
    do session->produce(out, 65536);
    while (session->want() == wire::Want::kMore);
    return out;
  }
  std::string say(std::string_view bytes) {
    session->receive(bytes);
    return said();
  }
  void login_with_ann() {
    login();
    ASSERT_TRUE(say("USERDATA ann 0+1 +5 0\r\nSYNC\r\n").starts_with("OK USERDATA "));
  }
  bool closes() const { return session->want() == wire::Want::kClose; }

  std::string login(std::string_view userid = "replicator", std::string_view password = "secret") {
    SeededRandom random(9);
    wire::ScramClient client = wire::ScramClient::make(userid, password, random).value();
    std::string answer =
        say("HELLO 1 1 test PRIMARY 1-00000000000000aa 00000000000000aa\r\nAUTHENTICATE "
            "SCRAM-SHA-256 " +
            to_base64(client.first()) + "\r\n");
    const size_t at = answer.find("+ ");
    if (at == std::string::npos) return answer;
    answer = answer.substr(at + 2, answer.size() - at - 4);
    return say(to_base64(client.answer(from_base64(answer).value()).value()) + "\r\n");
  }

  TestLink link;
  std::unique_ptr<wire::Session> session;
};

TEST_F(ReceiverTest, LetsInOnlyWhoReplicates) {
  EXPECT_TRUE(login().starts_with("OK AUTHENTICATE "));
  start({.peer_address = "127.0.0.1", .is_local = true});
  EXPECT_TRUE(login("replicator", "guess").starts_with("NO AUTHENTICATE [DENIED]"));
  EXPECT_TRUE(login("somebody").starts_with("NO AUTHENTICATE [DENIED] this user may not"));
  EXPECT_FALSE(closes());
  login("replicator", "again");
  EXPECT_TRUE(closes());  // kLoginTriesMax
}

TEST_F(ReceiverTest, WhoGuessesIsSlowedDownAndStopped) {
  ManualClock clock;
  wire::LoginGuard guard({.delay_ms = 100, .address_failures_max = 2}, clock);
  link.receiver_options.clock = &clock;
  link.receiver_options.guard = &guard;
  int64_t wake_after_ms = 0;
  const wire::SessionEnv env{.peer_address = "192.0.2.1",
                             .is_tls = true,
                             .wake_after = [&](int64_t delay_ms) { wake_after_ms = delay_ms; }};
  for (const int64_t delay_ms : {100, 200}) {
    start(env);
    EXPECT_EQ(login("replicator", "guess"), "");
    EXPECT_EQ(wake_after_ms, delay_ms);
    EXPECT_EQ(session->want(), wire::Want::kWake);
    EXPECT_EQ(said(), "");
    clock.advance_ms(delay_ms);
    session->wake();
    EXPECT_TRUE(said().starts_with("NO AUTHENTICATE [DENIED]"));
    EXPECT_EQ(session->want(), wire::Want::kInput);
  }
  start(env);
  EXPECT_NE(login().find("NO AUTHENTICATE [DENIED] too many failed logins"), std::string::npos);
  start({.peer_address = "192.0.2.2", .is_tls = true});
  EXPECT_TRUE(login().starts_with("OK AUTHENTICATE "));
}

TEST_F(ReceiverTest, ALoginHasToComeToItsEndInTime) {
  ManualClock clock;
  link.receiver_options.clock = &clock;
  start({.peer_address = "192.0.2.1", .is_tls = true});
  for (int i = 0; i < 3; ++i) {
    clock.advance_ms(kLoginTimeoutMs / 4);
    say("H");
  }
  EXPECT_EQ(session->input_timeout_ms(), kLoginTimeoutMs / 4);
  clock.advance_ms(kLoginTimeoutMs);
  EXPECT_EQ(session->input_timeout_ms(), 0);
}

TEST_F(ReceiverTest, RefusesPlaintextFromElsewhereAndAPrimary) {
  start({.peer_address = "127.0.0.1", .is_local = false});
  EXPECT_NE(login().find("NO AUTHENTICATE [DENIED] this link needs TLS"), std::string::npos);
  link.receiver_options.plaintext = ReceiverOptions::Plaintext::kAnywhere;
  start({.peer_address = "127.0.0.1", .is_local = false});
  EXPECT_TRUE(login().starts_with("OK AUTHENTICATE "));
  ASSERT_TRUE(link.replica->promote());
  start({.peer_address = "127.0.0.1", .is_local = true});
  EXPECT_NE(login().find(" PRIMARY 2-"), std::string::npos);
  EXPECT_TRUE(closes());
}

TEST_F(ReceiverTest, NamesBothVersions) {
  EXPECT_EQ(say("HELLO 2 1 test\r\n"),
            "NO HELLO [DENIED] this end speaks protocol 1 with digest 1, the sender 2 with 1\r\n");
  EXPECT_TRUE(closes());
}

TEST_F(ReceiverTest, TakesNothingButALoginBeforeIt) {
  EXPECT_TRUE(say("USERS\r\n").starts_with("BAD COMMAND "));
  EXPECT_TRUE(closes());
  start({.peer_address = "127.0.0.1", .is_local = true});
  EXPECT_TRUE(say("HELLO 1 1 {5+}\r\n").starts_with("BAD "));
  start({.peer_address = "127.0.0.1", .is_local = true});
  EXPECT_TRUE(say("HELLO " + std::string(kLoginLineBytesMax, 'x')).starts_with("BAD "));
}

TEST_F(ReceiverTest, HoldsAnswersUntilSync) {
  login();
  EXPECT_EQ(say("USERS\r\nUSER nobody\r\n"), "");
  EXPECT_EQ(say("SYNC\r\n"), "OK USERS\r\nOK USER\r\nOK SYNC\r\n");
}

TEST_F(ReceiverTest, RefusesABodyThatIsNotTheOneAnnounced) {
  login_with_ann();
  std::string guid;
  put_guid(guid, Guid{sha256("hello")});
  const std::string head =
      "UPDATE 00000000000000ff-1 0+1 1 0 0 HEADER (ann/INBOX PARTITION "
      "default UIDVALIDITY 7) APPEND 1 +5 0 () GROWS 2 " +
      guid;
  EXPECT_EQ(say(head + " ~{5+}\r\njello\r\nSYNC\r\n"),
            "NO UPDATE [CORRUPT] a body is not the one that was announced\r\nOK SYNC\r\n");
  EXPECT_EQ(say(head + " 5\r\nSYNC\r\n"),
            "NO UPDATE [MISSING " + guid + "] bodies are missing\r\nOK SYNC\r\n");
  EXPECT_TRUE(say(head + " ~{5+}\r\nhello\r\nSYNC\r\n").starts_with("OK UPDATE "));
  // The same again: it is further by now, and says where.
  const std::string again = say(head + " 5\r\nSYNC\r\n");
  EXPECT_TRUE(again.starts_with("* MAILBOX 00000000000000ff-1 ann/INBOX default 21 1 1 0 "));
  EXPECT_NE(again.find("\r\nNO UPDATE [MODIFIED] "), std::string::npos);
  EXPECT_EQ(link.replica->view({0xff, 1})->info().exists, 1U);
}

// R18: what can't be taken is refused by itself, and others go on.
TEST_F(ReceiverTest, AnUpdateThatCannotBeTakenStopsNoOther) {
  login_with_ann();
  std::string guid;
  put_guid(guid, Guid{sha256("hello")});
  const std::string append = " APPEND 2 0 0 () GROWS 2 " + guid + " ~{5+}\r\nhello\r\n";
  const std::string answers =
      say("UPDATE 00000000000000ff-1 0+1 1 0 0 HEADER (ann/a PARTITION default UIDVALIDITY 7)" +
          append + "UPDATE -2 0+1 2 0 0 HEADER (/b)" + append + "SYNC\r\n");
  EXPECT_TRUE(answers.starts_with("NO UPDATE [INVALID] ")) << answers;
  EXPECT_NE(answers.find("\r\nOK UPDATE "), std::string::npos) << answers;
  EXPECT_FALSE(link.replica->find(UniqueId{0xff, 1}));
  EXPECT_EQ(link.replica->view({0xff, 2})->info().exists, 1U);
}

TEST_F(ReceiverTest, SaysWhoHoldsAName) {
  login_with_ann();
  EXPECT_TRUE(say("UPDATE 00000000000000ff-1 0+1 0 0 0 HEADER (ann/a PARTITION default UIDVALIDITY "
                  "7)\r\nUPDATE -2 0+1 0 0 0 HEADER (/a)\r\nSYNC\r\n")
                  .find("NO UPDATE [EXISTS 00000000000000ff-1]") != std::string::npos);
}

TEST_F(ReceiverTest, TellsWhereItIsWhenAnUpdateComesTooEarly) {
  login_with_ann();
  const std::string before = "UPDATE 00000000000000ff-1 0+1 0 0 0";
  const std::string header = " HEADER (ann/a PARTITION default UIDVALIDITY 7)\r\nSYNC\r\n";
  EXPECT_EQ(say(before + " AFTER -2 1" + header),
            "NO UPDATE [MODIFIED] 00000000000000ff-2 has not come to where messages went\r\n"
            "OK SYNC\r\n");
  EXPECT_TRUE(say(before + header).starts_with("OK UPDATE "));
  EXPECT_TRUE(say("UPDATE -2 0+1 3 0 0 AFTER -1 0 HEADER (ann/b PARTITION default UIDVALIDITY 7)"
                  "\r\nUPDATE -1 1+1 0 0 0 AFTER -2 3\r\nSYNC\r\n")
                  .find("NO UPDATE") == std::string::npos);
}

TEST_F(ReceiverTest, EndsTheConnectionWhenItCannotFollow) {
  for (const std::string_view line :
       {"NOSUCH\r\n", "UPDATE -1 1+1 0 0 0\r\n", "SYNC now\r\n", "RENAME\r\n",
        "RESERVE default x\r\n", "USER {3+}\r\na/b\r\n", "USER ~{3+}\r\nabc\r\n",
        "RANGES 00000000000000ff-1 65 1:2\r\n", "RECORDS 00000000000000ff-1 1:10001\r\n"}) {
    SCOPED_TRACE(line);
    start({.peer_address = "127.0.0.1", .is_local = true});
    login();
    say(line);
    EXPECT_TRUE(closes());
  }
}

TEST_F(ReceiverTest, SaysWhereMailboxesDiffer) {
  login_with_ann();
  std::string guid;
  put_guid(guid, Guid{sha256("hello")});
  ASSERT_TRUE(say("UPDATE 00000000000000ff-1 0+1 9 0 0 HEADER (ann/INBOX PARTITION default "
                  "UIDVALIDITY 7) APPEND 2 +5 0 (\\Seen) GROWS 2 " +
                  guid + " ~{5+}\r\nhello\r\nSYNC\r\n")
                  .starts_with("OK UPDATE"));
  EXPECT_EQ(say("RECORDS -1 1:5\r\nSYNC\r\n"),
            "* RECORD 2 1 1 +5 +5 (\\Seen) GROWS 2 " + guid + " 5\r\nOK RECORDS\r\nOK SYNC\r\n");
  const std::string ranges = say("RANGES -1 2 1:8\r\nSYNC\r\n");
  EXPECT_TRUE(ranges.starts_with("* RANGE 1:4 1 ")) << ranges;
  EXPECT_NE(ranges.find("* RANGE 5:8 0 AAAAAAAAAAAAAAAAAAAAAA\r\n"), std::string::npos) << ranges;
}

}  // namespace
}  // namespace gemel::sync
