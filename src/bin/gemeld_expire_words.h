// How long a mailbox keeps its messages by the rules of expire, as POP3 says it.
//
// Threads  any.
// Source   doc/expire.md, "Rules"; RFC 2449 §6.7.
#pragma once

#include "expire/rule.h"
#include "pop3/options.h"

namespace gemel::bin {

/// Both must outlive what it gives. Cost of a call: O(the owner's mailboxes).
pop3::ExpireWords expire_words(const MailStore& store, const expire::RulesByPath& configured);

}  // namespace gemel::bin
