// Address lists of From, To, Cc and their like, in the shape ENVELOPE wants.
//
// Threads  any; pure functions.
// Source   RFC 5322 §3.4 (mailboxes, groups) and §4.4 (routes, obsolete forms), RFC 3501 §7.4.2
// (address
//          structure). Broken lists are read as far as they make sense; nothing fails.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gemel {

/// Addresses taken from one list; the rest is not read. Keeps an ENVELOPE within a few megabytes.
inline constexpr size_t kAddressesMax = 20'000;

/// One mailbox, or the mark of a group's start (host is nothing, mailbox the group's name) or end
/// (both are nothing), as RFC 3501 §7.4.2 has them. Text is raw: encoded words stay encoded.
struct Address {
  std::optional<std::string> name;     // phrase, or else the comment behind the address
  std::optional<std::string> route;    // "@a,@b" (RFC 5322 §4.4)
  std::optional<std::string> mailbox;  // local part without quotes
  std::optional<std::string> host;     // "" where the mail has none, as NIL would make it a group
  bool operator==(const Address&) const = default;
};

/// `text` is an unfolded value. At most kAddressesMax entries, and an end for each group's start.
/// Cost: O(bytes).
std::vector<Address> parse_addresses(std::string_view text);

}  // namespace gemel
