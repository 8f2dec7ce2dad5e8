#include "imap/own_changes.h"

namespace gemel::imap {

void OwnChanges::about_to_publish(std::span<const Published> changes) {
  if (next_) next_->about_to_publish(changes);
  const std::lock_guard lock(mutex_);
  if (!is_noting_) return;
  for (const Published& change : changes) {
    std::vector<Range>& ranges = ranges_[change.entity];
    const uint64_t modseq = change.highestmodseq.value;
    if (!ranges.empty() && ranges.back().last + 1 == modseq)
      ranges.back().last = modseq;
    else
      ranges.push_back({modseq, modseq});
  }
}

void OwnChanges::start() {
  const std::lock_guard lock(mutex_);
  is_noting_ = true;
  ranges_.clear();
}

void OwnChanges::stop() {
  const std::lock_guard lock(mutex_);
  is_noting_ = false;
  ranges_.clear();
}

void OwnChanges::forget() {
  const std::lock_guard lock(mutex_);
  ranges_.clear();
}

// Each transaction takes the next modseq, so that one which is missing is somebody else's.
bool OwnChanges::have_others_changed(const Entity& entity, ModSeq since, ModSeq now) const {
  if (now <= since) return false;
  const std::lock_guard lock(mutex_);
  const auto own = ranges_.find(entity);
  if (own == ranges_.end()) return true;
  for (const Range& range : own->second)
    if (range.first <= since.value + 1 && range.last >= now.value) return false;
  return true;
}

}  // namespace gemel::imap
