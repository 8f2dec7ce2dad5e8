#include "store/ack_gate.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "store/store_fixture.h"

namespace gemel {
namespace {

using Away = AckPolicy::Away;
using Held = AckGate::Held;
using Link = AckGate::Link;

constexpr int64_t kWaitS = 10;

// A store on which one session works, with a replica that is what the test says.
class AckGateTest : public ::testing::Test {
 protected:
  void use(AckLevel level, Away away = Away::kDegraded) {
    replica = gate.add("standby", {.level = level, .away = away});
    replica->link(Link::kUp);
  }
  // One change for the session's next answer.
  Result<UniqueId> change(const std::string& path) {
    const WitnessScope witnessed = session.scope();
    TRY(const MailboxInfo made, store->create({.name = {"ann", path}}));
    return made.id;
  }
  ModSeq modseq_of(const UniqueId& id) { return store->find(id)->highestmodseq; }
  bool is_open() {
    const auto verdict = session.verdict();
    return verdict.has_value() && verdict->has_value();
  }
  void SetUp() override {
    log::set_level(log::Level::kOff);
    ASSERT_TRUE(store->create_user("ann", {}));
  }

  TestStore store{TestStore::On::kMemory};
  AckGate gate{store.clock, kWaitS * 1000};
  std::shared_ptr<AckGate::Replica> replica;
  int wakes = 0;
  AnswerGate session{&gate, [this] { ++wakes; }};
};

TEST_F(AckGateTest, ASessionWithoutAGateNeverWaits) {
  AnswerGate alone(nullptr, [] {});
  const WitnessScope witnessed = alone.scope();
  EXPECT_TRUE(alone.verdict()->has_value());
}

TEST_F(AckGateTest, AnAnswerAboutNothingGoesAtOnce) {
  use(AckLevel::kDurable);
  EXPECT_TRUE(is_open());
}

TEST_F(AckGateTest, WhatOthersCommitIsNotWaitedFor) {
  use(AckLevel::kDurable);
  ASSERT_TRUE(store->create({.name = {"ann", "Other"}}));
  EXPECT_TRUE(is_open());
}

TEST_F(AckGateTest, LocalWaitsForNobody) {
  use(AckLevel::kLocal);
  EXPECT_FALSE(gate.is_needed());
  ASSERT_TRUE(change("Box"));
  EXPECT_TRUE(is_open());
}

TEST_F(AckGateTest, EachLevelWaitsForWhatItNames) {
  for (const AckLevel level : {AckLevel::kReceived, AckLevel::kDurable, AckLevel::kApplied}) {
    SCOPED_TRACE(static_cast<int>(level));
    use(level);
    EXPECT_TRUE(gate.is_needed());
    const Result<UniqueId> box = change("Box" + std::to_string(static_cast<int>(level)));
    ASSERT_TRUE(box);
    EXPECT_FALSE(is_open());
    replica->reached(std::string("ann"), store->user("ann")->modseq, Held::kDurable);
    replica->reached(*box, ModSeq(modseq_of(*box).value - 1), Held::kDurable);
    EXPECT_FALSE(is_open()) << "an earlier state is not enough";
    const int before = wakes;
    replica->reached(*box, modseq_of(*box), Held::kReceived);
    EXPECT_EQ(is_open(), level == AckLevel::kReceived);
    replica->reached(*box, modseq_of(*box), Held::kDurable);
    EXPECT_TRUE(is_open());
    EXPECT_EQ(wakes, before + 1) << "woken once, when the last that it waited for had come";
    replica.reset();
  }
}

TEST_F(AckGateTest, ALateWordOfANewerStateWillDo) {
  use(AckLevel::kDurable);
  const Result<UniqueId> box = change("Box");
  replica->reached(*box, ModSeq(UINT64_MAX), Held::kDurable);
  replica->reached(std::string("ann"), ModSeq(UINT64_MAX), Held::kDurable);
  EXPECT_TRUE(is_open());
}

TEST_F(AckGateTest, EveryReplicaIsWaitedForAsItsChannelSays) {
  use(AckLevel::kDurable);
  const auto second = gate.add("second", {.level = AckLevel::kReceived});
  second->link(Link::kUp);
  const Result<UniqueId> box = change("Box");
  for (const auto& one : {replica, second}) {
    EXPECT_FALSE(is_open());
    one->reached(*box, modseq_of(*box), Held::kDurable);
    one->reached(std::string("ann"), ModSeq(UINT64_MAX), Held::kDurable);
  }
  EXPECT_TRUE(is_open());
}

TEST_F(AckGateTest, DegradedGoesOnWhenTheReplicaIsSilentTooLong) {
  use(AckLevel::kDurable);
  ASSERT_TRUE(change("Box"));
  store.clock.advance_s(kWaitS - 1);
  gate.expire();
  EXPECT_FALSE(is_open());
  store.clock.advance_s(1);
  gate.expire();
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(is_open());
  EXPECT_TRUE(replica->status().is_away);
  // Now nobody waits for it, until it says something again.
  ASSERT_TRUE(change("Second"));
  EXPECT_TRUE(is_open());
  EXPECT_GT(replica->status().without_it, 1u);
  replica->reached(std::string("ann"), ModSeq(1), Held::kDurable);
  EXPECT_FALSE(replica->status().is_away);
  ASSERT_TRUE(change("Third"));
  EXPECT_FALSE(is_open());
}

TEST_F(AckGateTest, DegradedGivesACutLinkTheTimeToComeBack) {
  use(AckLevel::kDurable);
  replica->link(Link::kDown);
  ASSERT_TRUE(change("Box"));
  EXPECT_FALSE(is_open());
  EXPECT_FALSE(replica->status().is_away);
  store.clock.advance_s(kWaitS);
  gate.expire();
  EXPECT_TRUE(is_open());
  EXPECT_TRUE(replica->status().is_away);
  replica->link(Link::kUp);
  EXPECT_FALSE(replica->status().is_away);
}

TEST_F(AckGateTest, APausedChannelIsAwayAtOnce) {
  use(AckLevel::kDurable);
  replica->link(Link::kResting);
  ASSERT_TRUE(change("Box"));
  EXPECT_TRUE(is_open());
}

TEST_F(AckGateTest, RefuseTakesNothingWhileTheReplicaIsAway) {
  use(AckLevel::kDurable, Away::kRefuse);
  replica->link(Link::kDown);
  const JournalSeq before = store->journal_head();
  const Result<UniqueId> refused = change("Box");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_EQ(store->journal_head(), before) << "nothing was written";
  // What has no answer to a client is taken: a purge, an administrator's command.
  EXPECT_TRUE(store->create({.name = {"ann", "Other"}}));
  replica->link(Link::kUp);
  EXPECT_TRUE(change("Box"));
}

TEST_F(AckGateTest, RefuseSaysThatAReplicaDidNotAnswerInTime) {
  use(AckLevel::kDurable, Away::kRefuse);
  ASSERT_TRUE(change("Box"));
  store.clock.advance_s(kWaitS);
  gate.expire();
  const auto verdict = session.verdict();
  ASSERT_TRUE(verdict);
  ASSERT_FALSE(*verdict);
  EXPECT_EQ(verdict->error().code, Code::kUnavailable);
  EXPECT_TRUE(is_open()) << "the next answer begins anew";
}

TEST_F(AckGateTest, AMailboxThatCantBeSentHoldsUpOnlyItself) {
  use(AckLevel::kDurable);
  const Result<UniqueId> box = change("Box");
  replica->reached(std::string("ann"), ModSeq(UINT64_MAX), Held::kDurable);
  replica->cant(*box, "broken");
  EXPECT_TRUE(is_open());
  {
    const WitnessScope witnessed = session.scope();
    ASSERT_TRUE(store->set_attributes(*box, {{"x", "y"}}));
  }
  EXPECT_TRUE(is_open()) << "still set aside";
  EXPECT_FALSE(replica->status().is_away);
  replica->reached(*box, modseq_of(*box), Held::kDurable);
  {
    const WitnessScope witnessed = session.scope();
    ASSERT_TRUE(store->set_attributes(*box, {{"x", "z"}}));
  }
  EXPECT_FALSE(is_open()) << "it can be sent again";
}

TEST_F(AckGateTest, RefuseTellsOfAMailboxThatCantBeSent) {
  use(AckLevel::kDurable, Away::kRefuse);
  const Result<UniqueId> box = change("Box");
  replica->reached(std::string("ann"), ModSeq(UINT64_MAX), Held::kDurable);
  replica->cant(*box, "broken");
  const auto verdict = session.verdict();
  ASSERT_TRUE(verdict);
  ASSERT_FALSE(*verdict);
  EXPECT_NE(verdict->error().text.find("broken"), std::string::npos);
}

TEST_F(AckGateTest, OneReplicaBeingLateDoesNotMakeTheOtherSo) {
  use(AckLevel::kDurable);
  const auto second = gate.add("second", {.level = AckLevel::kDurable});
  second->link(Link::kUp);
  const Result<UniqueId> box = change("Box");
  second->reached(*box, modseq_of(*box), Held::kDurable);
  second->reached(std::string("ann"), ModSeq(UINT64_MAX), Held::kDurable);
  store.clock.advance_s(kWaitS);
  gate.expire();
  EXPECT_TRUE(is_open());
  EXPECT_TRUE(replica->status().is_away);
  EXPECT_FALSE(second->status().is_away);
}

TEST_F(AckGateTest, ASessionMayGoWhileItWaits) {
  use(AckLevel::kDurable);
  const Result<UniqueId> box = change("Box");
  session = AnswerGate(&gate, [] {});
  replica->reached(*box, modseq_of(*box), Held::kDurable);
  EXPECT_TRUE(is_open());
}

}  // namespace
}  // namespace gemel
