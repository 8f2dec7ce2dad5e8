// The words of a refusal as lines of a reply.
//
// Threads  any; a pure function.
// Source   RFC 5321 §4.5.3.1.5 (lines of at most 512 octets), RFC 5429 §2.5.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace gemel::delivery {

/// What a reply of the protocol can hold of a refusal's words; a `reject` with more goes by mail.
inline constexpr size_t kReasonLinesMax = 100;
inline constexpr size_t kReasonLineBytesMax = 480;

/// A line for each of `text`, without LF, and more for one longer than kReasonLineBytesMax, which
/// is cut between characters; none for line ends at its end. At least one. Valid as long as `text`.
std::vector<std::string_view> reason_lines(std::string_view text);

}  // namespace gemel::delivery
