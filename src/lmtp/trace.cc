#include "lmtp/trace.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <string_view>

namespace gemel::lmtp {

std::string date_time(int64_t unix_s) {
  using namespace std::chrono;
  static constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                            "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_seconds moment{seconds(unix_s)};
  const sys_days day = floor<days>(moment);
  const year_month_day date{day};
  const hh_mm_ss time{moment - day};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000", kDays[weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()),
                     kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

std::string trace_fields(const Trace& trace) {
  // RFC 5321 §4.4: the client's own word first, then what we know of it as a comment. IPv6 literals
  // have their tag (§4.1.3).
  const bool is_ipv6 = trace.peer_address.find(':') != std::string::npos;
  const std::string peer = trace.peer_address == "unix"
                               ? "local socket"
                               : fmt::format("[{}{}]", is_ipv6 ? "IPv6:" : "", trace.peer_address);
  const std::string for_clause =
      trace.for_recipient.empty() ? "" : fmt::format("\r\n\tfor <{}>", trace.for_recipient);
  return fmt::format(
      "Return-Path: <{}>\r\nReceived: from {} ({})\r\n\tby {} with LMTP id {}{};\r\n\t{}\r\n",
      trace.return_path, trace.client_name, peer, trace.hostname, trace.id, for_clause,
      date_time(trace.unix_s));
}

}  // namespace gemel::lmtp
