// The changes that bring a mailbox or a user's data from one state to a later one, as a value: what
// compare builds, the wire carries, and the store applies as one transaction or not at all.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mail/record.h"
#include "mail/uid_set.h"

namespace gemel {

/// Flags of messages that both sides have. All have the same `modseq` afterwards.
struct StoreItem {
  UidSet uids;
  ModSeq modseq;
  FlagOp op = FlagOp::kSet;
  FlagNames flags;
};

/// Messages that both sides have become tombstones; uids without a message are passed over.
struct ExpungeItem {
  UidSet uids;
  ModSeq modseq;
};

/// One message the receiver lacks. Its body is there already or was staged before the update.
struct AppendItem {
  Uid uid;
  ModSeq modseq;
  ModSeq created_modseq;
  FlagNames flags;
  bool expunged = false;  // comes as a tombstone that is kept, for undelete
  int64_t internaldate_s = 0;
  int64_t savedate_s = 0;
  Guid guid;
  uint64_t size = 0;
  uint64_t crlf_growth = 0;
  std::string uidl = {};
};

/// Messages the receiver lacks here but has elsewhere: guid, size, crlf_growth and internaldate are
/// those of `source_uids` (expunged ones that are kept count), taken pairwise in ascending order;
/// the flags too unless `flags` is there. `source` may be the mailbox itself.
struct AppendFromItem {
  UidSet uids;
  ModSeq modseq;
  ModSeq created_modseq;
  bool expunged = false;
  int64_t savedate_s = 0;
  UniqueId source;
  UidSet source_uids;
  std::optional<FlagNames> flags;
};

/// Records that go without a trace, live ones and tombstones; uids without one are passed over.
/// Only in an update that mends.
struct DropItem {
  UidSet uids;
};

using ChangeItem = std::variant<StoreItem, ExpungeItem, AppendItem, AppendFromItem, DropItem>;

/// What a header says, where it differs from what the receiver has or the mailbox is new there.
struct MailboxHeader {
  MailboxName name;
  std::string partition;
  UidValidity uidvalidity;
  int64_t created_s = 0;
  int64_t deleted_s = 0;
  std::map<std::string, std::string> attributes;
  Lineage lineage = {};
  bool operator==(const MailboxHeader&) const = default;
};

/// A mailbox that must have come to this uid at least.
struct NeededMailbox {
  UniqueId id;
  Uid last_uid;
  bool operator==(const NeededMailbox&) const = default;
};

/// Items take effect in order. Applies only where the mailbox is in the state (`from`) — or does
/// not exist, for `from` 0 — and leaves it at `to`.
///
/// One that mends brings any state to any other, so it holds only where the digest is *mends too:
/// `to` may be `from`; a modseq may be any up to `to`; an append may name any uid up to last_uid,
/// and replaces what is there; purged_modseq may go back. What readers rely on stays: highestmodseq
/// and last_uid don't go back, and uidvalidity is kept.
///
/// `needs`: where messages are now that it expunges. While one is not that far, nothing is applied.
struct MailboxUpdate {
  UniqueId id;
  ModSeq from;
  ModSeq to;
  Uid last_uid;
  Uid recent_uid;
  ModSeq purged_modseq;
  std::optional<MailboxHeader> header;  // required when from is 0
  std::vector<ChangeItem> items;
  std::optional<Digest> mends = {};
  std::vector<NeededMailbox> needs = {};
};

/// Messages that a user has seen, beside those of which it is known, in a mailbox of somebody else.
struct AlsoSeen {
  std::string userid;
  UniqueId mailbox;
  UidSet uids;
};

/// As MailboxUpdate, for the data of a user; `from` 0 makes the user. `mends` is the data digest.
struct UserUpdate {
  std::string userid;
  ModSeq from;
  ModSeq to;
  int64_t created_s = 0;
  int64_t deleted_s = 0;
  std::vector<UserItem> items;
  std::optional<Lineage> lineage = {};  // nothing: as it was
  std::optional<Digest> mends = {};
  std::vector<std::string> drops = {};  // keys that go without a trace; only where it mends
};

/// One mailbox of a RENAME. All of one RENAME change together, so names may be swapped. `to` may be
/// `from`: what else changed, the lineage too, comes with an update.
struct RenameItem {
  UniqueId id;
  MailboxName old_name;
  MailboxName new_name;
  std::string partition;
  ModSeq from;
  ModSeq to;
};

}  // namespace gemel
