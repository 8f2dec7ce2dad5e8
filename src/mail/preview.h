// The first words of a message, for a list of messages.
//
// Threads  any; pure functions.
// Source   RFC 8970 §3.1 (what a preview is), §3.2 (length).
#pragma once

#include <cstddef>
#include <string>

#include "mail/mime_structure.h"

namespace gemel {

/// RFC 8970 §3.2: at most 256, and 200 is recommended.
inline constexpr size_t kPreviewCharactersMax = 200;
/// What is looked at of a text part, so that a huge one costs no more than others.
inline constexpr size_t kPreviewSourceBytesMax = 64 << 10;

/// Of the first text/plain part that is no attachment and says something, else of the first
/// text/html part: without markup, quoted lines and surplus white space, as valid UTF-8. Empty
/// where there is no text. Cost: O(parts + kPreviewSourceBytesMax for each text part looked at).
std::string preview_of(MessageBytes& message, const MimePart& structure);

}  // namespace gemel
