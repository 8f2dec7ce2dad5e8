// Finds the records by which two mailboxes of equal numbers differ: sums over ranges of UIDs, cut
// into ever smaller parts, and the records of the last ones.
//
// A million messages with one that differs take three turns of the wire, and some 12 KB before
// compression; where very many differ, the search gives up, and the whole is compared.
//
// Threads  none of its own. Reads the store.
// Source   doc/replication-protocol.md, "What the sender sends", Merging.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "store/mail_store.h"
#include "sync/values.h"

namespace gemel::sync {

class RangeSearch {
 public:
  /// `last_uid`: the higher of both.
  RangeSearch(const UniqueId& id, Uid last_uid);

  /// kRanges: questions() asks for sums; kRecords: for the records of differing(); kTooMany: it is
  /// of no use.
  enum class Stage : uint8_t { kRanges, kRecords, kTooMany };
  Stage stage() const { return stage_; }
  /// Commands without line ends, at most 16.
  std::vector<std::string> questions() const;
  /// An answer to RANGES.
  void take(const RangeRow& row) { rows_.emplace(row.uids.first, row); }
  /// The answers to questions() have come.
  bool is_answered() const { return !rows_.empty(); }
  /// With all answers of kRanges: compares them with ours, and goes on to the next stage
  /// or smaller ranges. Cost: reads our records in the ranges. Errors: those of reading the store.
  Result<void> compare(const MailboxView& ours);
  const UidSet& differing() const { return differing_; }

 private:
  UniqueId id_;
  Stage stage_ = Stage::kRanges;
  std::vector<UidSet::Range> ranges_;
  std::map<uint32_t, RangeRow> rows_;
  UidSet differing_;
};

}  // namespace gemel::sync
