// A message with NUL in it for clients that can't be given NUL: base64 in place of what is binary.
//
// Threads  any; functions of the bytes.
// Source   RFC 3516 §4.4 (the server may modify the encoding, without a loss), RFC 2045 §6.2, §6.8.
#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"
#include "mail/mime_structure.h"

namespace gemel {

/// Whether a part that holds no others says `binary` of itself and has NUL. Cost: O(bytes of such
/// parts).
bool has_binary_nul(MessageBytes& message, const MimePart& structure);

/// Gives `put` the message a piece at a time, with each such part in base64, its
/// Content-Transfer-Encoding too; all else is as it was, and so is every part once it is decoded.
/// Memory: a few pieces, and a header. Errors: of `put`. What can't be read is missing, which the
/// owner of `message` knows of.
Result<void> put_binary_as_base64(MessageBytes& message, const MimePart& structure,
                                  const std::function<Result<void>(std::string_view)>& put);

}  // namespace gemel
