#include "store/disk_space.h"

#include <fmt/format.h>

namespace gemel {

Result<void> DiskSpace::check(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  unchecked_bytes_ += bytes;
  const int64_t now_ms = clock_->monotonic_ms();
  if (enough_ && unchecked_bytes_ <= kUncheckedBytesMax && now_ms - checked_ms_ < kUncheckedMsMax)
    return {};
  TRY(const uint64_t free, engine_->free_bytes());
  checked_ms_ = now_ms;
  unchecked_bytes_ = 0;
  enough_ = free >= free_bytes_min_;
  if (enough_) return {};
  return fail(Code::kNoSpace,
              fmt::format("the disk has {} bytes left, {} are kept free", free, free_bytes_min_));
}

}  // namespace gemel
