// The search of the selected mailbox that SEARCH, UID SEARCH and ESEARCH have in common.
//
// Source   RFC 3501 §6.4.4, RFC 4731, RFC 5182, RFC 5267 §4, RFC 7377 §2.
#pragma once

#include <optional>
#include <string>

#include "imap/search_context.h"
#include "imap/search_returns.h"

namespace gemel::imap {

struct SearchAnswer {
  std::string tag;
  SearchReturns returns;
  bool by_uid = false;
  /// For ESEARCH (RFC 7377 §2.1): the answer names it, and there is none without matches.
  std::optional<MailboxMark> mailbox = {};
};

/// Starts the search; its answer is made when its turn comes. Errors: kSyntax, UPDATE with the tag
/// of another one; of the store.
Result<void> queue_search(Session& session, SearchNode root, SearchAnswer answer);

}  // namespace gemel::imap
