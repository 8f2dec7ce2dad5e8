// Names of header fields, and which of them hold addresses.
//
// Source   RFC 5322 §3.6.8 (field-name), RFC 5228 §5.1 (fields that hold addresses), RFC 5293 §6
//          (fields that a script can't touch).
#pragma once

#include <string_view>

namespace gemel::sieve {

/// 1 to 998 printable ASCII characters without colon: RFC 5322 §3.6.8, §2.1.1.
bool is_field_name(std::string_view name);
/// May the test "address" look at it?
bool holds_addresses(std::string_view field_name);
/// Received and Auto-Submitted say what happened to a message, against loops.
bool may_be_added(std::string_view field_name);
bool may_be_deleted(std::string_view field_name);

/// A special-use attribute: "\" and an atom (RFC 6154 §6).
bool is_special_use(std::string_view attribute);
/// A name that a mailbox can have: not empty, valid UTF-8, no control characters.
bool is_mailbox_name(std::string_view name);

}  // namespace gemel::sieve
