#include "sync/range_search.h"

#include <fmt/format.h>

#include "sync/records.h"

namespace gemel::sync {
namespace {

// Ranges that are cut into parts in one turn: their answers hold some 64 bytes a part.
constexpr size_t kRangesAtOnce = 16;
// Where no more UIDs than this are in question, their records cost as little as their sums.
constexpr uint64_t kRecordsCheap = 64;

UidSet set_of(const std::vector<UidSet::Range>& ranges) {
  UidSet out;
  for (const UidSet::Range& range : ranges) out.add(Uid(range.first), Uid(range.last));
  return out;
}

}  // namespace

RangeSearch::RangeSearch(const UniqueId& id, Uid last_uid) : id_(id) {
  if (last_uid)
    ranges_.push_back({1, last_uid.value});
  else
    stage_ = Stage::kRecords;
}

std::vector<std::string> RangeSearch::questions() const {
  std::vector<std::string> out;
  if (stage_ == Stage::kRanges) {
    for (const UidSet::Range& range : ranges_)
      out.push_back(
          fmt::format("RANGES {} {} {}:{}", id_.text(), kRangePartsMax, range.first, range.last));
  }
  if (stage_ == Stage::kRecords && !differing_.empty())
    out.push_back(fmt::format("RECORDS {} {}", id_.text(), differing_.text()));
  return out;
}

Result<void> RangeSearch::compare(const MailboxView& ours) {
  std::vector<UidSet::Range> differing;
  for (const UidSet::Range& range : ranges_) {
    TRY(const std::vector<RangeRow> sums, sums_of(ours, range, kRangePartsMax));
    for (const RangeRow& sum : sums) {
      const auto theirs = rows_.find(sum.uids.first);
      if (theirs == rows_.end() || theirs->second != sum) differing.push_back(sum.uids);
    }
  }
  rows_.clear();
  ranges_ = std::move(differing);
  differing_ = set_of(ranges_);
  if (differing_.size() <= kRecordsCheap)
    stage_ = Stage::kRecords;
  else if (ranges_.size() > kRangesAtOnce)
    stage_ = differing_.size() <= kRecordsMax ? Stage::kRecords : Stage::kTooMany;
  return {};
}

}  // namespace gemel::sync
