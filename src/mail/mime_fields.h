// Reads the Content- fields of one header block into a MimePart.
//
// Threads  any; pure functions.
// Source   RFC 2045 §5, §6.1, §7, §8; RFC 1864; RFC 2183; RFC 2557 §4; RFC 3282.
#pragma once

#include <string_view>

#include "mail/mime_structure.h"

namespace gemel {

/// What a part without a (valid) Content-Type is: RFC 2045 §5.2, and RFC 2046 §5.1.5 in a digest.
enum class DefaultType { kText, kMessage };

/// A part with everything its header says; offsets, kind and children are left for the scanner.
/// Where a field is there twice, the first counts.
MimePart describe_part(std::string_view header, DefaultType default_type);

}  // namespace gemel
