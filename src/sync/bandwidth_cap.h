// How fast a channel may send: a bucket that fills at the rate and holds a second's worth, and out
// of which every byte on the wire is taken. It may be overdrawn by what goes at once, a piece of
// output, so over time the rate holds whatever the pieces are.
//
// Threads  one at a time.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gemel::sync {

class BandwidthCap {
 public:
  /// 0: no cap.
  explicit BandwidthCap(uint64_t bytes_per_s) : rate_(static_cast<int64_t>(bytes_per_s)) {}

  /// So many bytes have gone.
  void spend(uint64_t bytes, int64_t now_ms) {
    if (rate_ == 0) return;
    fill(now_ms);
    level_ -= static_cast<int64_t>(bytes) * kMsPerS;
  }

  /// Until something may be sent; 0: now.
  int64_t wait_ms(int64_t now_ms) {
    if (rate_ == 0) return 0;
    fill(now_ms);
    return level_ > 0 ? 0 : -level_ / rate_ + 1;
  }

 private:
  static constexpr int64_t kMsPerS = 1000;

  // In thousandths of a byte, so that each millisecond adds the rate.
  void fill(int64_t now_ms) {
    const int64_t full = rate_ * kMsPerS;
    // A long pause fills it, and must not count beyond that.
    const int64_t passed_ms =
        std::clamp<int64_t>(now_ms - filled_at_ms_, 0, (full - level_) / rate_ + 1);
    level_ = is_begun_ ? std::min(full, level_ + passed_ms * rate_) : full;
    is_begun_ = true;
    filled_at_ms_ = now_ms;
  }

  const int64_t rate_;
  int64_t level_ = 0;
  int64_t filled_at_ms_ = 0;
  bool is_begun_ = false;
};

}  // namespace gemel::sync
