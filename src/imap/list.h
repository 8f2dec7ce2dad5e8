// The tree of names that LIST and LSUB look at: mailboxes, subscriptions, and the levels above
// them that exist only as parts of names.
//
// Threads  any; a value made for one command.
// Source   RFC 3501 §6.3.8, §6.3.9, §7.2.2; RFC 3348 (CHILDREN); RFC 5258 (LIST-EXTENDED); RFC
//          6154 (SPECIAL-USE).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "imap/names.h"
#include "imap/status_items.h"
#include "store/mail_store.h"

namespace gemel::imap {

struct ListNode {
  std::optional<MailboxInfo> mailbox;  // nothing: no mailbox has this name
  bool is_selectable = true;           // with `r` over the mailbox
  bool is_subscribed = false;
  bool has_children = false;  // mailboxes below it
  bool has_subscribed_below = false;
  bool has_special_below = false;
  bool has_untold_below = false;     // what is selected but has another name than was asked for
  Content content = Content::kLive;  // of `mailbox`

  std::string special_use() const;  // empty: none
};
/// By path, as the user sees it.
using ListTree = std::map<std::string, ListNode>;

/// All that the user may see (RFC 4314 §4, LIST). Cost: O(mailboxes + subscriptions). Errors: of
/// the store.
Result<ListTree> load_list_tree(const MailStore& store, const UserAccess& user);

/// Adds "Expunged/..." for each mailbox of the tree of which the user may see what was expunged,
/// unless there is nothing, or there is a mailbox of that name.
void add_expunged(ListTree& tree, const UserAccess& user);

/// What LIST is asked for (RFC 5258 §3).
struct ListRequest {
  std::vector<Pattern> patterns;
  bool selects_subscribed = false;
  bool selects_special_use = false;
  bool selects_recursively = false;
  bool is_extended = false;  // by its syntax (RFC 5258 §3)
  ImapDialect dialect = ImapDialect::kAscii;
  bool returns_subscribed = false;
  bool returns_rights = false;                    // RFC 8440
  std::optional<std::vector<StatusItem>> status;  // RFC 5819
  std::vector<std::string> annotations;           // RFC 9590
};

/// For RECURSIVEMATCH: finds out which nodes speak for others below that are not listed. Cost:
/// O(nodes × patterns).
void mark_untold(ListTree& tree, const ListRequest& request);

/// Appends the LIST line of a node that `request` selects; nothing appended otherwise. True if a
/// STATUS line goes with it.
bool put_list(std::string& out, const ListTree::value_type& node, const ListRequest& request);

/// What a line of a list begins with.
struct ListLine {
  std::string_view command;
  std::string attributes = {};
};
/// Appends `* LIST (attributes) "/" path`, without the line's end.
void put_line(std::string& out, const ListLine& line, std::string_view path, ImapDialect dialect);

/// Appends ` ("OLDNAME" (path))` behind it (RFC 9051 §6.3.9.7).
void put_old_name(std::string& out, std::string_view path, ImapDialect dialect);

/// Says `* LIST () "/" path`, with the name that the client used for it as OLDNAME if that is
/// another (RFC 9051 §6.3.9.7).
void say_canonical(Session& session, std::string_view wire_name, std::string_view path);

/// Appends the MYRIGHTS line of a mailbox (RFC 4314 §3.8).
void put_my_rights(std::string& out, std::string_view path, Rights rights, ImapDialect dialect);

/// The same for LSUB (RFC 3501 §6.3.9). With a "%" in the pattern, names that only have subscribed
/// ones below them are told too, as \Noselect.
enum class Percent : uint8_t { kNo, kYes };
struct LsubTerms {
  Percent percent = Percent::kNo;
  ImapDialect dialect = ImapDialect::kAscii;
};
void put_lsub(std::string& out, const ListTree::value_type& node, const Pattern& pattern,
              const LsubTerms& terms);

}  // namespace gemel::imap
