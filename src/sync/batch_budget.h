// How much one batch may bring: enough to keep a fast link busy, little enough that what is
// committed meanwhile does not wait long for its turn. It learns from how long batches take beyond
// the way to the replica and back: what the way alone takes is no fault of the batch's size.
//
// The way is the shortest time of the last few exchanges that brought next to nothing. So a batch
// that waited for the replica's disk, or behind other traffic, is not taken for a long way, and the
// time rises again when the route changes. Until such an exchange tells of it, a longer way is
// taken for a slower link.
//
// Where nobody waits for its end a batch goes on, for each end costs a turn of the wire. Once
// somebody does, it ends by time too, whatever was learned: within kBatchMsMin and one update, of
// which there are kUpdatesOfBatch in a batch. What is on its way by then is soon over: the sender's
// socket holds little beyond what is on the wire, and the replica reads no more than it applies
// soon (sync/apply_window.h).
//
// Threads  one at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace gemel::sync {

/// Bytes of bodies. A batch for which somebody waits ends where it has them, if its work does not
/// end before; one body or transaction may be larger.
inline constexpr uint64_t kBatchBytesMin = 256 << 10;
inline constexpr uint64_t kBatchBytesFirst = 4 << 20;
inline constexpr uint64_t kBatchBytesMax = 64 << 20;
/// A batch shall take between these beyond the way, from its first word to its last answer. What is
/// committed meanwhile waits for it, and shall be on the replica within a second.
inline constexpr int64_t kBatchMsMin = 250;
inline constexpr int64_t kBatchMsMax = 500;
/// An update brings no more than this part of a batch, for only between two can it end.
inline constexpr uint64_t kUpdatesOfBatch = 8;
/// A batch of no more than this takes as long as the way, about.
inline constexpr uint64_t kLittleBytesMax = 16 << 10;
inline constexpr size_t kLittleCommandsMax = 16;
/// Exchanges whose shortest is the way.
inline constexpr size_t kWaySamples = 8;

class BatchBudget {
 public:
  BatchBudget() { ways_ms_.fill(kUnknown); }

  uint64_t bytes() const { return bytes_; }
  /// What one update of it may bring.
  uint64_t update_bytes() const { return bytes_ / kUpdatesOfBatch; }
  /// Whether a batch that has brought so much, in so long, may go on though somebody waits.
  bool is_short(uint64_t brought, int64_t elapsed_ms) const {
    return brought < bytes_ && elapsed_ms < kBatchMsMin;
  }
  /// To the replica and back, as far as is known; else 0.
  int64_t way_ms() const {
    const int64_t shortest = std::ranges::min(ways_ms_);
    return shortest == kUnknown ? 0 : shortest;
  }
  /// Something short was said, and its answer came after so long.
  void learn_way(int64_t elapsed_ms) { ways_ms_[next_way_++ % kWaySamples] = elapsed_ms; }
  /// A batch with so many bytes of bodies, in so many commands, took so long.
  void learn(uint64_t sent, size_t commands, int64_t elapsed_ms) {
    const bool is_little = sent <= kLittleBytesMax && commands <= kLittleCommandsMax;
    if (is_little || elapsed_ms < way_ms()) learn_way(elapsed_ms);
    int64_t busy_ms = elapsed_ms - way_ms();
    // Where it went on: as long as one of the size that it should have had.
    if (sent > bytes_)
      busy_ms = static_cast<int64_t>(static_cast<uint64_t>(busy_ms) * bytes_ / sent);
    // At once to where it belongs: each batch that is too long delays others.
    if (busy_ms > kBatchMsMax && sent >= kBatchBytesMin)
      bytes_ = std::max(bytes_ * kBatchMsMax / static_cast<uint64_t>(busy_ms), kBatchBytesMin);
    else if (busy_ms < kBatchMsMin && sent >= bytes_ / 2)
      bytes_ = std::min(bytes_ * 2, kBatchBytesMax);
  }

 private:
  static constexpr int64_t kUnknown = std::numeric_limits<int64_t>::max();

  uint64_t bytes_ = kBatchBytesFirst;
  std::array<int64_t, kWaySamples> ways_ms_;
  size_t next_way_ = 0;
};

}  // namespace gemel::sync
