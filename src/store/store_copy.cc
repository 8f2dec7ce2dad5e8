// COPY and MOVE.
#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

/// What an import puts into one transaction: enough to be quick, little enough to let others in.
constexpr size_t kImportBodiesMax = 256;
constexpr uint64_t kImportBytesMax = 8 << 20;

constexpr auto kSeen = static_cast<size_t>(SystemFlag::kSeen);

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

Result<RecordCopier> RecordCopier::make(Commit& commit, const UniqueId& source,
                                        const UniqueId& target, const CopyTerms& terms) {
  TRY(MailboxEdit * from, commit.mailbox(source));
  TRY(MailboxEdit * to, commit.mailbox(target));
  RecordCopier out(commit, *from, *to, terms.scope);
  TRY(out.from_, commit.partitions().find(from->info().partition));
  TRY(out.to_, commit.partitions().find(to->info().partition));
  if (!terms.source_seen_by.empty()) {
    TRY(out.source_seen_, commit.seen(terms.source_seen_by, source));
  }
  if (!terms.target_seen_by.empty()) {
    TRY(out.target_seen_, commit.seen(terms.target_seen_by, target));
  }
  return out;
}

/// In the source's bits.
Flags RecordCopier::in_scope(const RecordState& state) const {
  Flags flags = state.flags;
  if (source_seen_ != nullptr) {
    flags.clear(kSeen);
    if (source_seen_->has(state.uid)) flags.set(kSeen);
  }
  return scope_.of(flags);
}

Result<Uid> RecordCopier::add(const RecordState& state, RecordFacts facts) {
  if (target_->info().last_uid.value == UINT32_MAX)
    return fail(Code::kLimit, "the mailbox has used all its uids");
  if (from_ != to_) TRY_OK(commit_->bodies().copy(facts.guid, facts.size, from_, to_));
  TRY(Flags flags, translation_.of(in_scope(state)));
  const ModSeq modseq = target_->modseq();
  const Uid uid = next(target_->info().last_uid);
  if (target_seen_ != nullptr && flags.has(SystemFlag::kSeen)) {
    target_seen_->add(uid);
    flags.clear(kSeen);
  }
  target_->header().last_uid = uid;
  facts.savedate_s = commit_->now_s();
  facts.created_modseq = modseq;
  facts.uidl.clear();  // it names one message
  TRY_OK(commit_->add_record(*target_, {uid, modseq, flags, false}, facts));
  return uid;
}

Result<CopiedUids> copy_records(Commit& commit, const UniqueId& source, const UidSet& uids,
                                const UniqueId& target, const CopyTerms& terms) {
  TRY(RecordCopier copier, RecordCopier::make(commit, source, target, terms));
  CopiedUids out;
  TRY(std::vector<RecordState> states, copier.source().states(uids));
  std::erase_if(states, [](const RecordState& state) { return state.expunged; });
  for (const RecordState& state : states) out.source.add(state.uid);
  TRY(const auto facts, facts_of(commit, source, out.source));
  for (size_t i = 0; i < states.size(); ++i) {
    TRY(const Uid uid, copier.add(states[i], facts[i].second));
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
