// The items of a MailboxUpdate, as a transaction takes them one after another.
#pragma once

#include <unordered_map>

#include "mail/change_set.h"
#include "store/commit.h"

namespace gemel {

using StagedBodies = std::unordered_map<Guid, StagedBody>;

struct ItemsToApply {
  const MailboxUpdate& update;
  const StagedBodies& bodies;
  Uid old_last_uid;  // what comes new must be above it
};
/// `mailbox` must be at update.to and update.last_uid already. Errors: kInvalid, invariants I1 to
/// I4 would break; kNotFound, bodies are missing (the text has their guids, with spaces between) or
/// a source record is; kLimit, keywords.
Result<void> apply_items(Commit& commit, MailboxEdit& mailbox, const ItemsToApply& items);

}  // namespace gemel
