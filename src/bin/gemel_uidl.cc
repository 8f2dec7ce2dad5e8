#include "bin/gemel_uidl.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/bytes.h"
#include "mail/mime_header.h"

namespace gemel::tool {
namespace {

constexpr size_t kWidthMax = 32;

// "1700.M1P2.host:2,S" and "1700.M1P2.host" are one message (maildir(5)).
std::string_view base_name(std::string_view file_name) {
  for (const std::string_view info : {":2,", "!2,", ";2,"})
    if (const size_t at = file_name.rfind(info); at != std::string_view::npos)
      return file_name.substr(0, at);
  return file_name;
}

std::string_view take_word(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(word.size() + 1, line.size()));
  return word;
}

Result<uint32_t> number32(std::string_view text) {
  TRY(const uint64_t number, parse_number(text));
  if (number > UINT32_MAX) return fail(Code::kSyntax, "a number is too large");
  return static_cast<uint32_t>(number);
}

Error in_line(const std::string& path, size_t line) {
  return {Code::kSyntax, fmt::format("{} line {} makes no sense", path, line)};
}

// One line of a dovecot-uidlist behind its first: "UID [Pname] [other fields] :FILE". Version 1 has
// "UID FILE".
struct UidlistEntry {
  uint32_t uid = 0;
  std::string_view uidl;
  std::string_view file;
};
Result<UidlistEntry> parse_entry(std::string_view line) {
  UidlistEntry entry;
  TRY(entry.uid, number32(take_word(line)));
  while (!line.empty() && !line.starts_with(':')) {
    if (line.find(" :") == std::string_view::npos) break;  // version 1
    const std::string_view field = take_word(line);
    if (field.starts_with('P')) entry.uidl = field.substr(1);
  }
  if (line.starts_with(':')) line.remove_prefix(1);
  if (line.empty()) return fail(Code::kSyntax, "an entry without a file");
  entry.file = line;
  return entry;
}

// "3 V1234 N56 G..." or, in version 1, "1 1234 56".
Result<uint32_t> parse_uidvalidity(std::string_view line) {
  const std::string_view version = take_word(line);
  if (version == "1") return number32(take_word(line));
  while (!line.empty()) {
    const std::string_view field = take_word(line);
    if (field.starts_with('V')) return number32(field.substr(1));
  }
  return fail(Code::kSyntax, "no uidvalidity");
}

}  // namespace

Result<std::string> format_uidl(std::string_view format, uint32_t uid, uint32_t uidvalidity) {
  std::string out;
  for (size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%') {
      out += format[at];
      continue;
    }
    size_t end = at + 1;
    while (end < format.size() && format[end] >= '0' && format[end] <= '9') ++end;
    const std::string_view digits = format.substr(at + 1, end - at - 1);
    const char letter = end < format.size() ? format[end] : '\0';
    const bool is_hex = letter == 'X';
    if (is_hex) ++end;
    const char what = end < format.size() ? format[end] : '\0';
    const auto width = digits.empty() ? Result<uint64_t>(0) : parse_number(digits);
    if ((what != 'u' && what != 'v') || !width || *width > kWidthMax)
      return fail(Code::kInvalid, fmt::format("\"{}\" is no UIDL format: it takes %u and %v, as "
                                              "in \"%08Xu%08Xv\" or \"%v.%u\"",
                                              format));
    const uint32_t number = what == 'u' ? uid : uidvalidity;
    std::string text = is_hex ? fmt::format("{:x}", number) : std::to_string(number);
    if (text.size() < *width)
      text.insert(0, *width - text.size(), digits.starts_with('0') ? '0' : ' ');
    out += text;
    at = end;
  }
  return out;
}

Result<UidlFinder> UidlFinder::make(const UidlOptions& options) {
  UidlFinder finder;
  finder.options_ = options;
  if (!options.dovecot_format.empty()) {
    TRY_OK(format_uidl(options.dovecot_format, 1, 1));
  }
  if (options.list.empty()) return finder;
  std::ifstream in(options.list, std::ios::binary);
  if (!in) return fail(Code::kNotFound, fmt::format("{} can't be read", options.list));
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    const size_t space = line.rfind(' ');
    if (space == std::string::npos || space == 0 || space + 1 == line.size())
      return std::unexpected(in_line(options.list, number));
    finder.list_.insert_or_assign(std::string(base_name(std::string_view(line).substr(0, space))),
                                  line.substr(space + 1));
  }
  return finder;
}

Result<void> UidlFinder::enter_maildir(const std::string& path) {
  maildir_.clear();
  if (options_.dovecot_format.empty()) return {};
  const std::string list = (std::filesystem::path(path) / "dovecot-uidlist").string();
  std::ifstream in(list, std::ios::binary);
  if (!in) return {};  // a Maildir that no such server has opened yet
  std::string line;
  std::getline(in, line);
  const Result<uint32_t> uidvalidity = parse_uidvalidity(line);
  if (!uidvalidity) return std::unexpected(in_line(list, 1));
  for (size_t number = 2; std::getline(in, line); ++number) {
    const Result<UidlistEntry> entry = parse_entry(line);
    if (!entry) return std::unexpected(in_line(list, number));
    std::string uidl(entry->uidl);
    if (uidl.empty()) {
      TRY(uidl, format_uidl(options_.dovecot_format, entry->uid, *uidvalidity));
    }
    maildir_.insert_or_assign(std::string(base_name(entry->file)), std::move(uidl));
  }
  return {};
}

std::string UidlFinder::find(std::string_view file_name, std::string_view message) const {
  const std::string_view base = base_name(file_name);
  if (const auto found = list_.find(base); found != list_.end()) return found->second;
  if (const auto found = maildir_.find(base); found != maildir_.end()) return found->second;
  if (options_.header.empty()) return {};
  const std::string_view header = message.substr(0, header_size(message));
  return field_text(header, options_.header);
}

}  // namespace gemel::tool
