// How much a batch may bring, by how long batches take on different links.
#include "sync/batch_budget.h"

#include <gtest/gtest.h>

namespace gemel::sync {
namespace {

constexpr int64_t kNearMs = 1;
constexpr int64_t kFarMs = 600;  // longer than a batch shall take

/// A link as the budget sees it: the way to and fro, and what it takes in a second.
struct Link {
  int64_t way_ms = 0;
  uint64_t bytes_per_s = 0;
  int64_t time_of(uint64_t bytes) const {
    return way_ms + static_cast<int64_t>(bytes * 1000 / bytes_per_s);
  }
  void say_little(BatchBudget& budget) const { budget.learn(100, 1, way_ms); }
  void bring(BatchBudget& budget, int batches) const {
    for (int i = 0; i < batches; ++i) budget.learn(budget.bytes(), 1, time_of(budget.bytes()));
  }
  /// Of a batch as the budget has it now, beyond the way.
  int64_t busy_ms(const BatchBudget& budget) const { return time_of(budget.bytes()) - way_ms; }
};

constexpr uint64_t kFast = 40 << 20;
constexpr uint64_t kSlow = 1 << 20;

TEST(BatchBudget, LearnsWhatALinkBears) {
  BatchBudget budget;
  const uint64_t first = budget.bytes();
  budget.learn(first, 1, kBatchMsMin - 1);
  EXPECT_EQ(budget.bytes(), 2 * first);
  budget.learn(100, 1, kNearMs);  // had little to say: tells nothing but how long the way is
  EXPECT_EQ(budget.bytes(), 2 * first);
  budget.learn(2 * first, 1, kNearMs + 2 * kBatchMsMax);
  EXPECT_EQ(budget.bytes(), first);
  budget.learn(first, 1, kNearMs + 8 * kBatchMsMax);  // at once
  EXPECT_EQ(budget.bytes(), first / 8);
  for (int i = 0; i < 20; ++i) budget.learn(budget.bytes(), 1, kNearMs + 2 * kBatchMsMax);
  EXPECT_EQ(budget.bytes(), kBatchBytesMin);
  for (int i = 0; i < 20; ++i) budget.learn(budget.bytes(), 1, kNearMs);
  EXPECT_EQ(budget.bytes(), kBatchBytesMax);
}

// A batch that went on is no longer than it should be.
TEST(BatchBudget, JudgesALongBatchByWhatItBrought) {
  BatchBudget budget;
  budget.learn(budget.bytes(), 1, kBatchMsMin - 1);
  const uint64_t before = budget.bytes();
  budget.learn(6 * before, 1, 6 * kBatchMsMin);
  EXPECT_EQ(budget.bytes(), before);
  budget.learn(6 * before, 1, 12 * kBatchMsMax);  // twice as long as it may
  EXPECT_EQ(budget.bytes(), before / 2);
}

TEST(BatchBudget, EndsByBytesOrTimeWhereSomebodyWaits) {
  const BatchBudget budget;
  EXPECT_TRUE(budget.is_short(budget.bytes() - 1, kBatchMsMin - 1));
  EXPECT_FALSE(budget.is_short(budget.bytes(), 0));
  EXPECT_FALSE(budget.is_short(0, kBatchMsMin));
  EXPECT_LT(budget.update_bytes(), budget.bytes());
}

TEST(BatchBudget, KeepsWhatTakesAsLongAsItShall) {
  BatchBudget budget;
  for (const int64_t busy_ms : {kBatchMsMin, kBatchMsMax}) {
    budget.learn(kBatchBytesFirst, 1, busy_ms);
    EXPECT_EQ(budget.bytes(), kBatchBytesFirst);
  }
}

TEST(BatchBudget, IsNotSmallerForALongWay) {
  BatchBudget near;
  BatchBudget far;
  for (const auto& [budget, way_ms] : {std::pair(&near, kNearMs), std::pair(&far, kFarMs)}) {
    const Link link{way_ms, kFast};
    budget->learn_way(way_ms);
    link.bring(*budget, 10);
    EXPECT_LE(link.busy_ms(*budget), kBatchMsMax);
    EXPECT_GE(link.busy_ms(*budget), kBatchMsMin);
  }
  EXPECT_EQ(far.bytes(), near.bytes());
}

TEST(BatchBudget, IsSmallerForASlowReplicaOrANarrowLinkHoweverLongTheWay) {
  for (const int64_t way_ms : {kNearMs, kFarMs}) {
    BatchBudget budget;
    const Link link{way_ms, kSlow};
    link.say_little(budget);
    link.bring(budget, 10);
    EXPECT_LT(budget.bytes(), kBatchBytesFirst);
    EXPECT_LE(link.busy_ms(budget), kBatchMsMax);
  }
}

TEST(BatchBudget, TakesNoBusyLinkForALongWay) {
  BatchBudget budget;
  const Link link{kNearMs, kSlow};
  link.say_little(budget);
  link.bring(budget, 10 * static_cast<int>(kWaySamples));
  EXPECT_EQ(budget.way_ms(), kNearMs);
  // Little, though in many words.
  for (size_t i = 0; i < 2 * kWaySamples; ++i) budget.learn(0, kLittleCommandsMax + 1, 2000);
  EXPECT_EQ(budget.way_ms(), kNearMs);
  EXPECT_LE(link.busy_ms(budget), kBatchMsMax);
}

TEST(BatchBudget, FollowsTheRoute) {
  BatchBudget budget;
  const Link near{kNearMs, kFast};
  const Link far{kFarMs, kFast};
  near.say_little(budget);
  near.bring(budget, 10);
  const uint64_t before = budget.bytes();
  far.bring(budget, 3);  // nothing has told of the way yet
  EXPECT_LT(budget.bytes(), before);
  for (size_t i = 0; i < kWaySamples; ++i) far.say_little(budget);
  EXPECT_EQ(budget.way_ms(), kFarMs);
  far.bring(budget, 10);
  EXPECT_LE(far.busy_ms(budget), kBatchMsMax);
  EXPECT_GE(far.busy_ms(budget), kBatchMsMin);
  near.say_little(budget);  // a shorter way is seen at once
  EXPECT_EQ(budget.way_ms(), kNearMs);
}

TEST(BatchBudget, SeesAShorterWayInAnyBatch) {
  BatchBudget budget;
  budget.learn_way(kFarMs);
  budget.learn(budget.bytes(), 1, kBatchMsMin);
  EXPECT_EQ(budget.way_ms(), kBatchMsMin);
}

}  // namespace
}  // namespace gemel::sync
