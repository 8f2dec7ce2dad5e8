// Mailbox names between the wire and the store, and the patterns of LIST.
//
// Threads  any; pure functions, but for what asks the store.
// Source   RFC 3501 §5.1 (names, INBOX in any case), §5.1.3 (modified UTF-7), §6.3.8 (patterns).
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mail/imap_text.h"
#include "store/access.h"
#include "wire/tokens.h"

namespace gemel::imap {

/// Longer patterns match no name that could exist.
inline constexpr size_t kPatternBytesMax = 2 * kMailboxPathBytesMax;

/// A name as a client wrote it: in modified UTF-7 (RFC 3501 §5.1.3), or in UTF-8 where that was
/// enabled (RFC 9051 §5.1, RFC 6855 §3). Errors: kInvalid.
Result<std::string> path_of_wire(std::string_view wire_name, ImapDialect dialect);
/// The same in the namespaces of the user. Errors: kInvalid; of UserAccess::name_of.
Result<MailboxName> mailbox_of(const UserAccess& user, std::string_view wire_name,
                               ImapDialect dialect);

/// As path_of_wire, and spelled as the user sees it; that there is such a mailbox is not needed.
/// Errors: kInvalid.
Result<std::string> path_as_seen(const UserAccess& user, std::string_view wire_name,
                                 ImapDialect dialect);
/// ` INBOX`, or ` (INBOX Lists)`, as written (RFC 5465 §8, one-or-more-mailbox). Errors: kSyntax.
Result<std::vector<std::string>> read_mailboxes(wire::Tokenizer& tokens);
/// The paths that the user is subscribed to. Errors: of the store.
Result<std::set<std::string>> subscribed_paths(const MailStore& store, const UserAccess& user);

/// "Expunged/PATH" is a read-only mailbox of what was expunged of PATH and is still kept; where the
/// user has a mailbox of that name, it is that. LIST tells of them only by a pattern that begins
/// with "Expunged", so that no client fetches them without being told to.
inline constexpr std::string_view kExpungedPrefix = "Expunged/";
/// Whoever may expunge may see what was expunged.
inline constexpr Rights kExpungedReaders = {Right::kRead, Right::kExpunge};

/// What a client asks for by a name.
enum class Content : uint8_t { kLive, kExpunged };
struct Named {
  MailboxInfo mailbox;
  Content content;
};
/// The mailbox of that name, over which the user has `r`, or the mailbox whose expunged messages
/// the name stands for. Errors: of UserAccess::find.
Result<Named> find_named(const UserAccess& user, std::string_view wire_name, ImapDialect dialect);
/// The path as the user sees it.
std::string path_of(const UserAccess& user, const MailboxName& name, Content content);
/// The mailbox as it is now. Errors: as MailStore::view.
Result<MailboxView> view_of(const MailStore& store, const UniqueId& id, Content content,
                            std::string_view seen_by = {});
/// The MAILBOXID (RFC 8474 §4): a mailbox of expunged messages is another one.
std::string object_id(const MailboxInfo& mailbox, Content content);

/// How far below a name others are meant.
enum class Depth : uint8_t { kItself, kChildren, kAll };
/// Is `path` the one that was asked for, or as far below it as the depth goes? Names of annotations
/// have levels too.
bool is_within(std::string_view path, std::string_view asked, Depth depth);

/// Appends a path as an astring.
void put_path(std::string& out, std::string_view path, ImapDialect dialect);

/// A LIST pattern: "*" stands for anything, "%" for anything without a separator.
class Pattern {
 public:
  /// `reference` and `pattern` as on the wire; they are put together as they are (RFC 3501
  /// §6.3.8). One that can't be read matches nothing.
  Pattern(std::string_view reference, std::string_view pattern, ImapDialect dialect);
  /// Cost: O(path × pattern).
  bool matches(std::string_view path) const;
  bool starts_with(std::string_view path) const { return text_.starts_with(path); }

 private:
  std::string text_;  // empty: matches nothing
};

}  // namespace gemel::imap
