// How much one batch may bring: enough to keep a fast link busy, little enough that what is
// committed meanwhile does not wait long for its turn. It learns from how long batches take.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gemel::sync {

/// Bytes of bodies. A batch ends where it has them, if its work does not end before; one body or
/// transaction may be larger.
inline constexpr uint64_t kBatchBytesMin = 256 << 10;
inline constexpr uint64_t kBatchBytesFirst = 4 << 20;
inline constexpr uint64_t kBatchBytesMax = 64 << 20;
/// A batch shall take between these, from its first word to its last answer. What is committed
/// meanwhile waits for it, and shall be on the replica within a second.
inline constexpr int64_t kBatchMsMin = 250;
inline constexpr int64_t kBatchMsMax = 500;

class BatchBudget {
 public:
  uint64_t bytes() const { return bytes_; }
  /// A batch with so many bytes of bodies took so long.
  void learn(uint64_t sent, int64_t elapsed_ms) {
    // At once to where it belongs: each batch that is too long delays others.
    if (elapsed_ms > kBatchMsMax && sent >= kBatchBytesMin)
      bytes_ = std::max(bytes_ * kBatchMsMax / static_cast<uint64_t>(elapsed_ms), kBatchBytesMin);
    else if (elapsed_ms < kBatchMsMin && sent >= bytes_ / 2)
      bytes_ = std::min(bytes_ * 2, kBatchBytesMax);
  }

 private:
  uint64_t bytes_ = kBatchBytesFirst;
};

}  // namespace gemel::sync
