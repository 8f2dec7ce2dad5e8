// What each transaction did to the flags of messages that were there before it, for as long as a
// merge may ask: a row for each transaction that changed any.
//
// Owns     nothing; the rows are the mailbox's. Threads  as its reader.
// Source   doc/decisions/0006-terms-and-merge.md, "What is known of the past";
//          doc/storage-format.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mail/uid_set.h"
#include "store/mail_store.h"
#include "store/overlay.h"

namespace gemel {

/// Messages by the bits that flipped on them.
using Flipped = std::map<Flags, UidSet>;

/// From the state `from` to that of the row's key. Where that is more than one transaction, it is
/// not known in which of them, nor whether a flag flipped there and back: nothing is known of the
/// states between.
struct FlagHistoryRow {
  ModSeq from;
  Flipped flipped;
  std::string encode(ModSeq modseq) const;
  /// Errors: kCorrupt.
  static Result<FlagHistoryRow> decode(ModSeq modseq, std::string_view bytes);
};

/// Rows with modseq above it are kept in a mailbox at `highest`; it moves in steps of
/// kFlagHistoryTrim.
ModSeq flag_history_start(ModSeq highest);
inline constexpr uint64_t kFlagHistoryTrim = 64;

/// The mailbox went from `from` to `to`: rows that are too old go. Cost: O(those).
struct FlagHistoryStep {
  UniqueId mailbox;
  ModSeq from;
  ModSeq to;
};
Result<void> trim_flag_history(Overlay& rows, const FlagHistoryStep& step);
Result<void> erase_flag_history(Overlay& rows, const UniqueId& mailbox);

/// See MailboxView::flips_since. `highest`: the mailbox's state.
struct FlipsQuestion {
  UniqueId mailbox;
  ModSeq highest;
  ModSeq since;
};
Result<std::optional<std::vector<FlagFlips>>> read_flips(const RowReader& rows,
                                                         const FlipsQuestion& question);

}  // namespace gemel
