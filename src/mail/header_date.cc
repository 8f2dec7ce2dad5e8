#include "mail/header_date.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "base/bytes.h"
#include "mail/rfc822_lexer.h"

namespace gemel {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
struct Zone {
  std::string_view name;
  int hours;
};
// RFC 5322 §4.3; all other letters are UTC.
constexpr std::array kZones = {Zone{"cdt", -5}, Zone{"cst", -6}, Zone{"edt", -4}, Zone{"est", -5},
                               Zone{"mdt", -6}, Zone{"mst", -7}, Zone{"pdt", -7}, Zone{"pst", -8}};

/// All of `text` as a number of at most `digits_max` digits.
std::optional<int> number(std::string_view text, size_t digits_max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text.size() > digits_max || text.front() == '-') return std::nullopt;
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view next_word(Rfc822Lexer& lexer) {
  lexer.skip_cfws();
  return lexer.until(" \t\r\n,(");
}

std::optional<std::chrono::month> month_of(std::string_view word) {
  const std::string name = to_lower(word.substr(0, 3));
  const auto found = std::ranges::find(kMonths, name);
  if (found == kMonths.end()) return std::nullopt;
  return std::chrono::month(static_cast<unsigned>(found - kMonths.begin()) + 1);
}

std::optional<std::chrono::year> year_of(std::string_view word) {
  const auto value = number(word, 4);
  if (!value) return std::nullopt;
  // RFC 5322 §4.3: 00 to 49 are of this century, 50 to 99 and three digits count from 1900.
  const size_t digits = word.size();
  if (digits <= 2) return std::chrono::year(*value + (*value < 50 ? 2000 : 1900));
  if (digits == 3) return std::chrono::year(*value + 1900);
  return std::chrono::year(*value);
}

/// "hh:mm" or "hh:mm:ss"; nothing if it is neither.
std::optional<seconds> time_of(std::string_view word) {
  std::array<int, 3> fields{};
  for (int& field : fields) {
    const size_t colon = word.find(':');
    const auto value = number(word.substr(0, colon), 2);
    if (!value) return std::nullopt;
    field = *value;
    word = colon == std::string_view::npos ? std::string_view("0") : word.substr(colon + 1);
  }
  if (fields[0] > 23 || fields[1] > 59 || fields[2] > 60) return std::nullopt;
  return seconds(fields[0] * 3600 + fields[1] * 60 + fields[2]);
}

minutes zone_of(std::string_view word) {
  if (word.starts_with('+') || word.starts_with('-')) {
    const auto value = word.size() == 5 ? number(word.substr(1), 4) : std::nullopt;
    if (!value || *value % 100 > 59) return minutes(0);
    const minutes offset(*value / 100 * 60 + *value % 100);
    return word.front() == '-' ? -offset : offset;
  }
  const auto found = std::ranges::find(kZones, to_lower(word), &Zone::name);
  return found == kZones.end() ? minutes(0) : minutes(found->hours * 60);
}

}  // namespace

std::optional<HeaderDate> parse_header_date(std::string_view text) {
  Rfc822Lexer lexer(text);
  std::string_view word = next_word(lexer);
  lexer.skip_cfws();
  if (lexer.at(',')) lexer.skip();
  if (!number(word, 2)) word = next_word(lexer);  // the first was the day's name
  const auto day = number(word, 2);
  const auto month = month_of(next_word(lexer));
  const auto year = year_of(next_word(lexer));
  if (!day || !month || !year) return std::nullopt;
  const std::chrono::year_month_day date(*year, *month,
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  const std::optional<seconds> time = time_of(next_word(lexer));
  const minutes zone = zone_of(next_word(lexer));
  return HeaderDate{.utc = std::chrono::sys_days(date) + time.value_or(seconds(0)) - zone,
                    .day = date,
                    .zone = zone,
                    .has_time = time.has_value()};
}

std::string header_date_text(int64_t unix_s) {
  using namespace std::chrono;
  static constexpr std::array<std::string_view, 7> kDayNames = {"Sun", "Mon", "Tue", "Wed",
                                                                "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> kMonthNames = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_seconds moment{seconds(unix_s)};
  const sys_days day = floor<days>(moment);
  const year_month_day date{day};
  const hh_mm_ss time{moment - day};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000",
                     kDayNames[weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                     kMonthNames[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

}  // namespace gemel
