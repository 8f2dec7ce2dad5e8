// STORE and EXPUNGE.
#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

struct FlagChange {
  FlagOp op;
  Flags flags;
  Flags of(const Flags& was) const {
    switch (op) {
      case FlagOp::kSet:
        return flags;
      case FlagOp::kAdd:
        return was | flags;
      case FlagOp::kRemove:
        return was - flags;
    }
    return was;
  }
};

struct StoreFlags {
  UniqueId mailbox;
  UidSet uids;
  FlagOp op;
  FlagNames flags;
  std::optional<ModSeq> unchanged_since;
};

/// Changes those of `states` that the change makes different.
Result<void> change_flags(MailboxEdit& mailbox, const std::vector<RecordState>& states,
                          const FlagChange& change) {
  for (RecordState state : states) {
    const Flags flags = change.of(state.flags);
    if (flags == state.flags) continue;
    state.flags = flags;
    state.modseq = mailbox.modseq();
    TRY_OK(mailbox.change(state));
  }
  return {};
}

Result<MailStore::Stored> store_all(Commit& commit, const StoreFlags& store) {
  TRY(MailboxEdit * mailbox, commit.live_mailbox(store.mailbox));
  TRY(std::vector<RecordState> states, mailbox->states(store.uids));
  MailStore::Stored out;
  std::erase_if(states, [&](const RecordState& state) {
    if (state.expunged) return true;
    if (!store.unchanged_since || state.modseq <= *store.unchanged_since) return false;
    out.modified.add(state.uid);
    return true;
  });
  FlagChange change{store.op, mailbox->bits_known(store.flags)};
  if (store.op != FlagOp::kRemove) {
    TRY(change.flags, mailbox->bits_for(store.flags));
  }
  TRY_OK(change_flags(*mailbox, states, change));
  TRY_OK(commit.finish());
  out.committed = commit.committed(store.mailbox);
  return out;
}

Result<MailStore::Expunged> expunge_all(Commit& commit, const UniqueId& id, const UidSet& uids) {
  TRY(MailboxEdit * mailbox, commit.live_mailbox(id));
  TRY(const std::vector<RecordState> states, mailbox->states(uids));
  MailStore::Expunged out;
  for (const RecordState& state : states)
    if (!state.expunged) out.uids.add(state.uid);
  TRY_OK(expunge_records(commit, *mailbox, out.uids));
  TRY_OK(commit.finish());
  out.committed = commit.committed(id);
  return out;
}

}  // namespace

Result<void> expunge_records(Commit& commit, MailboxEdit& mailbox, const UidSet& uids) {
  if (uids.empty()) return {};
  const ModSeq modseq = mailbox.modseq();
  return each_facts(commit.rows(), mailbox.info().id, uids, [&](Uid uid, const RecordFacts& facts) {
    return mailbox.expunge(uid, modseq, facts.size);
  });
}

Result<MailStore::Stored> MailStore::store_flags(const UniqueId& mailbox, const UidSet& uids,
                                                 FlagOp op, const FlagNames& flags,
                                                 std::optional<ModSeq> unchanged_since) {
  return impl_->commit<Stored>(Purpose::kCommit,
                               [store = StoreFlags{mailbox, uids, op, flags, unchanged_since}](
                                   Commit& commit) { return store_all(commit, store); });
}

Result<MailStore::Expunged> MailStore::expunge(const UniqueId& mailbox, const UidSet& uids) {
  return impl_->commit<Expunged>(Purpose::kCommit, [mailbox, uids](Commit& commit) {
    return expunge_all(commit, mailbox, uids);
  });
}

}  // namespace gemel
