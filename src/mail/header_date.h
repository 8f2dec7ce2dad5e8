// The Date field as a point in time and as the day its writer saw.
//
// Threads  any; pure functions.
// Source   RFC 5322 §3.3 and §4.3 (two-digit years, zone names), RFC 3501 §6.4.4 (SENTSINCE
// compares
//          the day and disregards time and timezone).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gemel {

struct HeaderDate {
  std::chrono::sys_seconds utc;
  std::chrono::year_month_day day;  // as written, in the writer's zone
  std::chrono::minutes zone{0};     // east of UTC, as written
  bool has_time = false;            // a valid time of day was there too
  bool operator==(const HeaderDate&) const = default;
};

/// `text` is an unfolded value. Nothing if there is no day, month and year in it, or no such day. A
/// missing or broken time is midnight, an unknown zone is UTC.
std::optional<HeaderDate> parse_header_date(std::string_view text);

/// "Wed, 25 Nov 2026 17:00:53 +0000".
std::string header_date_text(int64_t unix_s);

}  // namespace gemel
