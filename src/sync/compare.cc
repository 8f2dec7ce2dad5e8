#include "sync/compare.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "mail/lineage.h"

namespace gemel::sync {
namespace {

// Facts are read in blocks of so many.
constexpr size_t kFactsBlock = 256;

// For a heap whose top has the lowest modseq.
bool later(const RecordState& a, const RecordState& b) {
  return std::tie(a.modseq, a.uid) > std::tie(b.modseq, b.uid);
}

constexpr Flags kAllFlags{.words = {~uint64_t{0}, ~uint64_t{0}}};

Flags operator&(const Flags& a, const Flags& b) { return a - (kAllFlags - b); }

// The bits that are other than at `since` on any message that was there then.
Result<std::optional<Flags>> touched_since(const MailboxView& view, ModSeq since) {
  TRY(const auto flips, view.flips_since(since));
  if (!flips) return std::nullopt;
  Flags touched;
  for (const FlagFlips& one : *flips) touched = touched | one.bits;
  return touched;
}

AppendFromItem copy_of(const RecordRow& row, const Route& route) {
  AppendFromItem item{.uids = UidSet::of(row.uid, row.uid),
                      .modseq = row.modseq,
                      .created_modseq = row.facts.created_modseq,
                      .expunged = row.expunged,
                      .savedate_s = row.facts.savedate_s,
                      .source = route.source,
                      .source_uids = UidSet::of(route.source_uid, route.source_uid),
                      .flags = std::nullopt};
  if (route.flags == Route::Flags::kSaid) item.flags = row.flags;
  return item;
}

// Extends the last item of `items` by `one`, if it is one copy more of the same kind.
bool joins(std::vector<ChangeItem>& items, const AppendFromItem& one) {
  if (items.empty()) return false;
  auto* last = std::get_if<AppendFromItem>(&items.back());
  if (last == nullptr || last->modseq != one.modseq || last->created_modseq != one.created_modseq ||
      last->expunged != one.expunged || last->savedate_s != one.savedate_s ||
      last->source != one.source || last->flags != one.flags ||
      last->source_uids.last() >= one.source_uids.first())
    return false;
  last->uids.add(one.uids);
  last->source_uids.add(one.source_uids);
  return true;
}

}  // namespace

ReplicaMailbox known_from(const MailboxState& state) {
  return {.name = state.name,
          .partition = state.partition,
          .uidvalidity = state.uidvalidity,
          .last_uid = state.last_uid,
          .highestmodseq = state.highestmodseq,
          .term = term_at(state.lineage, state.highestmodseq),
          .purged_modseq = state.purged_modseq,
          .digest = state.digest,
          .is_deleted = state.deleted_s != 0,
          .header = 0};
}

ReplicaMailbox known_from(const MailboxInfo& info) {
  ReplicaMailbox known = known_from(state_of(info));
  known.header = header_hash(info);
  return known;
}

uint64_t header_hash(const MailboxInfo& info) {
  std::string bytes;
  put_varint(bytes, info.uidvalidity.value);
  put_varint(bytes, zigzag(info.created_s));
  put_varint(bytes, zigzag(info.deleted_s));
  for (const auto& [key, value] : info.attributes) {
    gemel::put_string(bytes, key);
    gemel::put_string(bytes, value);
  }
  for (const TermStart& start : info.lineage) {
    put_varint(bytes, start.term.epoch);
    put_varint(bytes, start.term.origin);
    put_varint(bytes, start.from.value);
  }
  return std::max<uint64_t>(xxh64(bytes), 1);
}

namespace {

// Whether our history has passed through what the term wrote.
bool is_of(const Lineage& lineage, const Term& term, ModSeq at) {
  return !term || term == term_at(lineage, at);
}

}  // namespace

bool is_earlier(const UserInfo& info, const ReplicaUser& replica) {
  return replica.modseq <= info.modseq && is_of(info.lineage, replica.term, replica.modseq);
}

bool is_renamed(const MailboxInfo& info, const ReplicaMailbox& replica) {
  return !info.is_deleted() && !replica.is_deleted &&
         (replica.name != info.name || replica.partition != info.partition);
}

Relation relation(const MailboxInfo& info, const ReplicaMailbox& replica) {
  if (replica.uidvalidity != info.uidvalidity || replica.highestmodseq > info.highestmodseq ||
      replica.last_uid > info.last_uid || replica.purged_modseq > info.purged_modseq ||
      !is_of(info.lineage, replica.term, replica.highestmodseq))
    return Relation::kConflict;
  if (replica.highestmodseq < info.highestmodseq) return Relation::kBehind;
  return replica.digest == info.digest ? Relation::kInStep : Relation::kDiffers;
}

bool knows_uid(const MailboxInfo& info, const ReplicaMailbox& replica, Uid uid) {
  return uid <= replica.last_uid && relation(info, replica) != Relation::kConflict;
}

// UIDs are given in order, so what is new is a part of all; how large a part, if all are alike.
Remainder remainder(const MailboxInfo& info, const std::optional<ReplicaMailbox>& replica) {
  const uint64_t all = info.last_uid.value;
  const uint64_t known = replica ? replica->last_uid.value : 0;
  if (known >= all) return {};
  const double part = static_cast<double>(all - known) / static_cast<double>(all);
  const uint64_t bytes = info.bytes + info.expunged_bytes;
  const uint64_t messages = uint64_t{info.exists} + info.expunged;
  return {.messages = std::min(messages, all - known),
          .bytes = static_cast<uint64_t>(part * static_cast<double>(bytes))};
}

// What one chunk is made of.
struct Comparison::Draft {
  ModSeq boundary;
  std::vector<RecordState> changes;
  size_t fresh_end = 0;  // from next_fresh_ up to here
  bool is_last = false;
  std::optional<ModSeq> end = {};  // the first transaction that has to wait
};

Comparison::Comparison(MailboxView view, std::optional<ReplicaMailbox> replica)
    : view_(std::move(view)), replica_(std::move(replica)) {
  if (replica_) {
    at_ = replica_->highestmodseq;
    last_uid_ = replica_->last_uid;
  }
}

Result<Comparison> Comparison::start(MailboxView view, std::optional<ReplicaMailbox> replica) {
  Comparison comparison(std::move(view), std::move(replica));
  comparison.done_ = comparison.at_ == comparison.view_.info().highestmodseq;
  if (!comparison.done_) TRY_OK(comparison.load());
  return comparison;
}

Result<void> Comparison::load() {
  const MailboxInfo& info = view_.info();
  const bool is_known_since = replica_ && at_ >= info.purged_modseq;
  std::vector<RecordState> states;
  if (is_known_since) {
    TRY(states, view_.changes_since(at_));
    if (replica_->is_whole()) {
      TRY(touched_, touched_since(view_, at_));
    }
  } else if (info.last_uid) {
    TRY(states,
        view_.states(UidSet::of(Uid(1), info.last_uid), MailboxView::Include::kExpungedToo));
  }
  // A deleted mailbox that was purged tells so by its numbers (doc/replication-protocol.md).
  const bool is_emptied = info.is_deleted() && info.purged_modseq == info.highestmodseq;
  if (replica_ && !is_known_since && last_uid_ && !is_emptied)
    vanished_ = UidSet::of(Uid(1), last_uid_);
  UidSet existing;
  for (const RecordState& state : states) {
    if (state.uid > last_uid_) {
      fresh_.push_back(state);
      continue;
    }
    existing.add(state.uid);
    if (state.modseq > at_) changes_.push_back(state);
  }
  vanished_ = vanished_ - existing;
  std::ranges::make_heap(changes_, later);
  return {};
}

Result<const RecordFacts*> Comparison::fresh_facts(size_t index) {
  if (index < facts_from_ || index >= facts_from_ + facts_.size()) {
    UidSet uids;
    const size_t end = std::min(index + kFactsBlock, fresh_.size());
    for (size_t i = index; i < end; ++i) uids.add(fresh_[i].uid);
    TRY(facts_, view_.facts(uids));
    CHECK(facts_.size() == end - index);
    facts_from_ = index;
  }
  return &facts_[index - facts_from_];
}

// Of `uids`, all.
Result<bool> Comparison::may_expunge(const UidSet& uids, ExpungeGate& gate) const {
  UidSet left = uids;
  while (!left.empty()) {
    const UidSet block = left.lowest(kFactsBlock);
    left = left - block;
    TRY(const std::vector<RecordFacts> facts, view_.facts(block));
    for (const RecordFacts& one : facts) {
      TRY(const bool may_go, gate.may_expunge(one.guid));
      if (!may_go) return false;
    }
  }
  return true;
}

// A deletion hides all at once, and the header that tells of it comes first.
Result<bool> Comparison::may_begin(ExpungeGate& gate) const {
  const MailboxInfo& info = view_.info();
  const bool has_begun = replica_ && at_ != replica_->highestmodseq;
  if (has_begun || !info.is_deleted() || !replica_ || replica_->is_deleted || !info.last_uid)
    return true;
  TRY(const auto states,
      view_.states(UidSet::of(Uid(1), info.last_uid), MailboxView::Include::kExpungedToo));
  UidSet uids;
  for (const RecordState& state : states)
    if (!state.expunged || state.modseq > at_) uids.add(state.uid);
  return may_expunge(uids, gate);
}

std::vector<RecordState> Comparison::take_changes(ModSeq modseq) {
  std::vector<RecordState> out;
  while (!changes_.empty() && changes_.front().modseq == modseq) {
    std::ranges::pop_heap(changes_, later);
    out.push_back(changes_.back());
    changes_.pop_back();
  }
  return out;
}

void Comparison::put_back(const RecordState& change) {
  changes_.push_back(change);
  std::ranges::push_heap(changes_, later);
}

// Messages that one transaction brought. One that was expunged since, and can't be told of as such
// yet, comes as it was; then no more is told than up to its expunge. Returns the bytes of bodies.
Result<uint64_t> Comparison::gather_fresh(ModSeq created, ExpungeGate& gate, Draft& draft) {
  uint64_t bytes = 0;
  for (; draft.fresh_end < fresh_.size(); ++draft.fresh_end) {
    TRY(const RecordFacts* facts, fresh_facts(draft.fresh_end));
    if (facts->created_modseq != created) break;
    bytes += facts->size;
    const RecordState& state = fresh_[draft.fresh_end];
    if (!state.expunged || !replica_ || state.modseq == created) continue;
    TRY(const bool may_go, gate.may_expunge(facts->guid));
    if (!may_go) draft.end = std::min(draft.end.value_or(state.modseq), state.modseq);
  }
  return bytes;
}

// Takes transactions, lowest modseq first, until one of the limits is reached, or one has to wait.
Result<Comparison::Draft> Comparison::gather(const ChunkLimits& limits, ExpungeGate& gate) {
  Draft draft{.boundary = at_, .changes = {}, .fresh_end = next_fresh_, .is_last = false};
  TRY(const bool may_start, may_begin(gate));
  if (!may_start) return draft;
  if (const ModSeq purged = view_.info().purged_modseq; !vanished_.empty() && purged > at_) {
    TRY(const bool may_vanish, gate.may_vanish());
    if (!may_vanish) draft.end = purged;
  }
  uint64_t bytes = 0;
  const auto size = [&] { return draft.changes.size() + draft.fresh_end - next_fresh_; };
  while (bytes < limits.body_bytes && size() < limits.messages) {
    std::optional<ModSeq> key;
    if (!changes_.empty()) key = changes_.front().modseq;
    if (draft.fresh_end < fresh_.size()) {
      TRY(const RecordFacts* facts, fresh_facts(draft.fresh_end));
      if (!key || facts->created_modseq < *key) key = facts->created_modseq;
    }
    if (!key || (draft.end && *key >= *draft.end)) break;
    const std::vector<RecordState> changed = take_changes(*key);
    UidSet expunged;
    for (const RecordState& state : changed)
      if (state.expunged) expunged.add(state.uid);
    TRY(const bool may_go, may_expunge(expunged, gate));
    if (!may_go) {
      for (const RecordState& state : changed) put_back(state);
      return draft;
    }
    draft.boundary = *key;
    draft.changes.insert(draft.changes.end(), changed.begin(), changed.end());
    TRY(const uint64_t more, gather_fresh(*key, gate, draft));
    bytes += more;
  }
  draft.is_last = changes_.empty() && draft.fresh_end == fresh_.size() && !draft.end;
  if (draft.is_last) draft.boundary = view_.info().highestmodseq;
  return draft;
}

Result<std::optional<Chunk>> Comparison::next(Routes& routes, const ChunkLimits& limits,
                                              ExpungeGate& gate) {
  CHECK(!done_);
  const MailboxInfo& info = view_.info();
  TRY(const Draft draft, gather(limits, gate));
  if (draft.boundary == at_) return std::nullopt;
  Chunk chunk;
  chunk.update.id = info.id;
  chunk.update.from = at_;
  chunk.update.to = draft.boundary;
  put_header(draft, chunk);
  TRY_OK(put_changes(draft, chunk));
  TRY_OK(put_fresh(draft, routes, chunk));
  if (draft.is_last) last_uid_ = info.last_uid;
  chunk.update.last_uid = last_uid_;
  chunk.update.recent_uid = std::min(info.recent_uid, last_uid_);
  at_ = draft.boundary;
  done_ = draft.is_last;
  chunk.update.purged_modseq = after().purged_modseq;
  return chunk;
}

// With the first chunk, as far as its modseq can have the lineage; else with the last one again.
void Comparison::put_header(const Draft& draft, Chunk& chunk) {
  const MailboxInfo& info = view_.info();
  const bool is_first = !at_ || (replica_ && at_ == replica_->highestmodseq);
  if (is_first && replica_ && replica_->header == header_hash(info) &&
      replica_->name == info.name && replica_->partition == info.partition)
    return;
  if (!is_first && !(lineage_ == SaidLineage::kInPart && draft.is_last)) return;
  chunk.update.header = header_of(info);
  const size_t cut = std::erase_if(chunk.update.header->lineage, [&](const TermStart& start) {
    return start.from > chunk.update.to;
  });
  if (cut > 0) lineage_ = SaidLineage::kInPart;
}

// Where it is known which bits may have changed since, only those are said: they are the same for
// far more messages at once, as a client's STORE was.
Result<void> Comparison::put_changes(const Draft& draft, Chunk& chunk) const {
  const std::vector<std::string>& keywords = view_.info().keywords;
  struct Group {
    UidSet all;
    UidSet expunged;
  };
  std::map<std::pair<ModSeq, Flags>, Group> groups;
  std::vector<RecordState> by_uid = draft.changes;
  std::ranges::sort(by_uid, {}, &RecordState::uid);
  for (const RecordState& state : by_uid) {
    // What this comparison itself brought, the replica has by other flags than before.
    const bool is_old = replica_ && state.uid <= replica_->last_uid;
    const Flags mask = touched_ && is_old ? *touched_ : kAllFlags;
    Group& group = groups[{state.modseq, state.flags & mask}];
    group.all.add(state.uid);
    if (state.expunged) group.expunged.add(state.uid);
  }
  std::map<ModSeq, UidSet> expunged;
  for (auto& [key, group] : groups) {
    const auto& [modseq, flags] = key;
    const auto put = [&](UidSet uids, FlagOp op, const Flags& said) {
      if (uids.empty()) return;
      chunk.update.items.push_back(StoreItem{
          .uids = std::move(uids), .modseq = modseq, .op = op, .flags = names_of(said, keywords)});
    };
    expunged[modseq].add(group.expunged);
    if (!touched_) {
      put(std::move(group.all), FlagOp::kSet, flags);
      continue;
    }
    // Messages above replica_->last_uid are in groups of their own only by mask, so split here.
    UidSet old;
    if (replica_ && replica_->last_uid) old = group.all & UidSet::of(Uid(1), replica_->last_uid);
    put(group.all - old, FlagOp::kSet, flags);
    const Flags removed = *touched_ - flags;
    const bool says_flags = *touched_ != Flags();
    // An expunge says the modseq too.
    if (!says_flags) put(old - group.expunged, FlagOp::kAdd, {});
    if (says_flags && flags != Flags()) put(old, FlagOp::kAdd, flags);
    if (says_flags && removed != Flags()) put(std::move(old), FlagOp::kRemove, removed);
  }
  for (auto& [modseq, uids] : expunged)
    if (!uids.empty())
      chunk.update.items.push_back(ExpungeItem{.uids = std::move(uids), .modseq = modseq});
  // The last chunk's purged_modseq frees them.
  const ModSeq purged = view_.info().purged_modseq;
  if (!vanished_.empty() && purged > at_ && purged <= draft.boundary)
    chunk.update.items.push_back(ExpungeItem{.uids = vanished_, .modseq = purged});
  return {};
}

// A message as this chunk brings it.
Result<RecordRow> Comparison::fresh_row(size_t index, ModSeq boundary) {
  TRY(const RecordFacts* facts, fresh_facts(index));
  const RecordState& state = fresh_[index];
  RecordRow row{.uid = state.uid,
                .modseq = state.modseq,
                .flags = names_of(state.flags, view_.info().keywords),
                .expunged = state.expunged,
                .facts = *facts};
  if (state.modseq > boundary) {
    row.modseq = facts->created_modseq;
    row.expunged = false;
    put_back(state);
  }
  return row;
}

Result<void> Comparison::put_fresh(const Draft& draft, Routes& routes, Chunk& chunk) {
  for (; next_fresh_ < draft.fresh_end; ++next_fresh_) {
    TRY(const RecordRow row, fresh_row(next_fresh_, draft.boundary));
    last_uid_ = row.uid;
    TRY(const Route route, routes.route(view_, row));
    if (route.kind == Route::Kind::kCopy) {
      AppendFromItem item = copy_of(row, route);
      if (!joins(chunk.update.items, item)) chunk.update.items.push_back(std::move(item));
      continue;
    }
    chunk.update.items.push_back(append_of(row));
    if (route.kind != Route::Kind::kInline) continue;
    chunk.inline_uids.add(row.uid);
    chunk.inline_bytes += row.facts.size;
  }
  return {};
}

ReplicaMailbox Comparison::after() const {
  if (done_) return known_from(view_.info());
  ReplicaMailbox known = known_from(view_.info());
  known.last_uid = last_uid_;
  known.highestmodseq = at_;
  known.digest = {};
  known.term = term_at(view_.info().lineage, at_);
  known.purged_modseq = replica_ ? replica_->purged_modseq : ModSeq();
  return known;
}

namespace {

// A term has begun since, of which the replica can't know.
bool has_new_term(const UserInfo& info, const ReplicaUser& known) {
  return !known.term || (!info.lineage.empty() && info.lineage.back().from >= known.modseq);
}

}  // namespace

Result<std::optional<UserUpdate>> compare_user(const MailStore& store, std::string_view userid,
                                               const ReplicaUser& known) {
  constexpr int kTriesMax = 10;  // while it keeps changing between the two reads
  for (int i = 0; i < kTriesMax; ++i) {
    TRY(const UserInfo info, store.user(userid, MailStore::Which::kDeletedToo));
    if (info.modseq <= known.modseq) return std::nullopt;
    TRY(std::vector<UserItem> items, store.user_changes_since(userid, known.modseq));
    if (std::ranges::any_of(items, [&](const auto& item) { return item.modseq > info.modseq; }))
      continue;
    return UserUpdate{
        .userid = info.userid,
        .from = known.modseq,
        .to = info.modseq,
        .created_s = info.created_s,
        .deleted_s = info.deleted_s,
        .items = std::move(items),
        .lineage = has_new_term(info, known) ? std::optional(info.lineage) : std::nullopt};
  }
  return fail(Code::kBusy, "the user's data keeps changing");
}

}  // namespace gemel::sync
