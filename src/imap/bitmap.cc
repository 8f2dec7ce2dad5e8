#include "imap/bitmap.h"

#include <algorithm>

namespace gemel::imap {

Bitmap members_between(const Bitmap& bitmap, uint32_t first, uint32_t last) {
  Bitmap range;
  // The range as a bitmap costs by its length, so it ends where the members do.
  if (!bitmap.isEmpty()) add_range(range, first, std::min(last, bitmap.maximum()));
  return bitmap & range;
}

UidSet BitmapWalk::next_from_top(size_t count) {
  UidSet out;
  if (bitmap_.isEmpty()) return out;
  const uint64_t left = bitmap_.cardinality();
  uint32_t first = 0;
  bitmap_.select(static_cast<uint32_t>(left - std::min<uint64_t>(left, count)), &first);
  const Bitmap taken = members_between(bitmap_, first, UINT32_MAX);
  bitmap_ -= taken;
  return uid_set_of(taken);
}

UidSet BitmapWalk::next(size_t count) {
  UidSet out;
  if (at_end()) return out;
  Bitmap::const_iterator at = bitmap_.begin();
  at.equalorlarger(static_cast<uint32_t>(at_));
  for (; at.i.has_value && count > 0; ++at, --count) {
    out.add(Uid(*at));
    at_ = uint64_t{*at} + 1;
  }
  return out;
}

}  // namespace gemel::imap
