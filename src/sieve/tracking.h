// Keys of the delivery's memory: what duplicate and vacation remember.
//
// Source   RFC 7352 §6 (hashed, for they may tell of the content), RFC 5230 §4.2 (counted strings).
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace gemel::sieve {

/// `kind` and the hexadecimal digits of a SHA-256 over the strings, each with its length.
std::string tracking_key(char kind, std::initializer_list<std::string_view> parts);

}  // namespace gemel::sieve
