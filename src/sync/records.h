// Records of one mailbox in full, and sums of them over ranges of UIDs: how two ends find out where
// they differ without sending all they have.
//
// Source   doc/replication-protocol.md, "Finding what differs".
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

/// `whole` cut into at most `parts` ranges of equal width, each in short. Cost: reads every record.
Result<std::vector<RangeRow>> sums_of(const MailboxView& view, UidSet::Range whole, uint32_t parts);

}  // namespace gemel::sync
