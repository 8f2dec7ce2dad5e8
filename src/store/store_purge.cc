// Freeing what was expunged or deleted.
#include <fmt/format.h>

#include "store/flag_history.h"
#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

Result<MailStore::Committed> purge_tombstones(Commit& commit, const UniqueId& id, ModSeq up_to) {
  TRY(MailboxEdit * mailbox, commit.live_mailbox(id));
  if (mailbox->info().expunged > 0) {
    TRY(const std::vector<RecordState> states, mailbox->states(all_uids()));
    UidSet uids;
    ModSeq highest;
    for (const RecordState& state : states) {
      if (!state.expunged || state.modseq > up_to) continue;
      uids.add(state.uid);
      highest = std::max(highest, state.modseq);
    }
    if (!uids.empty()) {
      TRY_OK(forget_records(commit, *mailbox, uids));
      mailbox->header().purged_modseq = std::max(mailbox->info().purged_modseq, highest);
      mailbox->modseq();
    }
  }
  TRY_OK(commit.finish());
  return commit.committed(id);
}

Result<MailStore::Committed> purge_all(Commit& commit, const UniqueId& id) {
  TRY(MailboxEdit * mailbox, commit.mailbox(id));
  const MailboxInfo& info = mailbox->info();
  if (!info.is_deleted())
    return fail(Code::kInvalid, fmt::format("mailbox {} is not deleted", id.text()));
  if (info.exists > 0 || info.expunged > 0) {
    TRY_OK(forget_all_records(commit, *mailbox));
    // The state itself is what tells a replica that no record is left (doc/storage-format.md).
    mailbox->header().purged_modseq = mailbox->modseq();
  }
  TRY_OK(commit.finish());
  return commit.committed(id);
}

}  // namespace

Result<void> forget_records(Commit& commit, MailboxEdit& mailbox, const UidSet& uids) {
  std::vector<std::pair<Uid, RecordFacts>> all;
  TRY_OK(each_facts(commit.rows(), mailbox.info().id, uids, [&](Uid uid, const RecordFacts& facts) {
    all.emplace_back(uid, facts);
    return Result<void>();
  }));
  for (const auto& [uid, facts] : all) TRY_OK(commit.forget_record(mailbox, uid, facts));
  return {};
}

Result<void> forget_all_records(Commit& commit, MailboxEdit& mailbox) {
  TRY(const std::vector<RecordState> states, mailbox.states(all_uids()));
  UidSet uids;
  for (const RecordState& state : states) uids.add(state.uid);
  TRY_OK(forget_records(commit, mailbox, uids));
  return erase_flag_history(commit.rows(), mailbox.info().id);
}

Result<MailStore::Committed> MailStore::purge_expunged(const UniqueId& id, ModSeq up_to) {
  return impl_->commit<Committed>(
      Purpose::kFree, [id, up_to](Commit& commit) { return purge_tombstones(commit, id, up_to); });
}

Result<MailStore::Committed> MailStore::purge_deleted(const UniqueId& id) {
  return impl_->commit<Committed>(Purpose::kFree,
                                  [id](Commit& commit) { return purge_all(commit, id); });
}

}  // namespace gemel
