// Sequence sets: message numbers or UIDs as a client writes them.
//
// Threads  any; pure functions.
// Source   RFC 3501 §9 (sequence-set).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gemel::imap {

/// "*", the largest number in use.
inline constexpr uint32_t kStar = 0;

struct SequenceRange {
  uint32_t first;  // kStar or a number; in the order written
  uint32_t last;
};
using Sequence = std::vector<SequenceRange>;

/// nz-number (RFC 3501 §9); nothing if it is none: zero, above 32 bits, or with zeros in front.
std::optional<uint32_t> nz_number_of(std::string_view text);

/// Errors: kSyntax; kLimit, more than `ranges_max` ranges.
Result<Sequence> parse_sequence(std::string_view text, size_t ranges_max);

}  // namespace gemel::imap
