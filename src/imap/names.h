// Mailbox names between the wire and the store, and the patterns of LIST.
//
// Threads  any; pure functions.
// Source   RFC 3501 §5.1 (names, INBOX in any case), §5.1.3 (modified UTF-7), §6.3.8 (patterns).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "store/access.h"

namespace gemel::imap {

/// Longer patterns match no name that could exist.
inline constexpr size_t kPatternBytesMax = 2 * kMailboxPathBytesMax;

/// A name as a client wrote it, in the namespaces of the user. Errors: kInvalid; of
/// UserAccess::name_of.
Result<MailboxName> mailbox_of(const UserAccess& user, std::string_view wire_name);

/// Appends a path as an astring in modified UTF-7.
void put_path(std::string& out, std::string_view path);

/// A LIST pattern: "*" stands for anything, "%" for anything without a separator.
class Pattern {
 public:
  /// `reference` and `pattern` as on the wire; they are put together as they are (RFC 3501
  /// §6.3.8). One that can't be read matches nothing.
  Pattern(std::string_view reference, std::string_view pattern);
  /// Cost: O(path × pattern).
  bool matches(std::string_view path) const;

 private:
  std::string text_;  // empty: matches nothing
};

}  // namespace gemel::imap
