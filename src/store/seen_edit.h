// One user's seen set of a mailbox of others while a transaction changes it.
//
// Owns     nothing durable: Commit::finish puts it among the user's items. Threads  one: the
//          committer's.
#pragma once

#include "mail/uid_set.h"

namespace gemel {

/// Ranges of a set. Beyond it the lowest gaps are closed: what lies in them counts as seen.
inline constexpr size_t kSeenRangesMax = 20'000;

class SeenEdit {
 public:
  explicit SeenEdit(UidSet seen) : before_(std::move(seen)) {}

  bool has(Uid uid) const;
  /// True if it was not in it. Cost: O(log ranges) in ascending order.
  bool add(Uid uid);
  /// True if it was in it.
  bool remove(Uid uid);
  /// Forgets UIDs up to `last` that are not in `live`: they are expunged for ever.
  void prune(const UidSet& live, Uid last);

  bool changed() const { return !added_.empty() || !removed_.empty(); }
  /// The set afterwards, with at most kSeenRangesMax ranges.
  UidSet value() const;

 private:
  UidSet before_;
  UidSet added_;    // not in before_
  UidSet removed_;  // in before_
};

}  // namespace gemel
