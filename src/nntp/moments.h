// The date and time of NEWGROUPS and NEWNEWS.
//
// Source   RFC 3977 §7.3.2.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace gemel::nntp {

/// "20251124" or "251124", and "160000", as unix time. Two digits mean the last such year that is
/// not after now's; local time is UTC here. Errors: kSyntax.
Result<int64_t> parse_moment(std::string_view date, std::string_view time, int64_t now_s);

}  // namespace gemel::nntp
