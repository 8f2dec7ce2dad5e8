// How much of what a receiver has read may still be to be applied: what takes it a quarter of a
// second. What the sender says next stands behind it, and memory holds it; but while some is
// applied the next must be there.
//
// It learns from what it had to wait for: if so much was under way when the oldest of it was read,
// and that was done so long after, then so much takes so long.
//
// Threads  one at a time.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gemel::sync {

/// Of bodies; one update may be larger.
inline constexpr uint64_t kApplyBytesMin = 1 << 20;
inline constexpr uint64_t kApplyBytesMax = 8 << 20;
inline constexpr int64_t kApplyMs = 250;

class ApplyWindow {
 public:
  uint64_t bytes() const { return bytes_; }
  /// `under_way` bytes were more than bytes(), so the oldest update was waited for: `took_ms` since
  /// it was read. Not to be told of one that was done before anybody waited.
  void learn(uint64_t under_way, int64_t took_ms) {
    const uint64_t fitting =
        under_way * kApplyMs / static_cast<uint64_t>(std::max<int64_t>(took_ms, 1));
    // One measurement may be a hiccup of the disk.
    bytes_ =
        std::clamp(std::clamp(fitting, bytes_ / 2, bytes_ * 2), kApplyBytesMin, kApplyBytesMax);
  }

 private:
  uint64_t bytes_ = kApplyBytesMin;
};

}  // namespace gemel::sync
