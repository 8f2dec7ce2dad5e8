#include "nntp/moments.h"

#include <algorithm>
#include <chrono>

#include "base/bytes.h"

namespace gemel::nntp {
namespace {

bool is_digits(std::string_view text, size_t count) {
  return text.size() == count &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

int number_at(std::string_view text, size_t at, size_t count) {
  return static_cast<int>(parse_number(text.substr(at, count)).value_or(0));
}

}  // namespace

Result<int64_t> parse_moment(std::string_view date, std::string_view time, int64_t now_s) {
  using namespace std::chrono;
  const auto wrong = fail(Code::kSyntax, "a date is yyyymmdd, a time hhmmss");
  if ((!is_digits(date, 8) && !is_digits(date, 6)) || !is_digits(time, 6)) return wrong;
  int year_number = number_at(date, 0, date.size() - 4);
  if (date.size() == 6) {
    const year_month_day now{floor<days>(sys_seconds(seconds(now_s)))};
    const int this_year = static_cast<int>(now.year());
    year_number += this_year / 100 * 100;
    if (year_number > this_year) year_number -= 100;
  }
  const year_month_day day{
      year(year_number), month(static_cast<unsigned>(number_at(date, date.size() - 4, 2))),
      std::chrono::day(static_cast<unsigned>(number_at(date, date.size() - 2, 2)))};
  const int hour = number_at(time, 0, 2);
  const int minute = number_at(time, 2, 2);
  const int second = number_at(time, 4, 2);  // 60: a leap second
  if (!day.ok() || hour > 23 || minute > 59 || second > 60) return wrong;
  return (sys_days(day) + hours(hour) + minutes(minute) + seconds(second))
      .time_since_epoch()
      .count();
}

}  // namespace gemel::nntp
