// Servers of different versions: they work together, or say at once why not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/bytes.h"
#include "base/log.h"
#include "sync/answers.h"
#include "sync/grammar.h"
#include "sync/test_link.h"

namespace gemel::sync {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// --- what was said in version 1 ---

/// A conversation behind its login: what the sender said, and what the receiver answered to it.
struct Turn {
  std::string said;
  std::string answered;
};

std::vector<Turn> read_conversation(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<Turn> turns;
  bool is_logged_in = false;
  for (std::string line; std::getline(file, line);) {
    is_logged_in |= line.starts_with("R: OK AUTHENTICATE");
    if (!is_logged_in || line.starts_with("R: OK AUTHENTICATE")) continue;
    if (line.starts_with("S: ")) {
      if (turns.empty() || !turns.back().answered.empty()) turns.emplace_back();
      turns.back().said += line.substr(3) + "\r\n";
    } else if (line.starts_with("R: ")) {
      turns.back().answered += line.substr(3) + "\r\n";
    }
  }
  return turns;
}

// Without what is said to people, behind a reason.
std::string without_words(std::string_view answers) {
  std::string out;
  while (!answers.empty()) {
    const size_t end = answers.find("\r\n") + 2;
    const std::string_view line = answers.substr(0, end);
    answers.remove_prefix(end);
    out += line.starts_with("NO ") ? line.substr(0, line.find("] ") + 1) : line;
  }
  return out;
}

std::vector<std::filesystem::path> conversations() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry :
       std::filesystem::directory_iterator(GEMEL_SOURCE_DIR "/tests/conversations/sync-1"))
    out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

std::string produce(wire::Session& session) {
  std::string out;
  do session.produce(out, 65536);
  while (session.want() == wire::Want::kMore);
  return out;
}

void log_in(wire::Session& receiver) {
  SeededRandom random(9);
  wire::ScramClient client = wire::ScramClient::make("replicator", "secret", random).value();
  EXPECT_THAT(produce(receiver), StartsWith("* GEMELSYNC 1 1 "));
  receiver.receive(
      "HELLO 1 1 test PRIMARY 1-00000000000000aa 00000000000000aa\r\nAUTHENTICATE "
      "SCRAM-SHA-256 " +
      to_base64(client.first()) + "\r\n");
  std::string answer = produce(receiver);
  answer = answer.substr(answer.find("+ ") + 2);
  answer.resize(answer.size() - 2);
  receiver.receive(to_base64(client.answer(from_base64(answer).value()).value()) + "\r\n");
  EXPECT_THAT(produce(receiver), StartsWith("OK AUTHENTICATE "));
}

// The checks of OK UPDATE are of digests: so the digest is that of version 1 too.
TEST(Version1, AReceiverAnswersItsSendersAsEver) {
  log::set_level(log::Level::kOff);
  ASSERT_GE(conversations().size(), 2u);
  for (const auto& path : conversations()) {
    SCOPED_TRACE(path.filename());
    TestLink link;
    bool is_woken = false;
    const auto receiver = make_receiver(
        *link.replica, link.receiver_options,
        {.peer_address = "127.0.0.1", .is_local = true, .wake = [&] { is_woken = true; }});
    log_in(*receiver);
    const std::vector<Turn> turns = read_conversation(path);
    ASSERT_GE(turns.size(), 5u);
    for (const Turn& turn : turns) {
      receiver->receive(turn.said);
      std::string answered = produce(*receiver);
      if (std::exchange(is_woken, false)) {  // by itself, for the answers behind a receipt
        receiver->wake();
        answered += produce(*receiver);
      }
      EXPECT_EQ(without_words(answered), without_words(turn.answered)) << turn.said;
    }
    link.replica.expect_sound();
  }
}

TEST(Version1, ASenderReadsItsReceiversAnswers) {
  for (const auto& path : conversations()) {
    SCOPED_TRACE(path.filename());
    for (const Turn& turn : read_conversation(path)) {
      wire::Framer framer(kLimits);
      framer.feed(turn.answered);
      while (true) {
        const auto step = framer.next();
        ASSERT_TRUE(step) << step.error().text;
        if (!*step) break;
        wire::Tokenizer in((*step)->frame);
        const Result<Answer> answer = decode_answer(in);
        EXPECT_TRUE(answer) << (*step)->frame.bytes;
      }
    }
  }
}

