// In a merge: what became a part of another mailbox, and was expunged in the one it came from by
// somebody who did not know of that, is expunged where it went; and so with flags that were
// changed.
//
// Source   doc/decisions/0006-terms-and-merge.md, "What went along".
#pragma once

#include <map>
#include <set>
#include <vector>

#include "store/mail_store.h"
#include "sync/folds.h"
#include "sync/merge.h"

namespace gemel::sync {

/// The other way: to the mailboxes that messages went to, as far as they are here. Those that went
/// on from there are followed.
class Following {
 public:
  /// `not_to`: these are left as they are. `store` must outlive it.
  Following(const MailStore& store, std::set<UniqueId> not_to)
      : store_(store), not_to_(std::move(not_to)) {}
  /// Records that went from a mailbox, as they are now, by uid; and of those whose flags are others
  /// now, what they went with.
  struct Gone {
    std::vector<RecordRow> rows = {};
    std::map<Uid, FlagNames> flags_before = {};
  };
  /// `folds` is said of the mailbox that `from` is of. Cost: that of reading the mailboxes they
  /// went to. Errors: those of reading the store.
  Result<void> follow(const Folds& folds, const Gone& from);
  /// To be made in the transaction in which those are expunged where they came from. Warns of
  /// keywords that are given up.
  std::vector<MailboxUpdate> updates() const;

 private:
  struct Place {
    MailboxInfo info;
    Gone records;  // all of them
    Folds folds;
    UidSet expunged = {};
    UidSet flagged = {};
  };
  Result<Place*> place_of(const UniqueId& id);
  static KeywordSet too_many(const Place& place);

  const MailStore& store_;
  std::set<UniqueId> not_to_;
  std::map<UniqueId, Place> places_;
};

/// To the mailbox `id`, which is about to be `merged`: from those that became parts of it, as far
/// as they are here. `floor`: what is expunged has a higher modseq, as then `merged` has. Errors:
/// those of reading the store.
Result<void> follow_into(MergedMailbox& merged, const UniqueId& id, const MailStore& store,
                         ModSeq floor);

}  // namespace gemel::sync
