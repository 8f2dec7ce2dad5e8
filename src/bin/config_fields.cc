#include "bin/config_fields.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>

namespace gemel::bin {

std::string existing_file(ConfigTable& table, std::string_view key) {
  std::string path = table.text(key);
  if (!path.empty() && !std::ifstream(path))
    table.wrong(key, fmt::format("the file {} can't be read", path));
  return path;
}

std::string password_of(ConfigTable& table) {
  std::string given = table.text("password");
  const std::string path = existing_file(table, "password_file");
  if (path.empty()) return given;
  if (!given.empty()) table.wrong("password_file", "there is a password too; give one of them");
  std::string line;
  std::ifstream stream(path);
  if (stream && !std::getline(stream, line)) table.wrong("password_file", "the file is empty");
  return line;
}

std::vector<Endpoint> endpoints_of(ConfigTable& table, std::string_view key) {
  std::vector<Endpoint> out;
  for (const std::string& text : table.texts(key)) {
    const Result<Endpoint> endpoint = parse_endpoint(text);
    if (!endpoint)
      table.wrong(key, endpoint.error().text);
    else
      out.push_back(*endpoint);
  }
  return out;
}

unsigned file_mode_of(ConfigTable& table, std::string_view fallback) {
  const std::string text = table.text("mode", fallback);
  unsigned mode = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || mode > 0777)
    table.wrong("mode", "must be a file mode in octal, as \"0600\"");
  return mode;
}

}  // namespace gemel::bin
