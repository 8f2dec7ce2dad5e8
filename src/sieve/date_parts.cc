#include "sieve/date_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/bytes.h"
#include "mail/header_date.h"
#include "mail/rfc822_lexer.h"

namespace gemel::sieve {
namespace {

constexpr std::array<std::string_view, 13> kPartNames = {
    "date",   "day",   "hour", "iso8601", "julian", "minute", "month",
    "second", "std11", "time", "weekday", "year",   "zone"};
constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
// Days from 1858-11-17, the start of the Modified Julian Day, to 1970-01-01.
constexpr int64_t kJulianOfEpoch = 40'587;

/// The wall clock's fields in the time's zone.
struct Fields {
  int64_t days = 0;  // since 1970-01-01
  std::chrono::year_month_day date;
  unsigned weekday = 0;  // 0 is Sunday
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
};

Fields fields_of(const ZonedTime& time) {
  constexpr int64_t kDay = 86'400;
  const int64_t local = time.unix_s + int64_t{60} * time.zone_minutes;
  Fields out;
  out.days = local >= 0 ? local / kDay : (local - kDay + 1) / kDay;
  const int64_t of_day = local - out.days * kDay;
  const std::chrono::sys_days day{std::chrono::days(out.days)};
  out.date = day;
  out.weekday = std::chrono::weekday(day).c_encoding();
  out.hour = of_day / 3600;
  out.minute = of_day / 60 % 60;
  out.second = of_day % 60;
  return out;
}

std::string zone_text(int32_t minutes, std::string_view colon) {
  const int32_t size = std::abs(minutes);
  return fmt::format("{}{:02}{}{:02}", minutes < 0 ? '-' : '+', size / 60, colon, size % 60);
}

std::string date_text(const Fields& fields) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(fields.date.year()),
                     static_cast<unsigned>(fields.date.month()),
                     static_cast<unsigned>(fields.date.day()));
}

std::string time_text(const Fields& fields) {
  return fmt::format("{:02}:{:02}:{:02}", fields.hour, fields.minute, fields.second);
}

}  // namespace

std::optional<DatePart> find_date_part(std::string_view name) {
  const auto found = std::ranges::find(kPartNames, to_lower(name));
  if (found == kPartNames.end()) return std::nullopt;
  return static_cast<DatePart>(found - kPartNames.begin());
}

std::optional<int32_t> parse_zone(std::string_view text) {
  if (text.size() != 5 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  int32_t number = 0;
  for (const char c : text.substr(1)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  if (number % 100 > 59) return std::nullopt;
  const int32_t minutes = number / 100 * 60 + number % 100;
  return text[0] == '-' ? -minutes : minutes;
}

std::optional<ZonedTime> date_in(std::string_view value) {
  // RFC 5260 §4: all of the field, or behind its (last) semicolon.
  const size_t semicolon = value.rfind(';');
  if (semicolon != std::string_view::npos) value.remove_prefix(semicolon + 1);
  const auto date = parse_header_date(trim(value));
  if (!date || !date->has_time) return std::nullopt;
  return ZonedTime{.unix_s = date->utc.time_since_epoch().count(),
                   .zone_minutes = static_cast<int32_t>(date->zone.count())};
}

std::string part_of(const ZonedTime& time, DatePart part) {
  const Fields fields = fields_of(time);
  switch (part) {
    case DatePart::kDate:
      return date_text(fields);
    case DatePart::kDay:
      return fmt::format("{:02}", static_cast<unsigned>(fields.date.day()));
    case DatePart::kHour:
      return fmt::format("{:02}", fields.hour);
    case DatePart::kIso8601:
      return date_text(fields) + 'T' + time_text(fields) +
             (time.zone_minutes == 0 ? "Z" : zone_text(time.zone_minutes, ":"));
    case DatePart::kJulian:
      return std::to_string(fields.days + kJulianOfEpoch);
    case DatePart::kMinute:
      return fmt::format("{:02}", fields.minute);
    case DatePart::kMonth:
      return fmt::format("{:02}", static_cast<unsigned>(fields.date.month()));
    case DatePart::kSecond:
      return fmt::format("{:02}", fields.second);
    case DatePart::kStd11:
      return date_field(time);
    case DatePart::kTime:
      return time_text(fields);
    case DatePart::kWeekday:
      return std::to_string(fields.weekday);
    case DatePart::kYear:
      return fmt::format("{:04}", static_cast<int>(fields.date.year()));
    case DatePart::kZone:
      return zone_text(time.zone_minutes, "");
  }
  return {};
}

std::string date_field(const ZonedTime& time) {
  const Fields fields = fields_of(time);
  return fmt::format(
      "{}, {:02} {} {:04} {} {}", kDays[fields.weekday], static_cast<unsigned>(fields.date.day()),
      kMonths[static_cast<unsigned>(fields.date.month()) - 1], static_cast<int>(fields.date.year()),
      time_text(fields), zone_text(time.zone_minutes, ""));
}

}  // namespace gemel::sieve
