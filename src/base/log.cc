#include "base/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>

namespace gemel::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

spdlog::logger& logger() {
  static auto shared = [] {
    auto made = std::make_shared<spdlog::logger>("gemel",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    return made;
  }();
  return *shared;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

// One call is one line: what a client or a script says begins no other.
std::string escaped(std::string_view line) {
  std::string out;
  for (const char c : line) {
    if (is_control(c))
      out += fmt::format("\\x{:02x}", c);
    else
      out += c;
  }
  return out;
}

}  // namespace

void set_level(Level level) { logger().set_level(to_spdlog(level)); }
bool enabled(Level level) { return logger().should_log(to_spdlog(level)); }
void write(Level level, std::string_view line) {
  if (std::ranges::none_of(line, is_control))
    logger().log(to_spdlog(level), line);
  else
    logger().log(to_spdlog(level), escaped(line));
}

}  // namespace gemel::log
