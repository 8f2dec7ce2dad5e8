// Up to which uid sessions were told of messages as \Recent, ahead of what the header says.
#pragma once

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "mail/ids.h"

namespace gemel {

/// Any thread. Memory: one entry for each mailbox that was selected since the store was opened.
class RecentClaims {
 public:
  Uid get(const UniqueId& mailbox) const {
    const std::lock_guard lock(mutex_);
    const auto found = claimed_.find(mailbox);
    return found == claimed_.end() ? Uid() : found->second;
  }
  /// Raises the claim to `uid`, and gives the one before, at least `durable`.
  Uid raise(const UniqueId& mailbox, Uid uid, Uid durable) {
    const std::lock_guard lock(mutex_);
    Uid& claimed = claimed_[mailbox];
    const Uid before = std::max(claimed, durable);
    claimed = std::max(before, uid);
    return before;
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<UniqueId, Uid> claimed_;  // guarded by mutex_
};

}  // namespace gemel
