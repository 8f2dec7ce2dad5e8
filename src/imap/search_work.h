// The search of the selected mailbox that SEARCH, UID SEARCH and ESEARCH have in common.
//
// Source   RFC 3501 §6.4.4, RFC 4731, RFC 5182, RFC 5267 §4, RFC 7377 §2.
#pragma once

#include <optional>
#include <string>

#include "imap/search_context.h"
#include "imap/search_returns.h"

namespace gemel::imap {

struct Args;

struct SearchAnswer {
  std::string tag;
  SearchReturns returns;
  bool by_uid = false;
  /// For ESEARCH (RFC 7377 §2.1): the answer names it, and there is none without matches.
  std::optional<MailboxMark> mailbox = {};
};

/// `[CHARSET name] key key ...` at the end of a command. Errors: kSyntax, also for a charset after
/// UTF8=ACCEPT and for RELEVANCY without FUZZY; as Session::read_search.
Result<SearchNode> read_criteria(Session& session, Args& args, const SearchReturns& returns);

/// Starts the search; its answer is made when its turn comes. Errors: kSyntax, UPDATE with the tag
/// of another one; of the store.
Result<void> queue_search(Session& session, SearchNode root, SearchAnswer answer);

}  // namespace gemel::imap
