#include "nntp/overview.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "mail/mime_header.h"

namespace gemel::nntp {
namespace {

/// On one line and without a tab (RFC 3977 §8.3.2).
std::string one_line(std::string_view value) {
  std::string out = unfold(value);
  std::ranges::replace(out, '\t', ' ');
  return out;
}

std::string value_in(std::string_view header, std::string_view name) {
  const auto field = find_field(header, name);
  return field ? one_line(field->value) : std::string();
}

}  // namespace

Result<std::string> overview_line(const Shelf& shelf, const Found& found, std::string_view number) {
  TRY(const std::string header, shelf.header(found));
  TRY(const Article::Size size, found.article.size(header));
  return fmt::format(
      "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\tXref: {}", number, value_in(header, "Subject"),
      value_in(header, "From"), value_in(header, "Date"), found.article.message_id(),
      value_in(header, "References"), size.bytes, size.lines, value_in(header, "Xref"));
}

Result<void> check_hdr_field(std::string_view name) {
  if (equals_ignoring_case(name, ":bytes") || equals_ignoring_case(name, ":lines")) return {};
  const bool is_field = !name.empty() && std::ranges::all_of(name, [](char c) {
    return c > ' ' && c <= '~' && c != ':';
  });
  if (is_field) return {};
  return fail(Code::kInvalid, "there is no such field");
}

Result<std::string> hdr_value(const Shelf& shelf, const Found& found, std::string_view name) {
  TRY(const std::string header, shelf.header(found));
  if (!name.starts_with(':')) return value_in(header, name);
  TRY(const Article::Size size, found.article.size(header));
  return std::to_string(equals_ignoring_case(name, ":bytes") ? size.bytes : size.lines);
}

}  // namespace gemel::nntp
