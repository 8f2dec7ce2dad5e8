// Any bytes as valid UTF-8.
//
// Threads  any; each thread keeps its own few ICU converters (kConvertersMax), for opening one
// costs
//          more than a header line.
// Source   RFC 2045 §5.1 (charset), WHATWG Encoding §4.2 for labels that in mail mean their Windows
//          superset. Nothing fails: unknown charsets are read as windows-1252, bad bytes give
//          U+FFFD.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gemel {

/// Converters open in one thread; a further charset closes them all and starts again.
inline constexpr size_t kConvertersMax = 16;
/// Longer names are no charset.
inline constexpr size_t kCharsetNameBytesMax = 64;

bool is_ascii(std::string_view bytes);
bool is_utf8(std::string_view bytes);
/// The longest beginning of valid UTF-8 of at most `bytes_max` that cuts no character. Cost: O(1).
std::string_view whole_characters(std::string_view utf8, size_t bytes_max);
/// Whether to_utf8 reads that charset as what it is.
bool knows_charset(std::string_view charset);

/// `bytes` in `charset` as valid UTF-8. With no charset, or us-ascii: bytes that are valid UTF-8
/// stay, others are read as windows-1252. Cost: O(bytes).
std::string to_utf8(std::string_view bytes, std::string_view charset);

}  // namespace gemel
