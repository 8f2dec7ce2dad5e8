// The items of a MailboxUpdate, as a transaction takes them one after another.
#pragma once

#include <map>
#include <unordered_map>

#include "base/bytes.h"
#include "mail/change_set.h"
#include "store/commit.h"

namespace gemel {

using StagedBodies = std::unordered_map<Guid, StagedBody>;

struct ItemsToApply {
  const MailboxUpdate& update;
  const StagedBodies& bodies;
  Uid old_last_uid;  // what comes new must be above it
};
/// Keywords for which no place was free, and the messages that are to get them: an item further on,
/// or what is purged at the end, may be what makes room.
using LateKeywords = std::map<std::string, UidSet, LessIgnoringCase>;

/// `mailbox` must be at update.to and update.last_uid already. Returns what is left for
/// MailboxEdit::add_late(). Errors: kInvalid, invariants I1 to I4 would break; kNotFound, bodies
/// are missing (the text has their guids, with spaces between) or a source record is.
Result<LateKeywords> apply_items(Commit& commit, MailboxEdit& mailbox, const ItemsToApply& items);

}  // namespace gemel
