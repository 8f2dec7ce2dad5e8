// Answers that wait for the replica, over a whole link (see store/ack_gate_test.cc for the rules).
#include <gtest/gtest.h>

#include <map>

#include "base/log.h"
#include "sync/test_link.h"

namespace gemel::sync {
namespace {

class Acknowledge : public testing::Test {
 protected:
  explicit Acknowledge() {
    log::set_level(log::Level::kOff);
    EXPECT_TRUE(primary->create_user("alice", {}));
  }
  // The gate, which outlives who tells it, uses the primary's clock.
  ~Acknowledge() override {
    link.disconnect("over");
    link.channel.reset();
    link.channel_options.acknowledges.reset();
  }
  void begin(AckLevel level) {
    link.channel_options.acknowledges = gate.add("standby", {.level = level});
    link.open_channel();
    link.connect();
    ASSERT_TRUE(link.run());
  }
  bool may_answer() {
    const auto verdict = session.verdict();
    EXPECT_TRUE(!verdict || *verdict);
    return verdict.has_value();
  }

  TestLink link{ChannelOptions::Mode::kRolling};
  TestStore& primary = link.primary;
  TestStore& replica = link.replica;
  AckGate gate{primary.clock};
  AnswerGate session{&gate, [] {}};
};

TEST_F(Acknowledge, EveryKindOfChangeIsAcknowledged) {
  begin(AckLevel::kDurable);
  const UidSet one = UidSet::of(Uid(1), Uid(1));
  UniqueId box;
  UniqueId copies;
  const std::vector<std::pair<std::string, std::function<void()>>> changes = {
      {"create", [&] { box = primary.create("box"); }},
      {"append", [&] { primary.append(box, "message"); }},
      {"append many", [&] { primary.append_many(box, 20); }},
      {"flags",
       [&] { ASSERT_TRUE(primary->store_flags(box, one, FlagOp::kAdd, flag_names({"\\Seen"}))); }},
      {"another mailbox", [&] { copies = primary.create("copies"); }},
      {"copy", [&] { ASSERT_TRUE(primary->copy(box, one, copies, MailStore::Keep::kCopy)); }},
      {"move", [&] { ASSERT_TRUE(primary->copy(box, one, copies, MailStore::Keep::kMove)); }},
      {"expunge", [&] { ASSERT_TRUE(primary->expunge(copies, one)); }},
      {"attributes", [&] { ASSERT_TRUE(primary->set_attributes(copies, {{"a", "b"}})); }},
      {"rename", [&] { ASSERT_TRUE(primary->rename({"alice", "box"}, {"alice", "in/box"})); }},
      {"partition",
       [&] { ASSERT_TRUE(primary->rename({"alice", "in/box"}, {"alice", "in/box"}, "archive")); }},
      {"rename of INBOX",
       [&] { ASSERT_TRUE(primary->rename({"alice", "INBOX"}, {"alice", "o"})); }},
      {"delete", [&] { ASSERT_TRUE(primary->remove(copies)); }},
      {"restore", [&] { ASSERT_TRUE(primary->restore(copies, {"alice", "again"})); }},
      {"delete again", [&] { ASSERT_TRUE(primary->remove(copies)); }},
      {"purge", [&] { ASSERT_TRUE(primary->purge_deleted(copies)); }},
      {"user data",
       [&] { ASSERT_TRUE(primary->put_user_items("alice", {{"subscription/x", "1"}})); }},
      {"another user", [&] { ASSERT_TRUE(primary->create_user("bob", {})); }},
      {"user deleted", [&] { ASSERT_TRUE(primary->delete_user("bob")); }},
  };
  for (const auto& [name, change] : changes) {
    SCOPED_TRACE(name);
    {
      const WitnessScope witnessed = session.scope();
      change();
    }
    EXPECT_FALSE(may_answer());
    ASSERT_TRUE(link.run());
    EXPECT_TRUE(may_answer());
    link.expect_in_step();
  }
}

TEST_F(Acknowledge, WhatChangesNothingNeedsNone) {
  begin(AckLevel::kDurable);
  const WitnessScope witnessed = session.scope();
  ASSERT_TRUE(primary->store_flags(primary.inbox(), UidSet::of(Uid(1), Uid(9)), FlagOp::kAdd,
                                   flag_names({"\\Seen"})));
  EXPECT_TRUE(may_answer());
}

// The receipt comes before the replica has written anything; only who wants it asks for it.
TEST_F(Acknowledge, AReceiptIsAskedForWhereItIsEnough) {
  for (const AckLevel level : {AckLevel::kReceived, AckLevel::kDurable}) {
    SCOPED_TRACE(static_cast<int>(level));
    link.disconnect("anew");
    begin(level);
    std::string said;
    link.on_bytes = [&](char direction, std::string_view bytes) {
      said += direction;
      said += bytes;
    };
    {
      const WitnessScope witnessed = session.scope();
      primary.append(primary.inbox(), "message");
    }
    ASSERT_TRUE(link.run());
    EXPECT_TRUE(may_answer());
    const bool is_asked = said.find("\r\nSYNC RECEIVED") != std::string::npos;
    const bool is_said = said.find("<* RECEIVED\r\n") != std::string::npos;
    EXPECT_EQ(is_asked, level == AckLevel::kReceived) << said;
    EXPECT_EQ(is_said, level == AckLevel::kReceived) << said;
    link.on_bytes = [](char, std::string_view) {};
    link.channel_options.acknowledges.reset();
  }
}

TEST_F(Acknowledge, AReceiptIsEnoughThoughTheAnswersAreLost) {
  begin(AckLevel::kReceived);
  link.on_bytes = [&](char direction, std::string_view bytes) {
    // As one reads them, the receipt and nothing behind it.
    if (direction == '<' && bytes.find("RECEIVED") != std::string_view::npos) link.cut_after = 0;
  };
  {
    const WitnessScope witnessed = session.scope();
    primary.append(primary.inbox(), "message");
  }
  link.run();
  EXPECT_TRUE(may_answer());
}

TEST_F(Acknowledge, ADurableAnswerWaitsForTheNextLinkWhereThisOneIsCut) {
  begin(AckLevel::kDurable);
  link.cut_after = 10;
  {
    const WitnessScope witnessed = session.scope();
    primary.append(primary.inbox(), "message");
  }
  EXPECT_FALSE(link.run());
  EXPECT_FALSE(may_answer());
  link.connect();
  ASSERT_TRUE(link.run());
  EXPECT_TRUE(may_answer());
}

TEST_F(Acknowledge, WhatWasMadeBeforeTheLinkIsAcknowledgedByTheFirstSync) {
  link.channel_options.acknowledges = gate.add("standby", {.level = AckLevel::kDurable});
  link.open_channel();
  {
    const WitnessScope witnessed = session.scope();
    primary.append(primary.inbox(), "message");
  }
  EXPECT_FALSE(may_answer());
  link.connect();
  ASSERT_TRUE(link.run());
  EXPECT_TRUE(may_answer());
}

// A mailbox that is refused waits for nobody; the others do.
TEST_F(Acknowledge, AMailboxSetAsideHoldsUpNobody) {
  replica.options.partitions.clear();
  replica.open();
  begin(AckLevel::kDurable);
  {
    const WitnessScope witnessed = session.scope();
    ASSERT_TRUE(primary->create({.name = {"alice", "box"}, .partition = "archive"}));
  }
  ASSERT_TRUE(link.run());
  EXPECT_FALSE(link.channel->status().set_aside.empty());
  EXPECT_TRUE(may_answer());
  EXPECT_EQ(link.channel->status().acknowledges.without_it, 1u);
  {
    const WitnessScope witnessed = session.scope();
    primary.append(primary.inbox(), "message");
  }
  EXPECT_FALSE(may_answer());
  ASSERT_TRUE(link.run());
  EXPECT_TRUE(may_answer());
}

}  // namespace
}  // namespace gemel::sync
