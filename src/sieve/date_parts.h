// Points in time as the date and currentdate tests see them.
//
// Threads  any; pure functions.
// Source   RFC 5260 §4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gemel::sieve {

enum class DatePart : uint8_t {
  kDate,
  kDay,
  kHour,
  kIso8601,
  kJulian,
  kMinute,
  kMonth,
  kSecond,
  kStd11,
  kTime,
  kWeekday,
  kYear,
  kZone,
};

/// In any case (RFC 5260 §4.2).
std::optional<DatePart> find_date_part(std::string_view name);

/// "+0130" or "-0500" in minutes east of UTC (RFC 5260 §4.1); nothing if it is no such offset.
std::optional<int32_t> parse_zone(std::string_view text);

/// A moment, and the zone it is looked at in.
struct ZonedTime {
  int64_t unix_s = 0;
  int32_t zone_minutes = 0;
};

/// Of a field's unfolded value: the date-time that is all of it or stands behind its last ";".
/// Nothing if that is no valid date-time.
std::optional<ZonedTime> date_in(std::string_view value);

/// What the test compares: "2026", "2026-11-25", "+0100"...
std::string part_of(const ZonedTime& time, DatePart part);

/// "Wed, 25 Nov 2026 19:34:00 +0100", for the Date field of what is made here.
std::string date_field(const ZonedTime& time);

}  // namespace gemel::sieve
