#include "sieve/body_texts.h"

#include <algorithm>

#include "base/bytes.h"
#include "mail/charset.h"
#include "mail/html_text.h"
#include "mail/text.h"
#include "mail/transfer_encoding.h"

namespace gemel::sieve {
namespace {

/// Offset behind the line end at or behind `at`.
size_t behind_line(std::string_view text, size_t at) {
  const size_t newline = text.find('\n', at);
  return newline == std::string_view::npos ? text.size() : newline + 1;
}

std::string_view without_line_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

/// RFC 5173 §5.2: prologue and epilogue, each a string of its own. The line end before a delimiter
/// belongs to the delimiter (RFC 2046 §5.1.1).
std::vector<std::string> texts_around(std::string_view message, const MimePart& part) {
  const std::string_view body = part.body_in(message);
  const size_t first = part.children.front().header_start - part.body_start;
  const size_t last = part.children.back().body_end - part.body_start;
  // The delimiter's line ends where the first child begins.
  std::string_view prologue = without_line_end(body.substr(0, first));
  const size_t before = prologue.rfind('\n');
  prologue = before == std::string_view::npos ? std::string_view()
                                              : without_line_end(prologue.substr(0, before + 1));
  // The last child ends at the line end that belongs to the delimiter behind it, if there is one.
  const std::string_view rest = body.substr(last);
  const size_t delimiter_line = rest.starts_with("--") ? 0 : behind_line(rest, 0);
  const std::string_view epilogue = rest.substr(behind_line(rest, delimiter_line));
  return {std::string(prologue), std::string(epilogue)};
}

}  // namespace

ContentTypes::ContentTypes(std::vector<std::string> types) : types_(std::move(types)) {
  for (std::string& type : types_) type = to_lower(type);
}

bool ContentTypes::has(const MimePart& part) const {
  return std::ranges::any_of(types_, [&](const std::string& type) {
    if (type.empty()) return true;
    const size_t slash = type.find('/');
    if (slash == std::string::npos) return type == part.type;
    return slash > 0 && slash + 1 < type.size() && type.find('/', slash + 1) == std::string::npos &&
           type == part.type + '/' + part.subtype;
  });
}

std::vector<std::string> texts_of_part(std::string_view message, const MimePart& part,
                                       TextForm form) {
  if (part.kind == MimePart::Kind::kMultipart) return texts_around(message, part);
  if (part.kind == MimePart::Kind::kMessage)
    return {std::string(part.children.front().header_in(message))};
  if (part.type == "text") {
    std::string text = decoded_text(message, part);
    if (form == TextForm::kPlain && part.subtype == "html") text = text_of_html(text);
    return {std::move(text)};
  }
  return {decode_transfer(part.body_in(message), part.encoding)};
}

}  // namespace gemel::sieve
