// For tests and fuzzers: what holds of every structure and of every IMAP value, whatever the
// message.
#pragma once

#include <string>
#include <string_view>

#include "mail/mime_structure.h"

namespace gemel {

/// The first broken promise of mime_structure.h in `part`, as a sentence; "" if all hold.
std::string fault_in_structure(std::string_view message, const MimePart& part);

/// The same of a text that must be one parenthesized list of strings, numbers, NIL and lists, in 7
/// bit or valid UTF-8 (RFC 3501 §9).
std::string fault_in_imap_value(std::string_view text);

}  // namespace gemel
