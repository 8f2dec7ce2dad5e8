// A mailbox that has much, or is broken, delays no other; and nothing grows with what is behind.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sync/channel_core.h"
#include "sync/test_link.h"

namespace gemel::sync {
namespace {

/// The updates of each batch, by the number of their mailbox.
class Batches {
 public:
  explicit Batches(TestLink& link) {
    link.on_bytes = [this](char way, std::string_view bytes) {
      if (way == '>') take(bytes);
    };
  }
  const std::vector<std::vector<std::string>>& all() const { return all_; }
  /// How many batches hold an update of the mailbox.
  size_t count(const UniqueId& mailbox) const {
    const std::string number = fmt::format("-{:x}", mailbox.number);
    return static_cast<size_t>(std::ranges::count_if(
        all_, [&](const auto& batch) { return std::ranges::count(batch, number) > 0; }));
  }

 private:
  void take(std::string_view bytes) {
    text_ += bytes;
    for (size_t end = 0; (end = text_.find("\r\n")) != std::string::npos; text_.erase(0, end + 2)) {
      const std::string line = text_.substr(0, end);
      if (line.starts_with("SYNC")) all_.push_back(std::exchange(batch_, {}));
      if (!line.starts_with("UPDATE ")) continue;
      const size_t dash = line.find('-');
      batch_.push_back(line.substr(dash, line.find(' ', dash) - dash));
    }
  }
  std::string text_;
  std::vector<std::string> batch_;
  std::vector<std::vector<std::string>> all_;
};

class Fairness : public testing::Test {
 protected:
  static constexpr int kOthers = 100;
  Fairness() {
    EXPECT_TRUE(link.primary->create_user("alice", {}));
    huge = link.primary.create("Huge");
    for (int i = 0; i < kOthers; ++i)
      others.push_back(link.primary.create(fmt::format("o{:03}", i)));
    link.channel_options.chunks = {.body_bytes = 4 << 20, .messages = 200};
    link.open_channel();
    link.connect();
    EXPECT_TRUE(link.run());
  }
  ~Fairness() override { link.expect_in_step(); }

  TestLink link{ChannelOptions::Mode::kRolling};
  UniqueId huge;
  std::vector<UniqueId> others;
};

// R21
TEST_F(Fairness, OneHugeMailboxDelaysNoOther) {
  link.channel->pause();
  link.primary.append_many(huge, 1000);  // one transaction is not cut
  for (int i = 0; i < 3000; ++i) link.primary.append(huge, fmt::format("new {}", i));
  for (const UniqueId& other : others) link.primary.append(other, "one new message");
  Batches batches(link);
  link.channel->resume();
  ASSERT_TRUE(link.run());
  // All the others go first, in the first batch, before anything of the huge one.
  ASSERT_GE(batches.all().front().size(), others.size());
  for (size_t i = 0; i < others.size(); ++i)
    EXPECT_NE(batches.all().front()[i], fmt::format("-{:x}", huge.number));
}

/// What is too much for one batch for which somebody waits.
class LongBatch : public Fairness {
 protected:
  static constexpr size_t kMessages = 480;
  static constexpr size_t kBytes = 64 << 10;
  static_assert(kMessages * kBytes > 7 * kBatchBytesFirst);
  static_assert(kMessages * kBytes < kBatchBytesMax);
  // Which gets all of it, in so many batches.
  size_t batches_with_huge() {
    link.channel->pause();
    for (size_t i = 0; i < kMessages; ++i)
      link.primary.append(huge, std::to_string(i) + std::string(kBytes, 'x'));
    link.channel->resume();
    EXPECT_TRUE(link.run());
    return batches.count(huge);
  }
  Batches batches{link};
};

TEST_F(LongBatch, GoesOnWhileNobodyWaits) { EXPECT_EQ(batches_with_huge(), 1U); }

// R21, when the huge one is on its way already.
TEST_F(LongBatch, EndsSoonWhenSomethingNewComes) {
  constexpr uint64_t kBefore = 3;
  uint64_t said = 0;
  std::optional<size_t> others_from;
  link.on_said = [&](std::string_view bytes) {
    said += bytes.size();
    if (said < kBefore * kBatchBytesFirst || others_from) return;
    others_from = batches.all().size();
    for (const UniqueId& other : others) link.primary.append(other, "one new message");
  };
  EXPECT_GE(batches_with_huge(), 2U);
  ASSERT_TRUE(others_from);
  // That batch ends with the update under way; what is new goes with the next.
  ASSERT_GT(batches.all().size(), *others_from + 1);
  EXPECT_LE(batches.all()[*others_from].size(), kBefore * kUpdatesOfBatch + 2);
  for (const UniqueId& other : others)
    EXPECT_EQ(
        std::ranges::count(batches.all()[*others_from + 1], fmt::format("-{:x}", other.number)), 1);
}

/// The link is fast at first, and then it is not, whatever was learned of it. Time is the primary's
/// clock, which goes on with each byte.
class SlowingLink : public LongBatch, public testing::WithParamInterface<uint64_t> {
 protected:
  static constexpr uint64_t kFastFor = 10 << 20;
  static constexpr uint64_t kFastPerMs = 64 << 10;
  static constexpr uint64_t kSlowPerMs = 2 << 10;
  SlowingLink() {
    link.on_said = [this](std::string_view bytes) { say(bytes); };
  }
  // From when they came until the last of the others was said.
  int64_t longest_wait_ms() const {
    int64_t last_ms = came_ms_;
    for (int i = 0; i < kOthers; ++i) {
      const size_t at = since_.find(text_of(i));
      EXPECT_NE(at, since_.npos);
      const auto said = std::ranges::upper_bound(ends_, at, {}, &std::pair<size_t, int64_t>::first);
      if (said != ends_.end()) last_ms = std::max(last_ms, said->second);
    }
    return last_ms - came_ms_;
  }

