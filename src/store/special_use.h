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

/// Does the mailbox have this one, in any case?
bool has_special_use(const MailboxInfo& mailbox, std::string_view use);

/// One or more, parted by spaces, as they are kept: each once, in the order given. Errors:
/// kInvalid, there is no such use.
Result<std::string> parse_special_uses(std::string_view words);

/// May the mailbox be given these uses: it is the user's own, and no other one has any of them, as
/// clients look for one of each (RFC 6154 §2). None at all always. Cost: O(mailboxes). Errors:
/// kUnsupported, it may not.
Result<void> check_special_uses(const MailStore& store, std::string_view userid,
                                const MailboxName& name, std::string_view uses);

}  // namespace gemel