// --- R19: versions that differ ---

class Versions : public testing::Test {
 protected:
  Versions() { log::set_level(log::Level::kOff); }
  // What a sender says to this greeting.
  std::string to(std::string_view greeting) {
    const auto sender = link.channel->connect({.peer_address = "127.0.0.1", .is_local = true});
    sender->receive(greeting);
    const std::string said = produce(*sender);
    is_closed = sender->want() == wire::Want::kClose;
    return said;
  }
  std::string reason() {
    link.channel->disconnected({Code::kUnavailable, "closed"});
    return link.channel->status().last_error;
  }
  // What a receiver says to this HELLO.
  std::string hello(std::string_view words) {
    const auto receiver = make_receiver(*link.replica, link.receiver_options,
                                        {.peer_address = "127.0.0.1", .is_local = true});
    produce(*receiver);
    receiver->receive(std::string(words) + "\r\n");
    const std::string said = produce(*receiver);
    is_closed = receiver->want() == wire::Want::kClose;
    return said;
  }

  TestLink link{ChannelOptions::Mode::kRolling};
  bool is_closed = false;
};

TEST_F(Versions, ASenderSaysWhyItCantSpeakToALaterReceiver) {
  EXPECT_EQ(to("* GEMELSYNC 2 1 \"new.example\" (AUTH=SCRAM-SHA-256)\r\n"), "");
  EXPECT_TRUE(is_closed);
  EXPECT_EQ(reason(), "the replica speaks protocol 2 with digest 1, this end 1 with 1");
  EXPECT_EQ(to("* GEMELSYNC 1 3 \"new.example\" (AUTH=SCRAM-SHA-256)\r\n"), "");
  EXPECT_EQ(reason(), "the replica speaks protocol 1 with digest 3, this end 1 with 1");
  // One that no longer says what version 1 says there, behind its numbers.
  EXPECT_EQ(to("* GEMELSYNC 7 7 [other] {\"words\": 1}\r\n"), "");
  EXPECT_EQ(reason(), "the replica speaks protocol 7 with digest 7, this end 1 with 1");
}

TEST_F(Versions, AReceiverSaysWhyItCantSpeakToALaterSender) {
  EXPECT_EQ(hello("HELLO 2 1 standby PRIMARY 1-aa 0 NEW"),
            "NO HELLO [DENIED] this end speaks protocol 1 with digest 1, the sender 2 with 1\r\n");
  EXPECT_TRUE(is_closed);
  EXPECT_EQ(hello("HELLO 1 2 whatever"),
            "NO HELLO [DENIED] this end speaks protocol 1 with digest 1, the sender 1 with 2\r\n");
  EXPECT_TRUE(is_closed);
}

// A later receiver that still knows version 1 greets with it, and offers what it has beyond.
TEST_F(Versions, WhatALaterReceiverOffersBesideIsPassedOver) {
  const std::string said =
      to("* GEMELSYNC 1 1 \"new.example\" (AUTH=SCRAM-SHA-256 PROTOCOL=2 COMPRESS=BROTLI RECEIVED)"
         "\r\n");
  EXPECT_THAT(said, StartsWith("HELLO 1 1 standby PRIMARY "));
  EXPECT_FALSE(is_closed);
}

// The reason is where an administrator looks, and the channel tries again, for one end is updated
// before the other.
TEST_F(Versions, AChannelTriesAgainWhenTheOtherEndIsUpdated) {
  to("* GEMELSYNC 2 1 \"new.example\" (AUTH=SCRAM-SHA-256)\r\n");
  EXPECT_THAT(reason(), HasSubstr("protocol 2"));
  EXPECT_GT(link.channel->next_attempt_ms(), 0);
  ASSERT_TRUE(link.primary->create_user("alice", {}));
  link.connect();
  ASSERT_TRUE(link.run());
  link.expect_in_step();
  EXPECT_EQ(link.channel->status().last_error, "");
}

}  // namespace
}  // namespace gemel::sync
