// The log: one line an event, fields as name=value, to standard error (journald keeps it).
//
// Never a password, a body, a subject or another header's text. Any thread; returns at once.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace gemel::log {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };

/// What is written from now on; kInfo at start.
void set_level(Level level);
bool enabled(Level level);
void write(Level level, std::string_view line);

template <class... T>
void debug(fmt::format_string<T...> format, T&&... values) {
  if (enabled(Level::kDebug)) write(Level::kDebug, fmt::format(format, std::forward<T>(values)...));
}
template <class... T>
void info(fmt::format_string<T...> format, T&&... values) {
  if (enabled(Level::kInfo)) write(Level::kInfo, fmt::format(format, std::forward<T>(values)...));
}
template <class... T>
void warn(fmt::format_string<T...> format, T&&... values) {
  if (enabled(Level::kWarn)) write(Level::kWarn, fmt::format(format, std::forward<T>(values)...));
}
template <class... T>
void error(fmt::format_string<T...> format, T&&... values) {
  if (enabled(Level::kError)) write(Level::kError, fmt::format(format, std::forward<T>(values)...));
}

}  // namespace gemel::log
