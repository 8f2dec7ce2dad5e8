// STORE and EXPUNGE.
#include "store/flag_history.h"
#include "store/hold.h"
#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

struct FlagChange {
  FlagOp op;
  Flags flags;      // within `scope`
  FlagScope scope;  // of flags of the record
  Flags of(const Flags& was) const {
    switch (op) {
      case FlagOp::kSet:
        return (was - scope.of(was)) | flags;
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
  StoreTerms terms;
  // A seen set with expunged UIDs in it loses them; found before the committer's turn.
  UidSet live;
  Uid live_up_to;  // 0: not looked
};

/// \Seen of one's own: what a change of flags does to a seen set.
class OwnSeen {
 public:
  static Result<OwnSeen> of(Commit& commit, const StoreFlags& store) {
    OwnSeen out;
    if (store.terms.seen_by.empty() || !store.terms.scope.seen) return out;
    const bool is_named = store.flags.has(SystemFlag::kSeen);
    if (store.op != FlagOp::kSet && !is_named) return out;
    TRY(out.seen_, commit.seen(store.terms.seen_by, store.mailbox));
    out.adds_ = is_named && store.op != FlagOp::kRemove;
    out.seen_->prune(store.live, store.live_up_to);
    return out;
  }
  /// True if that is a change.
  bool apply(Uid uid) {
    if (seen_ == nullptr) return false;
    return adds_ ? seen_->add(uid) : seen_->remove(uid);
  }

 private:
  SeenEdit* seen_ = nullptr;  // null: stays as it is
  bool adds_ = false;
};

/// Changes those of `states` that the change makes different.
Result<void> change_flags(MailboxEdit& mailbox, const std::vector<RecordState>& states,
                          const FlagChange& change, OwnSeen& own_seen) {
  for (RecordState state : states) {
    const Flags flags = change.of(state.flags);
    const bool is_seen_changed = own_seen.apply(state.uid);
    if (flags == state.flags && !is_seen_changed) continue;
    state.flags = flags;
    state.modseq = mailbox.modseq();
    TRY_OK(mailbox.change(state));
  }
  return {};
}

/// Which messages a conditional STORE has to leave alone (RFC 7162 §3.1.3, §3.1.12).
class Condition {
 public:
  static Result<Condition> of(Commit& commit, const MailboxEdit& mailbox, const StoreFlags& store) {
    Condition out;
    if (!store.terms.unchanged_since) return out;
    out.since_ = store.terms.unchanged_since;
    // Of \Seen of one's own there is no history.
    const bool is_own_seen = !store.terms.seen_by.empty() && store.flags.has(SystemFlag::kSeen);
    if (store.op == FlagOp::kSet || is_own_seen) return out;
    TRY(const auto flips, read_flips(commit.rows(), {.mailbox = store.mailbox,
                                                     .highest = mailbox.info().highestmodseq,
                                                     .since = *out.since_}));
    if (!flips) return out;
    const Flags named = mailbox.bits_known(store.flags);
    out.compared_up_to_ = store.terms.there_up_to;
    for (const FlagFlips& one : *flips)
      if (one.bits - named != one.bits) out.flipped_.add(one.first, one.last);
    return out;
  }
  bool fails(const RecordState& state) const {
    if (!since_ || state.modseq <= *since_) return false;
    return state.uid > compared_up_to_ || flipped_.contains(state.uid);
  }

 private:
  std::optional<ModSeq> since_;
  Uid compared_up_to_;  // of messages above, all changes count
  UidSet flipped_;
};

Result<MailStore::Stored> store_all(Commit& commit, const StoreFlags& store) {
  TRY(MailboxEdit * mailbox, commit.live_mailbox(store.mailbox));
  const ModSeq before = mailbox->info().highestmodseq;
  TRY(std::vector<RecordState> states, mailbox->states(store.uids));
  TRY(const Condition condition, Condition::of(commit, *mailbox, store));
  MailStore::Stored out;
  std::erase_if(states, [&](const RecordState& state) {
    if (state.expunged) return true;
    if (!condition.fails(state)) return false;
    out.modified.add(state.uid);
    return true;
  });
  FlagScope scope = store.terms.scope;
  scope.seen = scope.seen && store.terms.seen_by.empty();
  const FlagNames names = scope.of(store.flags);
  FlagChange change{store.op, mailbox->bits_known(names), scope};
  if (store.op != FlagOp::kRemove) {
    TRY(change.flags, mailbox->bits_for(names));
  }
  TRY(OwnSeen own_seen, OwnSeen::of(commit, store));
  TRY_OK(change_flags(*mailbox, states, change, own_seen));
  TRY_OK(commit.finish());
  out.committed = commit.committed(store.mailbox);
  out.has_changed = out.committed.modseq != before;
  return out;
}

struct Expunge {
  UniqueId mailbox;
  UidSet uids;
  ExpungeTerms terms;
};

Result<MailStore::Expunged> expunge_all(Commit& commit, const Expunge& expunge) {
  using Holds = ExpungeTerms::Holds;
  TRY(MailboxEdit * mailbox, commit.live_mailbox(expunge.mailbox));
  TRY(std::vector<RecordState> states, mailbox->states(expunge.uids));
  if (expunge.terms.holds == Holds::kSpare) {
    TRY(const auto held_until_s, hold_on(commit, mailbox->info()));
    if (held_until_s) states.clear();
  }
  const ModSeq since = expunge.terms.unchanged_since.value_or(ModSeq(UINT64_MAX));
  MailStore::Expunged out;
  for (const RecordState& state : states)
    if (!state.expunged && state.modseq <= since) out.uids.add(state.uid);
  const uint64_t bytes = mailbox->info().bytes;
  TRY_OK(expunge_records(commit, *mailbox, out.uids));
  out.bytes = bytes - mailbox->info().bytes;
  TRY_OK(commit.finish());
  out.committed = commit.committed(expunge.mailbox);
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
                                                 const StoreTerms& terms) {
  StoreFlags store{mailbox, uids, op, flags, terms, {}, {}};
  if (!terms.seen_by.empty()) {
    TRY(const MailboxView now, view(mailbox, terms.seen_by));
    // So that a set never names more messages than there are.
    if (now.seen_set().size() > now.info().exists) {
      TRY(store.live, now.uids());
      store.live_up_to = now.info().last_uid;
    }
  }
  return impl_->commit<Stored>(Purpose::kCommit, [store = std::move(store)](Commit& commit) {
    return store_all(commit, store);
  });
}

Result<std::vector<std::string>> MailStore::prune_keywords(const UniqueId& id) {
  using Names = std::vector<std::string>;
  return impl_->commit<Names>(Purpose::kFree, [id](Commit& commit) -> Result<Names> {
    TRY(MailboxEdit * mailbox, commit.live_mailbox(id));
    TRY(Names pruned, mailbox->prune_keywords({}));
    if (!pruned.empty()) mailbox->modseq();
    TRY_OK(commit.finish());
    return pruned;
  });
}

Result<MailStore::Expunged> MailStore::expunge(const UniqueId& mailbox, const UidSet& uids,
                                               const ExpungeTerms& terms) {
  return impl_->commit<Expunged>(Purpose::kCommit,
                                 [expunge = Expunge{mailbox, uids, terms}](Commit& commit) {
                                   return expunge_all(commit, expunge);
                                 });
}

}  // namespace gemel