 private:
  int64_t now_ms() { return link.primary.clock.monotonic_ms(); }
  static std::string text_of(int other) { return fmt::format("for {:03} alone", other); }
  void say(std::string_view bytes) {
    said_ += bytes.size();
    left_ += bytes.size();
    const uint64_t per_ms = said_ < kFastFor ? kFastPerMs : kSlowPerMs;
    link.primary.clock.advance_ms(static_cast<int64_t>(left_ / per_ms));
    left_ %= per_ms;
    if (have_come_) {
      since_ += bytes;
      ends_.emplace_back(since_.size(), now_ms());
    } else if (said_ >= GetParam()) {
      have_come_ = true;
      came_ms_ = now_ms();
      for (int i = 0; i < kOthers; ++i)
        link.primary.append(others[static_cast<size_t>(i)], text_of(i));
    }
  }
  uint64_t said_ = 0;
  uint64_t left_ = 0;
  bool have_come_ = false;
  int64_t came_ms_ = 0;
  std::string since_;                             // what was said since then
  std::vector<std::pair<size_t, int64_t>> ends_;  // of each piece of it, and when
};

// R21: no longer than a batch may take, and for the update under way.
TEST_P(SlowingLink, NobodyWaitsForMoreThanATurn) {
  batches_with_huge();
  constexpr uint64_t update = kBatchBytesFirst / kUpdatesOfBatch + kBytes;
  EXPECT_LE(longest_wait_ms(), kBatchMsMin + static_cast<int64_t>(update / kSlowPerMs));
}

INSTANTIATE_TEST_SUITE_P(At, SlowingLink,
                         testing::Values(1 << 20, 5 << 20, 9 << 20, 11 << 20, 13 << 20, 18 << 20,
                                         24 << 20));

TEST_F(LongBatch, IsNotForChannelsThatAnswersWaitFor) {
  AckGate gate{link.primary.clock};
  link.channel_options.acknowledges = gate.add("standby", {.level = AckLevel::kDurable});
  link.open_channel_later();
  EXPECT_GE(batches_with_huge(), 3U);
  link.disconnect("over");
  link.channel.reset();
  link.channel_options.acknowledges.reset();
}

// R13: the replica is lost in the middle, again and again; each is sent once it is back.
TEST_F(Fairness, ABacklogDrainsThroughManyCuts) {
  link.channel->pause();
  for (int round = 0; round < 3; ++round)
    for (const UniqueId& other : others) link.primary.append(other, "message");
  link.channel->resume();
  uint64_t cut = 2000;
  for (int i = 0; i < 50; ++i) {
    link.cut_after = cut;
    if (!link.sender) link.connect();
    if (link.run()) break;
    cut += 2000;
  }
  link.cut_after.reset();
  if (!link.sender) link.connect();
  ASSERT_TRUE(link.run());
  EXPECT_EQ(link.channel->status().changes_behind, 0U);
}

// R12
TEST_F(Fairness, ManyRequestsForOneUserAreOnePass) {
  link.primary.append(others[0], "message");
  Batches batches(link);
  size_t done = 0;
  for (size_t i = 0; i < kRequestsMax + 5; ++i)
    link.channel->sync({.users = {"alice"}, .mailboxes = {}}, SyncEffect::kSend,
                       [&](const SyncReport& report) { done += report.result ? 1 : 0; });
  ASSERT_TRUE(link.run());
  EXPECT_EQ(done, kRequestsMax);  // five too many were refused
  EXPECT_EQ(batches.count(others[0]), 1U);
  EXPECT_LE(batches.all().size(), 3U);
}

// R05: whatever is remembered of it.
TEST_F(Fairness, AUserAskedForByNameIsLookedAtOnTheReplica) {
  std::string up;
  link.on_bytes = [&](char way, std::string_view bytes) {
    if (way == '>') up += bytes;
  };
  EXPECT_TRUE(link.sync({.users = {"alice"}, .mailboxes = {}}).result);
  EXPECT_EQ(up, "USER alice\r\nSYNC\r\n");
}

// R26: what is gone before its turn is passed over.
TEST_F(Fairness, ADeletedMailboxIsPassedOver) {
  link.channel->pause();
  link.primary.append(others[0], "message");
  ASSERT_TRUE(link.primary->remove(others[0]));
  ASSERT_TRUE(link.primary->purge_deleted(others[0]));
  link.primary.append(others[1], "message");
  link.channel->resume();
  ASSERT_TRUE(link.run());
  EXPECT_TRUE(link.channel->status().set_aside.empty());
}

// Many more than are under way at once; what was read of them is bounded.
TEST_F(Fairness, ALongBacklogIsTakenInPages) {
  link.channel->pause();
  constexpr int kUsers = 21;
  constexpr int kEach = 1000;
  static_assert(kUsers * kEach > static_cast<int>(kPendingMax));
  for (int user = 0; user < kUsers; ++user) {
    const std::string userid = fmt::format("user{}", user);
    ASSERT_TRUE(link.primary->create_user(userid, {}));
    for (int i = 1; i < kEach; ++i)
      ASSERT_TRUE(link.primary->create({.name = {userid, fmt::format("m{}", i)}}));
  }
  EXPECT_EQ(link.channel->status().changes_behind, kChangesBehindMax);
  Batches batches(link);
  link.channel->resume();
  ASSERT_TRUE(link.run());
  EXPECT_GE(batches.all().size(), 2U);
  for (const auto& batch : batches.all()) EXPECT_LE(batch.size(), kBatchCommandsMax);
  EXPECT_EQ(link.channel->status().changes_behind, 0U);
}

}  // namespace
}  // namespace gemel::sync
