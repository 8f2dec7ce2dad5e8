// Frees what was expunged or deleted long enough ago: the primary's hourly sweep. Replicas follow
// by replication.
//
// A tombstone has a modseq but no time. So the sweep leaves marks: at this time the mailbox stood
// at this modseq. What is at or below a mark that is old enough was expunged before it. Marks are
// kept with the store, as a channel's memory of the name "expire"; a lost one only makes things
// stay longer.
//
// Threads  any, one sweep at a time.
// Source   doc/operations.md, "Keeping what was deleted".
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/mail_store.h"

namespace gemel::admin {

struct Retention {
  int64_t expunged_s = 0;
  int64_t deleted_s = 0;
};

struct ExpireReport {
  uint64_t mailboxes = 0;           // looked at
  uint64_t expunged_freed = 0;      // tombstones
  uint64_t mailboxes_freed = 0;     // deleted ones
  std::vector<std::string> errors;  // mailboxes that were passed over; at most kErrorsMax
  static constexpr size_t kErrorsMax = 20;
};

/// A mailbox's highestmodseq at a time.
struct ExpireMark {
  int64_t unix_s = 0;
  ModSeq modseq;
  bool operator==(const ExpireMark&) const = default;
};
/// Marks are kept this many to a retention time, and so things stay up to 1/16 longer.
inline constexpr int64_t kMarksPerRetention = 16;

std::string text_of(const std::vector<ExpireMark>& marks);
/// What text_of gave; nothing if it is broken.
std::vector<ExpireMark> parse_marks(std::string_view text);
/// Adds a mark for now unless the last one is recent or says the same.
void add_mark(std::vector<ExpireMark>& marks, const ExpireMark& now, int64_t retention_s);
/// The modseq up to which tombstones may go, 0 if none; marks below it are dropped.
ModSeq take_due(std::vector<ExpireMark>& marks, int64_t now_s, int64_t retention_s);

/// One sweep over all users. Gives up between mailboxes when `stopping` says so. Cost: O(mailboxes)
/// and what is freed. Errors: kReadOnly, this is a replica; kIo.
Result<ExpireReport> expire(MailStore& store, Clock& clock, const Retention& retention,
                            const std::function<bool()>& stopping);

}  // namespace gemel::admin
