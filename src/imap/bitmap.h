// Pieces of sets of UIDs, and walks along them.
//
// Threads  one at a time, as any value.
#pragma once

#include "store/bitmap.h"

namespace gemel::imap {

/// Members from first to last, both included.
Bitmap members_between(const Bitmap& bitmap, uint32_t first, uint32_t last);

/// Walks the members upwards in pieces, so that a long list can be worked off with pauses. Keeps a
/// copy of the set.
class BitmapWalk {
 public:
  explicit BitmapWalk(Bitmap bitmap) : bitmap_(std::move(bitmap)) {}
  /// The next members, at most `count`; empty at the end. Cost: O(count + log members).
  UidSet next(size_t count);
  /// The same from the top downwards; not together with next().
  UidSet next_from_top(size_t count);
  const Bitmap& all() const { return bitmap_; }
  /// Of the whole set.
  uint64_t size() const { return bitmap_.cardinality(); }
  bool at_end() const { return bitmap_.isEmpty() || at_ > bitmap_.maximum(); }

 private:
  Bitmap bitmap_;
  uint64_t at_ = 0;  // members below it have been given
};

}  // namespace gemel::imap
