#include "sieve/body_texts.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/bytes.h"
#include "mail/charset.h"
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

struct Entity {
  std::string_view name;
  std::string_view text;
};
constexpr std::array kEntities = {Entity{"amp", "&"}, Entity{"apos", "'"}, Entity{"gt", ">"},
                                  Entity{"lt", "<"},  Entity{"nbsp", " "}, Entity{"quot", "\""}};

/// The character that a reference "&#65;" or "&#x41;" names, without the "&#" and ";".
std::string numbered_character(std::string_view digits) {
  const bool is_hex = digits.starts_with('x') || digits.starts_with('X');
  if (is_hex) digits.remove_prefix(1);
  uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
  const bool fits = error == std::errc() && end == digits.data() + digits.size() && value > 0 &&
                    value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
  if (!fits) return "\xef\xbf\xbd";
  char bytes[U8_MAX_LENGTH];
  int32_t size = 0;
  U8_APPEND_UNSAFE(bytes, size, static_cast<UChar32>(value));
  return {bytes, static_cast<size_t>(size)};
}

/// What the reference at the start of `html`, an "&", stands for, and its length.
struct Replaced {
  std::string text;
  size_t size;
};
Replaced entity_at(std::string_view html) {
  constexpr size_t kEntityBytesMax = 12;
  const size_t end = html.substr(0, kEntityBytesMax).find(';');
  if (end == std::string_view::npos) return {"&", 1};
  const std::string_view name = html.substr(1, end - 1);
  if (name.starts_with('#')) return {numbered_character(name.substr(1)), end + 1};
  for (const Entity& entity : kEntities)
    if (entity.name == name) return {std::string(entity.text), end + 1};
  return {"&", 1};
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

/// Where "</name" begins at or behind `from`, in any case; the end if nowhere.
size_t find_closing(std::string_view html, size_t from, std::string_view name) {
  for (size_t at = html.find("</", from); at != std::string_view::npos;
       at = html.find("</", at + 2))
    if (starts_with_ignoring_case(html.substr(at + 2), name)) return at;
  return html.size();
}

/// Offset behind the tag or comment that starts at `at`; scripts and styles go with their content.
size_t behind_tag(std::string_view html, size_t at) {
  const std::string_view rest = html.substr(at);
  if (rest.starts_with("<!--")) {
    const size_t end = html.find("-->", at + 4);
    return end == std::string_view::npos ? html.size() : end + 3;
  }
  for (const std::string_view name : {"script", "style"}) {
    if (starts_with_ignoring_case(rest.substr(1), name)) {
      at = find_closing(html, at, name);
      break;
    }
  }
  const size_t end = html.find('>', at);
  return end == std::string_view::npos ? html.size() : end + 1;
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

std::vector<std::string> texts_of_part(std::string_view message, const MimePart& part) {
  if (part.kind == MimePart::Kind::kMultipart) return texts_around(message, part);
  if (part.kind == MimePart::Kind::kMessage)
    return {std::string(part.children.front().header_in(message))};
  if (part.type == "text") return {decoded_text(message, part)};
  return {decode_transfer(part.body_in(message), part.encoding)};
}

std::string text_of_html(std::string_view html) {
  std::string out;
  out.reserve(html.size());
  for (size_t at = 0; at < html.size();) {
    const size_t next = std::min(html.find_first_of("<&", at), html.size());
    out += html.substr(at, next - at);
    if (next == html.size()) break;
    if (html[next] == '<') {
      at = behind_tag(html, next);
    } else {
      const Replaced replaced = entity_at(html.substr(next));
      out += replaced.text;
      at = next + replaced.size;
    }
  }
  return out;
}

}  // namespace gemel::sieve
