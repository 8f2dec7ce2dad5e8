#include "nntp/article_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "mail/mime_header.h"
#include "mail/rfc822_lexer.h"

namespace gemel::nntp {
namespace {

// In lower case, sorted.
constexpr std::array<std::string_view, 20> kUniqueFields = {
    "approved",   "archive",     "control",      "date",           "distribution",
    "expires",    "followup-to", "from",         "injection-date", "injection-info",
    "message-id", "newsgroups",  "organization", "path",           "reply-to",
    "sender",     "subject",     "summary",      "supersedes",     "user-agent"};
static_assert(std::ranges::is_sorted(kUniqueFields));

/// Errors: kSyntax, the first line of the field or a folded one is not as RFC 5536 §2.2 wants it.
Result<void> check_lines(std::string_view name, std::string_view lines) {
  bool is_first = true;
  while (!lines.empty()) {
    const size_t end = lines.find("\r\n");
    if (end == std::string_view::npos) return fail(Code::kSyntax, "a line has no CRLF");
    const std::string_view line = lines.substr(0, end);
    if (line.size() > kHeaderLineBytesMax)
      return fail(Code::kSyntax, fmt::format("a line of {} is too long", name));
    if (!is_first && trim(line).empty())
      return fail(Code::kSyntax, fmt::format("a folded line of {} is empty", name));
    is_first = false;
    lines.remove_prefix(end + 2);
  }
  return {};
}

bool is_printable(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

bool is_unique_field(std::string_view name) {
  return std::ranges::binary_search(kUniqueFields, std::string_view(to_lower(name)));
}

Result<ArticleHeader> ArticleHeader::parse(std::string_view block) {
  ArticleHeader out;
  HeaderReader reader(block);
  while (const auto field = reader.next()) {
    const std::string_view lines = block.substr(field->start, field->end - field->start);
    // RFC 5322 has no white space before the colon, and RFC 5536 §2.2 a space behind it.
    if (field->name.empty() || !is_printable(field->name) ||
        lines.substr(field->name.size(), 1) != ":")
      return fail(Code::kSyntax, "a line of the header is no field");
    if (!lines.substr(field->name.size() + 1).starts_with(' '))
      return fail(Code::kSyntax, fmt::format("no space behind \"{}:\"", field->name));
    TRY_OK(check_lines(field->name, lines));
    if (is_unique_field(field->name) && out.has(field->name))
      return fail(Code::kSyntax, fmt::format("{} is there twice", field->name));
    out.fields_.push_back({std::string(field->name), std::string(lines)});
  }
  if (reader.position() != block.size()) return fail(Code::kSyntax, "the header has an empty line");
  return out;
}

const ArticleHeader::Field* ArticleHeader::find(std::string_view name) const {
  const auto found = std::ranges::find_if(
      fields_, [&](const Field& field) { return equals_ignoring_case(field.name, name); });
  return found == fields_.end() ? nullptr : &*found;
}

std::optional<std::string> ArticleHeader::value(std::string_view name) const {
  const Field* const field = find(name);
  if (field == nullptr) return std::nullopt;
  return unfold(std::string_view(field->lines).substr(field->name.size() + 1));
}

void ArticleHeader::remove(std::string_view name) {
  std::erase_if(fields_,
                [&](const Field& field) { return equals_ignoring_case(field.name, name); });
}

void ArticleHeader::append(std::string_view name, std::string_view value) {
  fields_.push_back({std::string(name), fmt::format("{}: {}\r\n", name, value)});
}

void ArticleHeader::replace(std::string_view name, std::string_view value) {
  const Field* const there = find(name);
  if (there == nullptr) return append(name, value);
  fields_[static_cast<size_t>(there - fields_.data())].lines =
      fmt::format("{}: {}\r\n", there->name, value);
}

void ArticleHeader::prepend_path(std::string_view entries, std::string_view tail) {
  const Field* const there = find("Path");
  if (there == nullptr) {
    fields_.insert(fields_.begin(), {"Path", fmt::format("Path: {}{}\r\n", entries, tail)});
    return;
  }
  const size_t at = static_cast<size_t>(there - fields_.data());
  std::string_view rest = std::string_view(there->lines).substr(there->name.size() + 1);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  // A path that has come far is folded rather than too long.
  const bool fits =
      entries.size() + rest.find("\r\n") + there->name.size() + 2 < kHeaderLineBytesMax;
  fields_[at].lines = fmt::format("{}: {}{}{}", there->name, entries, fits ? "" : "\r\n ", rest);
}

std::string ArticleHeader::text() const {
  std::string out;
  for (const Field& field : fields_) out += field.lines;
  return out + "\r\n";
}

}  // namespace gemel::nntp
