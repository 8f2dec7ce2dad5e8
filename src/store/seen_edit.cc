#include "store/seen_edit.h"

namespace gemel {

bool SeenEdit::has(Uid uid) const {
  return (before_.contains(uid) && !removed_.contains(uid)) || added_.contains(uid);
}

bool SeenEdit::add(Uid uid) {
  if (has(uid)) return false;
  if (before_.contains(uid))
    removed_ = removed_ - UidSet::of(uid, uid);
  else
    added_.add(uid);
  return true;
}

bool SeenEdit::remove(Uid uid) {
  if (!has(uid)) return false;
  if (before_.contains(uid))
    removed_.add(uid);
  else
    added_ = added_ - UidSet::of(uid, uid);
  return true;
}

void SeenEdit::prune(const UidSet& live, Uid last) {
  if (!last) return;
  removed_.add((before_ & UidSet::of(Uid(1), last)) - live);
}

UidSet SeenEdit::value() const {
  UidSet out = before_ - removed_;
  out.add(added_);
  if (const size_t count = out.ranges().size(); count > kSeenRangesMax)
    out.add(out.first(), Uid(out.ranges()[count - kSeenRangesMax].last));
  return out;
}

}  // namespace gemel
