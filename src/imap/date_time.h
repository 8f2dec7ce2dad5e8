// Dates as IMAP writes them.
//
// Threads  any; pure functions. The server shows every INTERNALDATE in UTC, for the store keeps a
//          moment and no zone.
// Source   RFC 3501 §9 (date, date-time).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel::imap {

/// `17-Jul-1996 02:44:25 +0000`, without quotes; the day padded with a space to two characters.
/// Moments outside the years 1 to 9999 are shown as the nearest one inside.
std::string date_time_text(int64_t unix_s);

/// The same form, with any zone, to a unix time. Errors: kSyntax.
Result<int64_t> parse_date_time(std::string_view text);

/// `1-Feb-1994` to days since 1970-01-01. Errors: kSyntax.
Result<int64_t> parse_date(std::string_view text);

/// The day of a moment, in UTC, as days since 1970-01-01.
int64_t day_of(int64_t unix_s);

}  // namespace gemel::imap
