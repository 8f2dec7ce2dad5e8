// How much a receiver has under way, by how fast it applies.
#include "sync/apply_window.h"

#include <gtest/gtest.h>

namespace gemel::sync {
namespace {

/// Of one that applies so much in a millisecond, and syncs its disk for each update.
uint64_t settled(uint64_t bytes_per_ms, int64_t disk_ms) {
  ApplyWindow window;
  for (int i = 0; i < 20; ++i)
    window.learn(window.bytes(), disk_ms + static_cast<int64_t>(window.bytes() / bytes_per_ms));
  return window.bytes();
}

TEST(ApplyWindow, IsWhatTakesAQuarterOfASecond) {
  constexpr int64_t kDiskMs = 20;
  for (const uint64_t per_ms : {8 << 10, 16 << 10, 32 << 10}) {
    const int64_t takes_ms = kDiskMs + static_cast<int64_t>(settled(per_ms, kDiskMs) / per_ms);
    EXPECT_NEAR(static_cast<double>(takes_ms), kApplyMs, 5);
  }
}

TEST(ApplyWindow, IsBounded) {
  EXPECT_EQ(settled(1 << 20, 0), kApplyBytesMax);  // no time at all
  EXPECT_EQ(settled(1 << 10, 0), kApplyBytesMin);
  EXPECT_EQ(settled(1 << 20, 2 * kApplyMs), kApplyBytesMin);
}

TEST(ApplyWindow, IsNotTakenInByOneLongWait) {
  ApplyWindow window;
  for (int i = 0; i < 20; ++i) window.learn(window.bytes(), 1);
  window.learn(window.bytes(), 100 * kApplyMs);
  EXPECT_EQ(window.bytes(), kApplyBytesMax / 2);
  window.learn(window.bytes(), kApplyMs);
  EXPECT_EQ(window.bytes(), kApplyBytesMax / 2);
}

}  // namespace
}  // namespace gemel::sync
