#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "managesieve/test_world.h"

namespace gemel::managesieve {
namespace {

// One connection.
class Client {
 public:
  Client(const TestWorld& world, wire::SessionEnv env) : session_(world.session(std::move(env))) {
    greeting = settle();
  }
  std::string send(std::string_view bytes) {
    session_->receive(bytes);
    return settle();
  }
  std::string login(const std::string& name, const std::string& password = "secret") {
    return send(
        fmt::format("AUTHENTICATE \"PLAIN\" \"{}\"\r\n", to_base64('\0' + name + '\0' + password)));
  }
  wire::Session& session() { return *session_; }
  std::string settle() {
    std::string out;
    do {
      session_->produce(out, 4096);
    } while (session_->want() == wire::Want::kMore);
    return out;
  }
  std::string greeting;

 private:
  std::unique_ptr<wire::Session> session_;
};

const wire::SessionEnv kLocal{.peer_address = "127.0.0.1", .is_local = true};

// Case S01.
TEST(ManageSieveSession, WhatWasSentInTheClearBehindStartTlsIsDropped) {
  TestWorld world;
  Client client(world, {.peer_address = "192.0.2.1", .can_tls = true});
  const std::string said = client.send(
      "STARTTLS\r\nAUTHENTICATE \"PLAIN\" \"AGFsaWNlAHNlY3JldA==\"\r\nPUTSCRIPT \"x\" "
      "\"keep;\"\r\n");
  EXPECT_TRUE(said.starts_with("OK")) << said;
  EXPECT_EQ(client.session().want(), wire::Want::kTls);
  client.session().tls_started();
  EXPECT_EQ(client.settle().find("STARTTLS"), std::string::npos);
  EXPECT_TRUE(client.send("LISTSCRIPTS\r\n").starts_with("NO"));
}

// Case S19: a byte now and then does not keep a connection that has not logged in.
TEST(ManageSieveSession, ALoginHasToComeInTime) {
  TestWorld world;
  Client client(world, kLocal);
  const int64_t whole = *client.session().input_timeout_ms();
  world.clock.advance_ms(whole - 1);
  client.send("N");
  EXPECT_EQ(client.session().input_timeout_ms(), 1);
  client.session().timed_out();
  EXPECT_TRUE(client.settle().starts_with("BYE"));
  EXPECT_EQ(client.session().want(), wire::Want::kClose);
}

TEST(ManageSieveSession, OneAddressHasSoManyConnectionsAndNoMore) {
  TestWorld world;
  world.options->peers = std::make_shared<wire::PeerCount>(2);
  auto first = std::make_unique<Client>(world, kLocal);
  const Client second(world, kLocal);
  Client third(world, kLocal);
  EXPECT_TRUE(third.greeting.starts_with("BYE"));
  EXPECT_EQ(third.session().want(), wire::Want::kClose);
  first.reset();
  EXPECT_TRUE(Client(world, kLocal).greeting.ends_with("OK \"Gemel is ready\"\r\n"));
}

// Case M14: what stands in a literal that is refused is passed over, and never run.
TEST(ManageSieveSession, ALiteralThatIsTooLongIsThrownAway) {
  TestWorld world;
  Client client(world, kLocal);
  ASSERT_TRUE(client.login("alice").starts_with("OK"));
  const std::string within = "PUTSCRIPT \"y\" \"keep;\"\r\nLOGOUT\r\n";
  EXPECT_TRUE(client.send("PUTSCRIPT \"x\" {99999999+}\r\n").starts_with("NO (QUOTA/MAXSIZE)"));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.send(within), "");
  EXPECT_EQ(client.session().want(), wire::Want::kInput);
  Client other(world, kLocal);
  ASSERT_TRUE(other.login("alice").starts_with("OK"));
  EXPECT_EQ(other.send("LISTSCRIPTS\r\n"), "OK\r\n");
}

// Case S02, S03: nothing large is taken before a login, and no pile of literals after it.
TEST(ManageSieveSession, TakesNothingLargeFromStrangers) {
  TestWorld world;
  Client client(world, kLocal);
  EXPECT_TRUE(client.send("AUTHENTICATE \"PLAIN\" {20000+}\r\n").starts_with("NO"));
  client.send(std::string(20'000, 'x') + "\r\n");
  EXPECT_TRUE(client.send("NOOP\r\n").ends_with("OK \"done\"\r\n"));
  EXPECT_TRUE(client.send(std::string(8193, 'x')).starts_with("NO"));
  Client member(world, kLocal);
  ASSERT_TRUE(member.login("alice").starts_with("OK"));
  std::string many = "PUTSCRIPT";
  for (int i = 0; i < 5; ++i) many += " {1+}\r\nx";
  EXPECT_NE(member.send(many + "\r\n").find("NO"), std::string::npos);
}

// Case S06, S08: names that are no names are plain data, and refused.
TEST(ManageSieveSession, OddUserNamesAreRefused) {
  for (const std::string& name :
       {std::string("\xff\xfe"), std::string("../y"), std::string("%{x}"), std::string("a/b"),
        std::string(4000, 'a'), std::string("$outbox")}) {
    TestWorld world;
    Client client(world, kLocal);
    EXPECT_TRUE(client.login(name).starts_with("NO")) << name;
  }
}

TEST(ManageSieveSession, ALineHasSoManyOctetsAndALiteralMore) {
  TestWorld world;
  const Limits& limits = world.options->limits;
  Client client(world, kLocal);
  ASSERT_TRUE(client.login("alice").starts_with("OK"));
  const std::string noop = "NOOP \"" + std::string(limits.line_bytes_max - 9, 'x') + "\"\r\n";
  ASSERT_EQ(noop.size(), limits.line_bytes_max);
  EXPECT_TRUE(client.send(noop).starts_with("OK (TAG ")) << client.send("NOOP\r\n");
  EXPECT_TRUE(client.send("x" + noop).starts_with("NO"));
}

TEST(ManageSieveSession, SoManyBadCommandsInARowAndNoMore) {
  TestWorld world;
  Client client(world, kLocal);
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 1; i < world.options->limits.bad_commands_max; ++i)
      EXPECT_TRUE(client.send("NONSENSE\r\n").starts_with("NO"));
    if (round == 0) EXPECT_TRUE(client.send("NOOP\r\n").starts_with("OK"));
  }
  EXPECT_NE(client.send("NONSENSE\r\n").find("BYE \"too many bad commands\""), std::string::npos);
  EXPECT_EQ(client.session().want(), wire::Want::kClose);
}

TEST(ManageSieveSession, AScriptHasSoManyOctetsAndNoMore) {
  TestWorld world;
  Client client(world, kLocal);
  ASSERT_TRUE(client.login("alice").starts_with("OK"));
  const std::string most = "keep;" + std::string(995, ' ');
  EXPECT_EQ(client.send("PUTSCRIPT \"x\" {1000+}\r\n" + most + "\r\n"), "OK\r\n");
  EXPECT_TRUE(client.send("PUTSCRIPT \"y\" {1001+}\r\n").starts_with("NO (QUOTA/MAXSIZE)"));
  EXPECT_EQ(client.send(most + " \r\n"), "");  // passed over, and never run
  EXPECT_EQ(client.send("LISTSCRIPTS\r\n"), "\"x\"\r\nOK\r\n");
}

TEST(ManageSieveSession, ScramSaysItsLastWordWithTheOk) {  // RFC 5804 §1.3, RFC 5802 §5
  TestWorld world;
  Client client(world, {.peer_address = "192.0.2.1"});
  EXPECT_NE(client.greeting.find("\"SASL\" \"SCRAM-SHA-256\"\r\n"), std::string::npos);
  SeededRandom random(3);
  auto scram = wire::ScramClient::make("alice", "secret", random).value();
  std::string said = client.send(
      fmt::format("AUTHENTICATE \"SCRAM-SHA-256\" \"{}\"\r\n", to_base64(scram.first())));
  ASSERT_TRUE(said.starts_with('"')) << said;
  const std::string challenge = from_base64(said.substr(1, said.size() - 4)).value();
  said = client.send(fmt::format("\"{}\"\r\n", to_base64(scram.answer(challenge).value())));
  ASSERT_TRUE(said.starts_with("OK (SASL \"")) << said;
  EXPECT_TRUE(scram.verify(from_base64(said.substr(10, said.find('"', 10) - 10)).value()));
  EXPECT_EQ(client.send("LISTSCRIPTS\r\n"), "OK\r\n");
}

TEST(ManageSieveSession, ChangesWaitForTheReplica) {
  TestWorld world;
  AckGate gate(world.clock);
  const auto replica =
      gate.add("standby", {.level = AckLevel::kDurable, .away = AckPolicy::Away::kRefuse});
  replica->link(AckGate::Link::kUp);
  world.options->ack_gate = &gate;
  int wakes = 0;
  Client client(world, {.peer_address = "127.0.0.1", .is_local = true, .wake = [&] { ++wakes; }});
  ASSERT_TRUE(client.login("alice").starts_with("OK"));
  EXPECT_EQ(client.send("PUTSCRIPT \"x\" \"keep;\"\r\nLOGOUT\r\n"), "");
  EXPECT_EQ(client.session().want(), wire::Want::kWake);
  client.session().shut_down();
  EXPECT_EQ(client.settle(), "");
  replica->reached(std::string("alice"), ModSeq(UINT64_MAX), AckGate::Held::kDurable);
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(client.settle().starts_with("OK\r\nBYE"));
  EXPECT_EQ(client.session().want(), wire::Want::kClose);

  replica->link(AckGate::Link::kDown);
  Client late(world, kLocal);
  ASSERT_TRUE(late.login("alice").starts_with("OK"));
  EXPECT_TRUE(late.send("PUTSCRIPT \"y\" \"keep;\"\r\n").starts_with("NO (TRYLATER)"));
  EXPECT_EQ(late.send("LISTSCRIPTS\r\n"), "\"x\"\r\nOK\r\n");
}

// Case S05.
TEST(ManageSieveSession, AnAbortInMidLoginLeavesNothing) {
  TestWorld world;
  for (int i = 0; i < 1000; ++i) {
    Client client(world, kLocal);
    client.send("AUTHENTICATE \"PLAIN\"\r\n");
    if (i % 2 == 0) EXPECT_TRUE(client.send("\"*\"\r\n").starts_with("NO"));
    client.session().end_of_input();
    client.settle();
    EXPECT_EQ(client.session().want(), wire::Want::kClose);
  }
}

}  // namespace
}  // namespace gemel::managesieve
