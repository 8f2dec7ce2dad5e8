#include "sync/records.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"
#include "sync/answers.h"

namespace gemel::sync {
namespace {

constexpr uint32_t kBlockUids = 4096;

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

Digest hash_of(const RecordRow& row) {
  const Hash128 hash = xxh128(encode(row));
  return {.low = hash.low, .high = hash.high};
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

Result<std::vector<RangeRow>> sums_of(const MailboxView& view, UidSet::Range whole,
                                      uint32_t parts) {
  std::vector<RangeRow> rows;
  const uint64_t width = (uint64_t{whole.last} - whole.first) / parts + 1;
  for (uint64_t first = whole.first; first <= whole.last; first += width) {
    const auto last = static_cast<uint32_t>(std::min<uint64_t>(first + width - 1, whole.last));
    RangeRow row{.uids = {static_cast<uint32_t>(first), last}, .count = 0, .sum = {}};
    TRY_OK(each_record(view, UidSet::of(Uid(row.uids.first), Uid(last)), [&](const RecordRow& one) {
      ++row.count;
      row.sum += hash_of(one);
    }));
    rows.push_back(row);
  }
  return rows;
}

}  // namespace gemel::sync
