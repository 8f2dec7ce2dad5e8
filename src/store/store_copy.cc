// COPY and MOVE.
#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

/// What an import puts into one transaction: enough to be quick, little enough to let others in.
constexpr size_t kImportBodiesMax = 256;
constexpr uint64_t kImportBytesMax = 8 << 20;

Result<std::vector<std::pair<Uid, RecordFacts>>> facts_of(Commit& commit, const UniqueId& id,
                                                          const UidSet& uids) {
  std::vector<std::pair<Uid, RecordFacts>> out;
  TRY_OK(each_facts(commit.rows(), id, uids, [&](Uid uid, const RecordFacts& facts) {
    out.emplace_back(uid, facts);
    return Result<void>();
  }));
  return out;
}

struct Copy {
  UniqueId source;
  UidSet uids;
  UniqueId target;
  MailStore::Keep keep;
  CopyTerms terms;
};

/// What a message's flags become in the target, and whose seen set is asked or told.
class CopiedFlags {
 public:
  static Result<CopiedFlags> of(Commit& commit, const UniqueId& source, const UniqueId& target,
                                const CopyTerms& terms) {
    CopiedFlags out;
    out.scope_ = terms.scope;
    if (!terms.source_seen_by.empty()) {
      TRY(out.source_, commit.seen(terms.source_seen_by, source));
    }
    if (!terms.target_seen_by.empty()) {
      TRY(out.target_, commit.seen(terms.target_seen_by, target));
    }
    return out;
  }

  /// In the source's bits.
  Flags of(const RecordState& state) const {
    Flags flags = state.flags;
    if (source_ != nullptr) {
      flags.clear(kSeen);
      if (source_->has(state.uid)) flags.set(kSeen);
    }
    return scope_.of(flags);
  }
  /// Takes \Seen for a seen set.
  void settle(Flags& flags, Uid target_uid) {
    if (target_ == nullptr || !flags.has(SystemFlag::kSeen)) return;
    target_->add(target_uid);
    flags.clear(kSeen);
  }

 private:
  static constexpr auto kSeen = static_cast<size_t>(SystemFlag::kSeen);
  FlagScope scope_;
  SeenEdit* source_ = nullptr;
  SeenEdit* target_ = nullptr;
};

Result<MailStore::Copied> copy_all(Commit& commit, const Copy& copy) {
  TRY_OK(commit.live_mailbox(copy.source));
  TRY(const MailboxEdit* target, commit.live_mailbox(copy.target));
  TRY(CopiedUids uids, copy_records(commit, copy.source, copy.uids, copy.target, copy.terms));
  if (copy.keep == MailStore::Keep::kMove) {
    TRY(MailboxEdit * source, commit.mailbox(copy.source));
    TRY_OK(expunge_records(commit, *source, uids.source));
  }
  TRY_OK(commit.finish());
  return MailStore::Copied{.committed = commit.committed(copy.target),
                           .source = commit.committed(copy.source),
                           .uidvalidity = target->info().uidvalidity,
                           .source_uids = std::move(uids.source),
                           .target_uids = std::move(uids.target)};
}

}  // namespace

Result<Flags> FlagsTranslation::of(const Flags& flags) {
  if (const auto found = known_.find(flags); found != known_.end()) return found->second;
  TRY(const Flags bits, to_->bits_for(names_of(flags, from_->info().keywords)));
  known_.emplace(flags, bits);
  return bits;
}

Result<CopiedUids> copy_records(Commit& commit, const UniqueId& source_id, const UidSet& uids,
                                const UniqueId& target_id, const CopyTerms& terms) {
  TRY(MailboxEdit * source, commit.mailbox(source_id));
  TRY(MailboxEdit * target, commit.mailbox(target_id));
  TRY(const uint32_t from, commit.partitions().find(source->info().partition));
  TRY(const uint32_t to, commit.partitions().find(target->info().partition));
  CopiedUids out;
  TRY(std::vector<RecordState> states, source->states(uids));
  std::erase_if(states, [](const RecordState& state) { return state.expunged; });
  for (const RecordState& state : states) out.source.add(state.uid);
  TRY(auto facts, facts_of(commit, source_id, out.source));
  if (states.size() > UINT32_MAX - target->info().last_uid.value)
    return fail(Code::kLimit, "the mailbox has used all its uids");
  FlagsTranslation translation(*source, *target);
  TRY(CopiedFlags copied_flags, CopiedFlags::of(commit, source_id, target_id, terms));
  for (size_t i = 0; i < states.size(); ++i) {
    RecordFacts& its = facts[i].second;
    if (from != to) TRY_OK(commit.bodies().copy(its.guid, its.size, from, to));
    TRY(Flags flags, translation.of(copied_flags.of(states[i])));
    const ModSeq modseq = target->modseq();
    const Uid uid = next(target->info().last_uid);
    copied_flags.settle(flags, uid);
    target->header().last_uid = uid;
    its.savedate_s = commit.now_s();
    its.created_modseq = modseq;
    its.uidl.clear();  // it names one message
    TRY_OK(commit.add_record(*target, {uid, modseq, flags, false}, its));
    out.target.add(uid);
  }
  return out;
}

Result<std::shared_ptr<void>> MailStore::Impl::import_bodies(const MailboxView& source,
                                                             const UidSet& uids,
                                                             std::string_view partition) {
  TRY(const uint32_t from, partitions.find(source.info().partition));
  TRY(const uint32_t to, partitions.find(partition));
  if (from == to) return nullptr;
  TRY(const std::vector<RecordState> states,
      source.states(uids, MailboxView::Include::kExpungedToo));
  UidSet existing;
  for (const RecordState& state : states) existing.add(state.uid);
  TRY(const std::vector<RecordFacts> facts, source.facts(existing));
  std::vector<BodyPlace> places;
  for (const RecordFacts& one : facts) places.push_back({to, one.guid});
  for (const BodyPlace& place : places) shared_pins->add(place);
  std::shared_ptr<void> pin(nullptr,
                            [pins = shared_pins, places](void*) { pins->release(places); });
  for (size_t at = 0; at < facts.size();) {
    std::vector<RecordFacts> portion;
    for (uint64_t bytes = 0;
         at < facts.size() && portion.size() < kImportBodiesMax && bytes < kImportBytesMax; ++at) {
      portion.push_back(facts[at]);
      bytes += facts[at].size;
    }
    TRY_OK(commit<bool>(Purpose::kCommit, [portion, from, to](Commit& commit) -> Result<bool> {
      for (const RecordFacts& one : portion)
        TRY_OK(commit.bodies().copy(one.guid, one.size, from, to));
      return true;
    }));
  }
  return pin;
}

Result<MailStore::Copied> MailStore::copy(const UniqueId& source, const UidSet& uids,
                                          const UniqueId& target, Keep keep,
                                          const CopyTerms& terms) {
  TRY(const MailboxInfo to, find(target));
  TRY(const MailboxInfo from, find(source));
  std::shared_ptr<void> pin;
  if (from.partition != to.partition) {
    // Far bodies go ahead in portions, so that the transaction has few or none to copy.
    TRY(const MailboxView far, view(source));
    TRY(pin, impl_->import_bodies(far, uids, to.partition));
  }
  return impl_->commit<Copied>(Purpose::kCommit,
                               [copy = Copy{source, uids, target, keep, terms}](Commit& commit) {
                                 return copy_all(commit, copy);
                               });
}

}  // namespace gemel
