// When tombstones were made, as nearly as can be told.
//
// A tombstone has a modseq but no time. So each run leaves marks: at this time the mailbox stood at
// this modseq. What is at or below a mark that is old enough was expunged before it. Marks are this
// server's own, kept with the store as a channel's memory of the name "expire"; a lost one, or a
// promoted replica that has none, only makes things stay longer.
//
// Threads  any; values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mail/ids.h"

namespace gemel::expire {

inline constexpr std::string_view kMarksMemory = "expire";

/// A mailbox's highestmodseq at a time.
struct Mark {
  int64_t unix_s = 0;
  ModSeq modseq;
  bool operator==(const Mark&) const = default;
};
/// Marks are this many to a retention time, and so things stay up to 1/16 longer.
inline constexpr int64_t kMarksPerRetention = 16;
/// Of one mailbox; the oldest but one go.
inline constexpr size_t kMarksMax = 64;

std::string text_of(const std::vector<Mark>& marks);
/// What text_of gave; nothing if it is broken.
std::vector<Mark> parse_marks(std::string_view text);
/// Adds a mark for now unless the last one is recent, as `retention_s` goes, or says the same.
void add_mark(std::vector<Mark>& marks, const Mark& now, int64_t retention_s);
/// The modseq up to which everything was there `age_s` ago, 0 if that is not known.
ModSeq modseq_before(const std::vector<Mark>& marks, int64_t now_s, int64_t age_s);
/// Tombstones up to it are gone: marks that can't say more are dropped.
void drop_marks(std::vector<Mark>& marks, ModSeq up_to);

}  // namespace gemel::expire
