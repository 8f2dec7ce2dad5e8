// Records of one mailbox in full, and sums of them over ranges of UIDs: how two ends find out where
// they differ without sending all they have.
//
// Source   doc/replication-protocol.md, "Questions".
#pragma once

#include <functional>
#include <vector>

#include "store/mail_store.h"
#include "sync/values.h"

namespace gemel::sync {

/// Records of one RECORDS command.
inline constexpr uint64_t kRecordsMax = 10'000;
/// Ranges of one RANGES command.
inline constexpr uint32_t kRangePartsMax = 64;

/// Calls `visit` for each record of `uids`, tombstones too, ascending. Memory: a block of them.
Result<void> each_record(const MailboxView& view, const UidSet& uids,
                         const std::function<void(RecordRow)>& visit);
Result<std::vector<RecordRow>> rows_of(const MailboxView& view, const UidSet& uids);
/// All of them.
Result<std::vector<RecordRow>> rows_of(const MailboxView& view);

/// Records with a modseq above `since`, by uid, with the flags that flipped since, or since
/// they came: a block at a time.
class ChangeReader {
 public:
  /// From `first` on. Cost: O(changes), or O(records) where `since` is before the last purge.
  /// `view` must outlive it.
  static Result<ChangeReader> start(const MailboxView& view, ModSeq since, Uid first);
  /// Empty: there are no more. Memory: kChangesBlock records.
  Result<std::vector<ChangedRecord>> next();
  /// The uid that next() would begin with; 0 at the end.
  Uid at() const { return at_ < states_.size() ? states_[at_].uid : Uid(); }

 private:
  ChangeReader(const MailboxView& view, ModSeq since) : view_(&view), since_(since) {}
  std::optional<FlagNames> flipped(const RecordState& state);

  const MailboxView* view_;
  ModSeq since_;
  std::vector<RecordState> states_;
  size_t at_ = 0;
  std::optional<std::vector<FlagFlips>> flips_;
  size_t flip_ = 0;
};
inline constexpr size_t kChangesBlock = 4096;

/// Cost: O(records / 256).
Result<RecordUids> uids_of(const MailboxView& view);

/// `whole` cut into at most `parts` ranges of equal width, each in short. Cost: reads every record.
Result<std::vector<RangeRow>> sums_of(const MailboxView& view, UidSet::Range whole, uint32_t parts);

}  // namespace gemel::sync
