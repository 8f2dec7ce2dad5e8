// In a merge: what users have seen of a mailbox that belongs to somebody else goes along with
// messages that get another uid.
//
// Threads  pure functions.
// Source   doc/decisions/0006-terms-and-merge.md, "The merge";
//          doc/decisions/0015-seen-of-ones-own.md.
#pragma once

#include <set>
#include <vector>

#include "mail/change_set.h"
#include "store/readers.h"
#include "sync/merge.h"

namespace gemel::sync {

/// Readers in one answer to READERS.
inline constexpr size_t kReadersMax = 500;

/// Terms that wrote in the mailbox on the one side behind the common modseq, and not on the other.
std::set<Term> terms_of_one(const MailboxSide& one, const MailboxSide& other, ModSeq common);

/// Where messages went that one side's readers have seen.
struct SeenMoves {
  const Moves& moves;
  UniqueId into;
  /// A set that was last written in one of these came from the other side: it says nothing of these
  /// messages.
  std::set<Term> not_in = {};
};
/// Errors: kSyntax, not a seen set.
Result<std::vector<AlsoSeen>> seen_along(const std::vector<Reader>& readers,
                                         const SeenMoves& moves);

}  // namespace gemel::sync
