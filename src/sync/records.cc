#include "sync/records.h"

#include <algorithm>

#include "base/check.h"

namespace gemel::sync {
namespace {

constexpr uint32_t kBlockUids = 4096;
constexpr uint32_t kSumBlockUids = 65'536;

Result<void> each_in_block(const MailboxView& view, const UidSet& uids,
                           const std::function<void(RecordRow)>& visit) {
  if (uids.empty()) return {};
  TRY(const std::vector<RecordState> states, view.states(uids, MailboxView::Include::kExpungedToo));
  UidSet existing;
  for (const RecordState& state : states) existing.add(state.uid);
  if (existing.empty()) return {};
  TRY(std::vector<RecordFacts> facts, view.facts(existing));
  CHECK(facts.size() == states.size());
  for (size_t i = 0; i < states.size(); ++i)
    visit({.uid = states[i].uid,
           .modseq = states[i].modseq,
           .flags = names_of(states[i].flags, view.info().keywords),
           .expunged = states[i].expunged,
           .facts = facts[i]});
  return {};
}

}  // namespace

Result<void> each_record(const MailboxView& view, const UidSet& uids,
                         const std::function<void(RecordRow)>& visit) {
  const uint32_t last_uid = view.info().last_uid.value;
  if (uids.empty() || last_uid == 0) return {};
  const uint64_t last = std::min(uids.last().value, last_uid);
  for (uint64_t first = uids.first().value; first <= last; first += kBlockUids) {
    const uint64_t end = std::min(first + kBlockUids - 1, last);
    const UidSet block =
        uids & UidSet::of(Uid(static_cast<uint32_t>(first)), Uid(static_cast<uint32_t>(end)));
    TRY_OK(each_in_block(view, block, visit));
  }
  return {};
}

Result<std::vector<RecordRow>> rows_of(const MailboxView& view, const UidSet& uids) {
  std::vector<RecordRow> rows;
  TRY_OK(each_record(view, uids, [&](RecordRow row) { rows.push_back(std::move(row)); }));
  return rows;
}

Result<std::vector<RecordRow>> rows_of(const MailboxView& view) {
  const Uid last = view.info().last_uid;
  return rows_of(view, last ? UidSet::of(Uid(1), last) : UidSet());
}

Result<ChangeReader> ChangeReader::start(const MailboxView& view, ModSeq since, Uid first) {
  ChangeReader reader(view, since);
  const MailboxInfo& info = view.info();
  if (since >= info.purged_modseq) {
    TRY(reader.states_, view.changes_since(since));
  } else if (info.last_uid) {
    TRY(reader.states_,
        view.states(UidSet::of(Uid(1), info.last_uid), MailboxView::Include::kExpungedToo));
  }
  std::erase_if(reader.states_, [&](const RecordState& state) {
    return state.modseq <= since || state.uid < first;
  });
  TRY(reader.flips_, view.flips_since(since));
  return reader;
}

Result<std::vector<ChangedRecord>> ChangeReader::next() {
  const size_t end = std::min(at_ + kChangesBlock, states_.size());
  UidSet uids;
  for (size_t i = at_; i < end; ++i) uids.add(states_[i].uid);
  std::vector<ChangedRecord> out;
  if (uids.empty()) return out;
  TRY(const std::vector<RecordFacts> facts, view_->facts(uids));
  CHECK(facts.size() == end - at_);
  for (const RecordFacts& one : facts) {
    const RecordState& state = states_[at_++];
    out.push_back({.row = {.uid = state.uid,
                           .modseq = state.modseq,
                           .flags = names_of(state.flags, view_->info().keywords),
                           .expunged = state.expunged,
                           .facts = one},
                   .flipped = flipped(state)});
  }
  return out;
}

// Of what came since: the flags that flipped since it came.
std::optional<FlagNames> ChangeReader::flipped(const RecordState& state) {
  if (!flips_) return std::nullopt;
  while (flip_ < flips_->size() && (*flips_)[flip_].last < state.uid) ++flip_;
  const bool is_in = flip_ < flips_->size() && (*flips_)[flip_].first <= state.uid;
  return names_of(is_in ? (*flips_)[flip_].bits : Flags(), view_->info().keywords);
}

Result<RecordUids> uids_of(const MailboxView& view) {
  RecordUids out;
  if (!view.info().last_uid) return out;
  TRY(const std::vector<RecordState> states,
      view.states(UidSet::of(Uid(1), view.info().last_uid), MailboxView::Include::kExpungedToo));
  for (const RecordState& state : states) (state.expunged ? out.expunged : out.live).add(state.uid);
  return out;
}

Result<std::vector<RangeRow>> sums_of(const MailboxView& view, UidSet::Range whole,
                                      uint32_t parts) {
  std::vector<RangeRow> rows;
  const uint64_t width = (uint64_t{whole.last} - whole.first) / parts + 1;
  for (uint64_t first = whole.first; first <= whole.last; first += width) {
    const auto last = static_cast<uint32_t>(std::min<uint64_t>(first + width - 1, whole.last));
    RangeRow row{.uids = {static_cast<uint32_t>(first), last}, .count = 0, .sum = {}};
    const uint32_t end = std::min(last, view.info().last_uid.value);
    for (uint64_t block = first; block <= end; block += kSumBlockUids) {
      const UidSet uids = UidSet::of(
          Uid(static_cast<uint32_t>(block)),
          Uid(static_cast<uint32_t>(std::min<uint64_t>(block + kSumBlockUids - 1, end))));
      TRY(const auto states, view.states(uids, MailboxView::Include::kExpungedToo));
      row.count += states.size();
      TRY(const Digest digest, view.digest_of(uids));
      row.sum += digest;
    }
    rows.push_back(row);
  }
  return rows;
}

}  // namespace gemel::sync
