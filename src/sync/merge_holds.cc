// What a merge keeps because a hold says so.
#include <algorithm>
#include <set>

#include "sync/merge.h"

namespace gemel::sync {
namespace {

using Identity = std::pair<Guid, int64_t>;

Identity identity_of(const RecordRow& row) { return {row.facts.guid, row.facts.internaldate_s}; }

bool is_freed(const RecordRow& row, const MergedMailbox& merged) {
  return merged.gone.contains(row.uid) || (row.expunged && row.modseq <= merged.purged_modseq);
}

// A merge in which a deleted mailbox is emptied says nothing of single records: then all are gone.
void name_all_that_is_gone(MergedMailbox& merged, const MailboxSide& a, const MailboxSide& b) {
  const bool is_emptied = merged.header.deleted_s != 0 && merged.purged_modseq == merged.to;
  if (!is_emptied) return;
  for (const MailboxSide* side : {&a, &b}) {
    if (!side->uids) continue;
    merged.gone.add(side->uids->live);
    merged.gone.add(side->uids->expunged);
  }
}

}  // namespace

UidSet may_be_freed(const MailboxSide& side, const MailboxSide& other) {
  UidSet changed;
  for (const ChangedRecord& record : side.changed) changed.add(record.row.uid);
  UidSet uids = side.uids->live - other.uids->live - other.uids->expunged;
  uids.add(side.uids->expunged);
  return uids - changed;
}

Result<void> keep_held(MergedMailbox& merged, const MailboxSide& a, const MailboxSide& b) {
  MergedMailbox out = merged;
  name_all_that_is_gone(out, a, b);
  std::set<Identity> stays;
  for (const RecordRow& row : out.records)
    if (!is_freed(row, out)) stays.insert(identity_of(row));
  std::vector<RecordRow> back;
  const auto keep = [&](const RecordRow& row) {
    if (stays.insert(identity_of(row)).second) back.push_back(row);
  };
  for (const MailboxSide* side : {&a, &b}) {
    // What was changed since is among the records of the merge, if it stays.
    for (const ChangedRecord& record : side->changed) keep(record.row);
    for (const RecordRow& row : side->kept)
      if (is_freed(row, out)) keep(row);
  }
  if (back.empty()) return {};
  if (back.size() > UINT32_MAX - out.last_uid.value)
    return fail(Code::kLimit, "the mailbox has no uids left");
  out.to =
      std::max({out.to, next(out.purged_modseq), next(a.highestmodseq), next(b.highestmodseq)});
  for (RecordRow& row : back) {
    row.uid = out.last_uid = next(out.last_uid);
    row.modseq = row.facts.created_modseq = out.to;
    row.expunged = true;
    row.facts.uidl.clear();
    out.records.push_back(std::move(row));
  }
  merged = std::move(out);
  return {};
}

}  // namespace gemel::sync
