// Mailbox names on an IMAP4rev1 wire: modified UTF-7.
//
// Threads  any; pure functions.
// Source   RFC 3501 §5.1.3. One name has one encoding here: what could be written otherwise is
// refused,
//          so that two names on the wire are never one mailbox.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel {

/// Errors: kSyntax (not valid UTF-8).
Result<std::string> to_modified_utf7(std::string_view utf8);

/// Errors: kSyntax (bytes outside 0x20-0x7e, an open or superfluous shift, bad base64, lone
/// surrogate, ASCII that need not be encoded).
Result<std::string> from_modified_utf7(std::string_view name);

}  // namespace gemel
