#include "sync/bandwidth_cap.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "sync/test_link.h"

namespace gemel::sync {
namespace {

TEST(BandwidthCap, NoneNeverWaits) {
  BandwidthCap cap(0);
  cap.spend(1'000'000'000, 0);
  EXPECT_EQ(cap.wait_ms(0), 0);
}

TEST(BandwidthCap, HoldsASecondAndMayBeOverdrawn) {
  BandwidthCap cap(10'000);
  int64_t now = 1'000'000;
  EXPECT_EQ(cap.wait_ms(now), 0);
  cap.spend(9'999, now);
  EXPECT_EQ(cap.wait_ms(now), 0);
  cap.spend(65'536, now);
  const int64_t wait = cap.wait_ms(now);
  EXPECT_EQ(wait, (65'536 - 1) / 10 + 1);
  EXPECT_GT(cap.wait_ms(now + wait - 1), 0);
  EXPECT_EQ(cap.wait_ms(now + wait), 0);
  // A pause of a year gives a second's worth.
  now += int64_t{365} * 86'400'000;
  cap.spend(10'000, now);
  EXPECT_GT(cap.wait_ms(now), 0);
}

TEST(BandwidthCap, TheFastestDoesNotOverflow) {
  constexpr uint64_t kTerabyte = uint64_t{1} << 40;
  BandwidthCap cap(kTerabyte);
  cap.spend(kTerabyte, 1);
  EXPECT_EQ(cap.wait_ms(1), 1);
  EXPECT_EQ(cap.wait_ms(INT64_MAX / 2), 0);
}

// The sender, on a clock that moves only here: what went in each second, counted as net counts it.
TEST(SenderCap, SendsNoMoreThanItMay) {
  log::set_level(log::Level::kOff);
  constexpr uint64_t kRate = 100'000;
  constexpr uint64_t kPiece = 20'000;
  constexpr uint64_t kMail = 2'000'000;
  TestLink link{ChannelOptions::Mode::kRolling};
  link.channel_options.bytes_per_s_max = kRate;
  link.open_channel();
  ASSERT_TRUE(link.primary->create_user("alice", {}));
  link.connect();
  ASSERT_TRUE(link.run());
  for (uint64_t i = 0; i < 40; ++i)
    link.primary.append(link.primary.inbox(), std::to_string(i) + std::string(kMail / 40, 'x'));
  link.sender->wake();
  uint64_t sent = 0;
  int64_t seconds = 0;
  while (link.primary->digest() != link.replica->digest()) {
    ASSERT_LT(seconds, 100);
    std::string out;
    link.sender->produce(out, kPiece);
    link.channel->count_bytes(out.size(), 0);
    sent += out.size();
    ASSERT_LE(sent, kRate * static_cast<uint64_t>(seconds + 1) + kPiece);
    link.receiver->receive(out);
    std::string answers;
    do link.receiver->produce(answers, 65536);
    while (link.receiver->want() == wire::Want::kMore);
    if (!answers.empty()) link.sender->receive(answers);
    if (!answers.empty() || link.sender->want() == wire::Want::kMore) continue;
    // It wants nothing but time.
    ASSERT_LE(link.sender->input_timeout_ms(), 1000);
    link.primary.clock.advance_s(1);
    ++seconds;
    link.sender->timed_out();
  }
  EXPECT_GE(sent, kMail);
  EXPECT_GE(seconds, static_cast<int64_t>(kMail / kRate) - 2);
  link.disconnect("over");
  link.expect_in_step();
}

}  // namespace
}  // namespace gemel::sync
