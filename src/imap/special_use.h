// What a mailbox is for (RFC 6154 §2).
//
// Threads  any; pure functions.
#pragma once

#include <optional>
#include <string_view>

namespace gemel::imap {

/// `word` in any case as it is kept, "\\Sent"; nothing if it is no use that a mailbox can be given
/// (\All and \Flagged are views of other mailboxes, which this server does not make).
std::optional<std::string_view> special_use_of(std::string_view word);

}  // namespace gemel::imap
