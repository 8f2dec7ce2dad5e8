// Flags of messages by name, merged: sets that do not look at the case of keywords.
//
// Threads  pure functions.
#pragma once

#include <optional>

#include "mail/flags.h"

namespace gemel::sync {

/// The same flags, whatever the case of keywords.
bool are_same(const FlagNames& a, const FlagNames& b);

/// Those that are in one of the two only.
FlagNames flipped(const FlagNames& a, const FlagNames& b);

/// The flags of a message on one side, and which of them it has changed since.
struct FlagSide {
  const FlagNames& now;
  const FlagNames& flipped;
};
/// What two sides made of the flags of a message: each flag as the side has it that alone has
/// changed it; of the others those of united_flags().
FlagNames merged_flags(const FlagSide& a, const FlagSide& b);
/// Where nobody knows who changed what: all that either has, \Deleted where both have it.
FlagNames united_flags(const FlagNames& a, const FlagNames& b);

}  // namespace gemel::sync
