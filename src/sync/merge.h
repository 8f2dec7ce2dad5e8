// How two histories of one mailbox become one, as a pure function of what each side has changed
// since the modseq up to which they are the same.
//
// It gives the same messages, under the same uids, whichever side is called a. So whoever merges,
// and however often a merge is cut in the middle and begun again, they are the same afterwards.
// Only what a uid held that both had given is what a had: nobody can read it any more, and the
// replicas that follow a are told of what is new alone.
//
// Threads  pure functions.
// Source   doc/decisions/0006-terms-and-merge.md.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mail/change_set.h"
#include "sync/folds.h"
#include "sync/taken_in.h"
#include "sync/values.h"

namespace gemel::sync {

/// Keywords in lower case.
using KeywordSet = std::set<std::string>;

/// One side of a mailbox.
struct MailboxSide {
  MailboxHeader header;
  ModSeq header_modseq;  // of the last change of name, partition, deletion
  std::map<std::string, ModSeq> attribute_modseqs;  // removed ones too, as far as they are known
  Uid last_uid;
  Uid recent_uid;
  ModSeq highestmodseq;
  ModSeq purged_modseq;
  /// Records with a modseq above the common one, ascending; all records where the other side is
  /// emptied.
  std::vector<ChangedRecord> changed;
  /// Of all records. Needed on both sides where either has purged anything: a record that was
  /// freed leaves no other trace.
  std::optional<RecordUids> uids = {};

  /// Of the records up to the common modseq, those that have to be kept if the merge would free
  /// them: see keep_held().
  std::vector<RecordRow> kept = {};

  /// A deleted mailbox whose messages have been freed.
  bool is_emptied() const { return header.deleted_s != 0 && purged_modseq == highestmodseq; }
  bool has(Uid uid) const { return uids->live.contains(uid) || uids->expunged.contains(uid); }
};

/// Of those that it has changed.
const ChangedRecord* find(const MailboxSide& side, Uid uid);

/// Uids of messages that live and have another one now, by the one that they had.
using Moves = std::map<Uid, Uid>;

/// What both sides are to be like.
struct MergedMailbox {
  MailboxHeader header;  // without a lineage, unless it is one side's state as it is
  Uid last_uid;
  Uid recent_uid;
  ModSeq to;
  ModSeq purged_modseq;
  std::vector<RecordRow> records;  // by uid: all that may be other than on one of the sides
  UidSet gone;                     // records that one side has freed: no trace of them is left
  Moves moves_a = {};
  Moves moves_b = {};
};

/// `a` is this server's. `common`: see common_modseq(). Where one side has changed nothing since,
/// or all that it has was merged into the other before, the other's state is the result. Cost:
/// O(changes log changes). Errors: kLimit, no uids are left.
Result<MergedMailbox> merge(const MailboxSide& a, const MailboxSide& b, ModSeq common);

/// Under a hold nothing is freed by a merge: what one side still has, and `merged` leaves out,
/// comes into it as an expunged message with a new uid. Errors: kLimit, no uids are left.
Result<void> keep_held(MergedMailbox& merged, const MailboxSide& a, const MailboxSide& b);
/// Of `side`'s records that it has not changed, those that a merge with `other` may free: they have
/// to be among its `kept` then. Both need their uids.
UidSet may_be_freed(const MailboxSide& side, const MailboxSide& other);

/// A merge that changes nothing for `a`, and is above all that readers of `b` know, needs no modseq
/// of its own: one that was cut in the middle and is begun again. Then `merged.to` is a's. To be
/// called when nothing more is to change in `merged`.
void spare_modseq(MergedMailbox& merged, const MailboxSide& a, const MailboxSide& b, ModSeq common);

/// The update that brings `side` to `merged`; nothing if it is there. The caller says the id, the
/// digest that it mends, and the lineage. Bodies: every AppendItem's must be there, or come along.
std::optional<MailboxUpdate> mend(const MergedMailbox& merged, const MailboxSide& side,
                                  ModSeq common);

/// Another mailbox of the same name is to be taken into this one: its messages that this one lacks
/// come as copies, in their order.
struct Folding {
  UidSet uids;                            // of the other, to be copied
  Moves same;                             // of the other, what both have
  std::map<Uid, FlagNames> copied_flags;  // of those to be copied, where the copy doesn't have all
  std::map<Uid, FlagNames> new_flags;     // of messages that both have, where the union is more
  KeywordSet given_up;                    // by both, for want of places
};
/// Both by uid; expunged ones are passed over. Messages are the same if guid and internaldate are.
Folding fold(const std::vector<RecordRow>& into, const std::vector<RecordRow>& other);
/// Those of the one, and what only the other has; a value of both is that of the one. What was
/// merged into the other, or became a part of it, says nothing of this one.
std::map<std::string, std::string> folded_attributes(
    std::map<std::string, std::string> into, const std::map<std::string, std::string>& other);

/// What both sides know of messages that went into another mailbox, and what either has expunged
/// without knowing that it went.
Folds merged_folds(const MailboxSide& a, const MailboxSide& b, ModSeq common);

/// One side of a user's data.
struct UserSide {
  std::string userid;
  int64_t created_s = 0;
  int64_t deleted_s = 0;
  ModSeq modseq;
  /// With a modseq above the common one, by key, deleted ones too; all where one of the two sides
  /// is deleted.
  std::vector<UserItem> changed;
  Lineage lineage = {};
  TakenIn taken = {};
  /// Of the items up to the common modseq, the one that deleted_active() names; if it has it.
  std::optional<UserItem> kept = {};
};

/// Whether the user has a mailbox that lives once all are merged: then so does the user.
enum class UserMailboxes : uint8_t { kNone, kSome };

/// What both are to be like: `from` and lineage are the caller's to say, and each side's update
/// leaves out the items that it has as they are.
/// What the one side made active and the other deleted comes back, if it is `kept`.
UserUpdate merge(const UserSide& a, const UserSide& b, ModSeq common, UserMailboxes mailboxes);
/// The key of the Sieve script that is the active one in `merged`, though one side has deleted it.
/// The side that still has it must tell it as `kept` then, and the two be merged again.
std::optional<std::string> deleted_active(const UserUpdate& merged);
std::optional<UserUpdate> mend(const UserUpdate& merged, const UserSide& side);
/// As that of a mailbox.
void spare_modseq(UserUpdate& merged, const UserSide& a, const UserSide& b);

}  // namespace gemel::sync
