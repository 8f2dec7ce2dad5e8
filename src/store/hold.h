// Holds: until when nothing leaves a mailbox, whatever rule or command says that it should.
//
// What is held may be hidden (an EXPUNGE, a DELETE), but its records and bodies stay, to be brought
// back: purging passes over it. A hold is on one mailbox (its attribute "hold"), on all that a user
// owns, or on everything (the item "hold" of the user, or of the reserved user $server). So it
// replicates, and no client can write it. A mailbox that goes to another owner takes the hold of
// its old one along.
//
// Threads  any; values, and reads in a transaction.
// Source   doc/expire.md, "Holds".
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mail/record.h"

namespace gemel {

class Commit;

inline constexpr std::string_view kAttributeHold = "hold";
inline constexpr std::string_view kUserItemHold = "hold";
inline constexpr int64_t kHoldForever = std::numeric_limits<int64_t>::max();

/// Unix time in decimal, or "forever".
std::string hold_text(int64_t until_s);
/// What hold_text gave. What can't be read counts as for ever: it is no reason to free anything.
int64_t parse_hold(std::string_view text);

/// The end of the longest hold that is on the mailbox now, if one is. Errors: kIo.
Result<std::optional<int64_t>> hold_on(Commit& commit, const MailboxInfo& mailbox);

}  // namespace gemel
