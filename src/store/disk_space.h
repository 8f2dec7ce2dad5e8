// Whether a disk has room: asked before every write, looked up seldom.
#pragma once

#include <memory>
#include <mutex>

#include "base/clock.h"
#include "store/engine.h"

namespace gemel {

/// One engine's disk. Any thread.
class DiskSpace {
 public:
  DiskSpace(std::shared_ptr<Engine> engine, Clock& clock, uint64_t free_bytes_min)
      : engine_(std::move(engine)), clock_(&clock), free_bytes_min_(free_bytes_min) {}

  /// For `bytes` more. Looks at the disk once a second and every kUncheckedBytesMax; while it is
  /// full, each time. Errors: kNoSpace; kIo.
  Result<void> check(uint64_t bytes);
  static constexpr uint64_t kUncheckedBytesMax = 16 << 20;
  static constexpr int64_t kUncheckedMsMax = 1000;

 private:
  std::shared_ptr<Engine> engine_;
  Clock* clock_;
  uint64_t free_bytes_min_;
  std::mutex mutex_;
  // Guarded by mutex_.
  bool enough_ = false;
  int64_t checked_ms_ = 0;
  uint64_t unchecked_bytes_ = 0;
};

}  // namespace gemel
