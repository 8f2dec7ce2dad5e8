#include "imap/date_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "base/bytes.h"

namespace gemel::imap {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr int64_t kDaySeconds = 86'400;

std::unexpected<Error> wrong() { return fail(Code::kSyntax, "not a date"); }

// Fixed fields: `count` digits, no sign.
std::optional<int> digits(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return text.empty() ? std::nullopt : std::optional(value);
}

// `hh:mm:ss`
Result<int64_t> parse_time(std::string_view text) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return wrong();
  const auto hour = digits(text.substr(0, 2));
  const auto minute = digits(text.substr(3, 2));
  const auto second = digits(text.substr(6, 2));
  // A leap second counts as the first of the next minute.
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) return wrong();
  return int64_t{*hour} * 3600 + *minute * 60 + *second;
}

// `+hhmm`, as the seconds that the zone is ahead of UTC
Result<int64_t> parse_zone(std::string_view text) {
  if (text.size() != 5 || (text[0] != '+' && text[0] != '-')) return wrong();
  const auto hour = digits(text.substr(1, 2));
  const auto minute = digits(text.substr(3, 2));
  if (!hour || !minute || *minute > 59) return wrong();
  const int64_t ahead = int64_t{*hour} * 3600 + *minute * 60;
  return text[0] == '-' ? -ahead : ahead;
}

}  // namespace

int64_t day_of(int64_t unix_s) { return unix_s / kDaySeconds - (unix_s % kDaySeconds < 0 ? 1 : 0); }

std::string date_time_text(int64_t unix_s) {
  constexpr int64_t kFirst = -62'135'596'800;  // year 1
  constexpr int64_t kLast = 253'402'300'799;   // year 9999
  unix_s = std::clamp(unix_s, kFirst, kLast);
  const int64_t day = day_of(unix_s);
  const int64_t second = unix_s - day * kDaySeconds;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  return fmt::format("{:2}-{}-{:04} {:02}:{:02}:{:02} +0000", static_cast<unsigned>(date.day()),
                     kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), second / 3600, second / 60 % 60, second % 60);
}

Result<int64_t> parse_date(std::string_view text) {
  const size_t dash = text.find('-');
  if (dash != 1 && dash != 2) return wrong();
  const auto day = digits(text.substr(0, dash));
  text.remove_prefix(dash + 1);
  if (text.size() != 8 || text[3] != '-') return wrong();
  const auto month = std::ranges::find_if(kMonths, [&](std::string_view name) {
    return equals_ignoring_case(name, text.substr(0, 3));
  });
  const auto year = digits(text.substr(4));
  if (!day || !year || month == kMonths.end()) return wrong();
  const std::chrono::year_month_day date{
      std::chrono::year(*year),
      std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
      std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return wrong();
  return std::chrono::sys_days(date).time_since_epoch().count();
}

Result<int64_t> parse_date_time(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);  // date-day-fixed
  const size_t space = text.find(' ');
  if (space == std::string_view::npos) return wrong();
  TRY(const int64_t day, parse_date(text.substr(0, space)));
  text.remove_prefix(space + 1);
  if (text.size() != 14 || text[8] != ' ') return wrong();
  TRY(const int64_t second, parse_time(text.substr(0, 8)));
  TRY(const int64_t ahead, parse_zone(text.substr(9)));
  return day * kDaySeconds + second - ahead;
}

}  // namespace gemel::imap
