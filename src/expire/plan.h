// Which messages of a mailbox go by its rule, and why: a pure function of what is there now.
//
// Threads  any; values.
// Source   doc/expire.md, "Rules".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "expire/rule.h"
#include "mail/uid_set.h"

namespace gemel::expire {

/// A live message, as far as a rule looks at it.
struct Candidate {
  Uid uid;
  bool is_flagged = false;
  int64_t internaldate_s = 0;
  int64_t savedate_s = 0;
  uint64_t bytes = 0;
};

/// Messages that go for one reason; never none.
struct Going {
  UidSet uids;
  uint64_t bytes = 0;
  std::string why;  // for people
};

/// The messages whose bytes go to the archive: those that are old, and the others that are large.
/// An empty one stays. Cost: O(n log n).
std::vector<Going> plan_archive(const Rule& rule, const std::vector<Candidate>& messages,
                                int64_t now_s);
/// By age, and then what is left beyond the newest at_most by the same date; of two with one date
/// the higher uid is the newer. What is spared counts among the at_most, but stays. Cost: O(n log
/// n).
std::vector<Going> plan(const Rule& rule, std::vector<Candidate> messages, int64_t now_s);

}  // namespace gemel::expire
