// Text in header fields: encoded words to UTF-8 and back.
//
// Threads  any; pure functions.
// Source   RFC 2047 §2, §4, §6.2; RFC 2231 §5 (a language after the charset). Nothing fails: what
// is no
//          encoded word stays as it is.
#pragma once

#include <string>
#include <string_view>

namespace gemel {

/// `text` is an unfolded value. Valid UTF-8 comes out; raw 8-bit bytes are taken for UTF-8 or else
/// windows-1252. Cost: O(bytes).
std::string decode_encoded_words(std::string_view text);

/// `text` as one or more encoded words of at most 75 bytes each, in UTF-8 and base64, on one line.
std::string encode_words(std::string_view utf8);

}  // namespace gemel
