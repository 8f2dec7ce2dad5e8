#include "sieve/modifiers.h"

#include <fmt/format.h>
#include <unicode/utf8.h>

#include "base/bytes.h"

namespace gemel::sieve {
namespace {

std::string quoted(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

/// RFC 3986 §2.3: all but the unreserved characters.
std::string url_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string with_first(std::string value, std::string first) {
  return first + value.substr(first.size());
}

}  // namespace

std::string modified(const Node& node, std::string value) {
  if (node.has(Tag::kLower)) value = to_lower(value);
  if (node.has(Tag::kUpper)) value = to_upper(value);
  if (node.has(Tag::kLowerfirst)) value = with_first(value, to_lower(value.substr(0, 1)));
  if (node.has(Tag::kUpperfirst)) value = with_first(value, to_upper(value.substr(0, 1)));
  if (node.has(Tag::kQuotewildcard)) value = quoted(value, "*?\\");
  if (node.has(Tag::kQuoteregex)) value = quoted(value, ".^$*+?()[]{}|\\");
  if (node.has(Tag::kEncodeurl)) value = url_encoded(value);
  if (node.has(Tag::kLength)) value = std::to_string(character_count(value));
  return value;
}

size_t character_bytes(std::string_view text, size_t count) {
  size_t at = 0;
  for (size_t i = 0; i < count && at < text.size(); ++i) {
    const std::string_view rest = text.substr(at, U8_MAX_LENGTH);
    int32_t size = 0;
    U8_FWD_1(rest.data(), size, static_cast<int32_t>(rest.size()));
    at += static_cast<size_t>(size);
  }
  return at;
}

size_t character_count(std::string_view text) {
  size_t out = 0;
  for (; !text.empty(); ++out) text.remove_prefix(character_bytes(text, 1));
  return out;
}

}  // namespace gemel::sieve
