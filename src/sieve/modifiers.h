// The modifiers of set and extracttext.
//
// Source   RFC 5229 §4.1, RFC 5435 §6 (encodeurl), draft-ietf-sieve-regex (quoteregex).
#pragma once

#include <string>
#include <string_view>

#include "sieve/program.h"

namespace gemel::sieve {

/// `value` with the modifiers that `node` has, those of higher precedence first.
std::string modified(const Node& node, std::string value);

/// Characters of UTF-8; each bad octet counts as one.
size_t character_count(std::string_view text);
/// The octets that the first `count` characters of `text` take.
size_t character_bytes(std::string_view text, size_t count);

}  // namespace gemel::sieve
