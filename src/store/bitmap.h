// Sets of UIDs in the form in which set algebra on a million of them is cheap.
//
// Threads  one at a time, as any value.
#pragma once

#include <roaring/roaring.hh>

#include "mail/uid_set.h"

namespace gemel {

using Bitmap = ::Roaring;

/// Cost: O(ranges).
Bitmap bitmap_of(const UidSet& set);
/// Cost: O(members).
UidSet uid_set_of(const Bitmap& bitmap);
/// Adds first to last, both included. Nothing when last < first.
void add_range(Bitmap& bitmap, uint32_t first, uint32_t last);

}  // namespace gemel
