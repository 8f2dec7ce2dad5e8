// What became of the messages of a mailbox when it became a part of another one of its name.
//
// A server may have known such a mailbox as it was earlier than another one: what that other one
// expunged in it is to go from where the message went, too. So the mailbox says, for good, which of
// its messages went where; once a merge finds that one of them was expunged on a side that did not
// know that it had gone, it says this as well. The mailbox that took them in says where they came
// from. Both are attributes, written in the transaction in which the messages went: so neither can
// be lost apart from them, and whichever of the two mailboxes a server comes to have last, what has
// to be expunged is found then.
//
// Threads  values and pure functions.
// Source   doc/decisions/0006-terms-and-merge.md, "What went along".
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mail/ids.h"
#include "mail/uid_set.h"
#include "sync/values.h"

namespace gemel::sync {

/// Of the mailbox that became a part of another one: where its messages went.
inline constexpr std::string_view kAttributeWent = "went";
/// Of the other one: the mailboxes that became parts of it.
inline constexpr std::string_view kAttributeCame = "came";
/// Mailboxes that are said to have become parts of one; of more, those with the highest ids.
inline constexpr size_t kCameMax = 64;
/// Ranges of a set. Where more messages went, all between them count as such, so that fewer are
/// expunged; where more were expunged, the rest stay.
inline constexpr size_t kFoldRangesMax = 100'000;

using Attributes = std::map<std::string, std::string>;

struct Fold {
  UniqueId into;
  int64_t at_s = 0;  // what came there by it has this savedate
  UidSet uids;       // that went
  UidSet expunged;   // of those, by somebody who did not know of it
};

class Folds {
 public:
  Folds() = default;
  static Folds of(const Attributes& attributes);
  void put(Attributes& attributes) const;

  void add(const UniqueId& into, int64_t at_s, const UidSet& uids);
  void add(const Folds& other);
  /// Those of the uids that went, wherever to.
  void expunge(const UidSet& uids);
  bool empty() const { return folds_.empty(); }
  std::vector<Fold> all() const;
  UidSet uids() const;
  UidSet expunged() const;

 private:
  struct Sets {
    UidSet uids;
    UidSet expunged;
  };
  std::map<std::pair<UniqueId, int64_t>, Sets> folds_;
};

std::set<UniqueId> came_from(const Attributes& attributes);
void put_came_from(Attributes& attributes, std::set<UniqueId> ids);

/// Of the records of `fold.into`, those that came by it and are to be expunged, for their like in
/// the mailbox they came from, whose records that went are in `from`, was. One that is expunged
/// because it went further by one of `onward`, the folds of `fold.into`, counts as one that lives.
/// Of messages that are alike, as many as were.
UidSet due(const Fold& fold, const std::vector<RecordRow>& from,
           const std::vector<RecordRow>& there, const Folds& onward);

/// Of messages that went by it, and their like in the mailbox they went to: the uid of each here
/// and there. Of messages that are alike in order of uid, if there are as many there.
std::vector<std::pair<Uid, Uid>> twins(const Fold& fold, const std::vector<RecordRow>& from,
                                       const std::vector<RecordRow>& there);

}  // namespace gemel::sync
