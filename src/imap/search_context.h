// A search whose results a client is told of as they change: RETURN (UPDATE).
//
// Owns     the search keys and the results, as the client was last told.
// Threads  one at a time.
// Source   RFC 5267 §4.3, RFC 5465 §7.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "imap/search_keys.h"
#include "imap/search_returns.h"
#include "imap/view.h"
#include "imap/work.h"

namespace gemel::imap {

class Session;

struct SearchContext {
  std::string tag;  // of the searching command
  bool by_uid = false;
  std::optional<MailboxMark> mailbox = {};  // named in what is told, for ESEARCH
  SearchNode root = {};                     // its message numbers are bound
  FetchItems new_items = {};                // told of what is new in the mailbox (RFC 5465 §7)
  Bitmap results = {};
  ModSeq synced = {};    // changes up to it are in the results
  Bitmap touched = {};   // what besides may have changed
  uint32_t largest = 0;  // the uid that was "*"
  bool is_cancelled = false;
};

struct ContextChanges {
  Bitmap came = {};
  Bitmap went = {};
};
/// Appends the ESEARCH line that tells of changes of the results; nothing if there are none. The
/// messages must be known to `view` still.
void put_context_changes(std::string& out, const View& view, const SearchContext& context,
                         const ContextChanges& changes);

/// `* NO [NOUPDATE "a1"] text` (RFC 5267 §4.3.1).
std::string no_update_line(std::string_view tag, std::string_view text);

/// Looks at what has changed since `context` was brought up to date, and tells what came and what
/// went.
std::unique_ptr<Work> make_context_update(Session& session, std::shared_ptr<SearchContext> context);

}  // namespace gemel::imap
