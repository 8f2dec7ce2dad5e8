// Which mailboxes ESEARCH looks through: IN (...).
//
// Threads  any; pure functions but for resolve_sources, which asks the store.
// Source   RFC 7377 §2.2 and §4 (esearch-source-opts), RFC 5465 §6 (filter-mailboxes).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "imap/names.h"
#include "wire/tokens.h"

namespace gemel::imap {

struct SearchSource {
  enum class Kind : uint8_t {
    kSelected,
    kPersonal,  // "inboxes" too: mail may be delivered to any mailbox of one's own
    kSubscribed,
    kSubtree,
    kSubtreeOne,  // and what is one level below
    kMailboxes,
  };
  Kind kind = Kind::kSelected;
  std::vector<std::string> names = {};  // of the last three, as a client wrote them
};

/// `IN (personal subtree "lists") `, if it is there; the selected mailbox if it is not. Errors:
/// kSyntax; kLimit, more than `names_max` names.
Result<std::vector<SearchSource>> read_sources(wire::Tokenizer& tokens, size_t names_max);

bool names_selected(const std::vector<SearchSource>& sources);

/// The mailboxes of all sources but kSelected, each once, in the order of the sources. One that the
/// user may not read is left out, and so is one without `l` that was not named itself (RFC 7377
/// §2.2): nothing tells whether it is there. Cost: O(visible mailboxes × names). Errors: of the
/// store.
Result<std::vector<Named>> resolve_sources(const MailStore& store, const UserAccess& user,
                                           const std::vector<SearchSource>& sources,
                                           ImapDialect dialect);

}  // namespace gemel::imap
