#include "store/bitmap.h"

namespace gemel {

Bitmap bitmap_of(const UidSet& set) {
  Bitmap out;
  for (const UidSet::Range& range : set.ranges()) add_range(out, range.first, range.last);
  return out;
}

UidSet uid_set_of(const Bitmap& bitmap) {
  UidSet out;
  for (Bitmap::const_iterator at = bitmap.begin(); at.i.has_value; ++at) out.add(Uid(*at));
  return out;
}

void add_range(Bitmap& bitmap, uint32_t first, uint32_t last) {
  if (first <= last) bitmap.addRange(first, uint64_t{last} + 1);
}

}  // namespace gemel
