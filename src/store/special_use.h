// What a mailbox is for (RFC 6154 §2).
//
// Threads  any; pure functions, and one that looks into the store.
#pragma once

#include <optional>
#include <string_view>

#include "store/mail_store.h"

namespace gemel {

/// `word` in any case as it is kept, "\\Sent"; nothing if it is no use that a mailbox can be given
/// (\All and \Flagged are views of other mailboxes, which this server does not make).
std::optional<std::string_view> special_use_of(std::string_view word);

/// RFC 6154 §5.4: the annotation of one's own mailbox that says the same.
inline constexpr std::string_view kSpecialUseEntry = "/private/specialuse";

/// May the mailbox be given this use: it is the user's own, and no other one has it, as clients
/// look for one of each (RFC 6154 §2). An empty use always. Cost: O(mailboxes). Errors:
/// kUnsupported, it may not.
Result<void> check_special_use(const MailStore& store, std::string_view userid,
                               const MailboxName& name, std::string_view use);

}  // namespace gemel
