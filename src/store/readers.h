// Who has looked at a mailbox that belongs to somebody else, and what each has seen of it.
//
// Threads  any. Source  doc/decisions/0015-seen-of-ones-own.md.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "store/mail_store.h"

namespace gemel {

struct Reader {
  UserInfo user;
  UserItem seen;  // see kUserItemSeen
};

/// Whether somebody beside the owner could ever read it, administrators aside: as far as the ACL
/// and what is known of former entries tell.
bool is_shared(const MailboxInfo& mailbox);

/// Live users who could ever read it (see is_shared) and have a set: by userid, those behind
/// `after`, at most `count_max`. Cost: a look-up for each userid in its ACL; for each user where it
/// is everybody's. Errors: those of reading the store.
Result<std::vector<Reader>> readers_of(const MailStore& store, const MailboxInfo& mailbox,
                                       std::string_view after = {}, size_t count_max = SIZE_MAX);

}  // namespace gemel
