// A clock that stands still until a test moves it.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace gemel {

/// Any thread.
class ManualClock final : public Clock {
 public:
  /// Mon, 24 Nov 2025 16:00:00 UTC, unless the test says otherwise.
  explicit ManualClock(int64_t unix_s = 1'764'000'000) : ms_(unix_s * 1000) {}
  int64_t unix_s() override { return ms_.load() / 1000; }
  int64_t monotonic_ms() override { return ms_.load(); }
  void advance_ms(int64_t ms) { ms_ += ms; }
  void advance_s(int64_t seconds) { advance_ms(seconds * 1000); }

 private:
  std::atomic<int64_t> ms_;
};

}  // namespace gemel
