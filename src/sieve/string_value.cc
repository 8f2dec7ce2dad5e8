#include "sieve/string_value.h"

#include <fmt/format.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"

namespace gemel::sieve {
namespace {

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// An encoded sequence: its hexadecimal numbers, and how long it is.
struct Sequence {
  std::vector<std::string_view> numbers;
  size_t size = 0;
};

/// Of `text`, which begins with `prefix` in any case; nothing if the rest does not fit.
std::optional<Sequence> read_sequence(std::string_view text, std::string_view prefix) {
  if (!equals_ignoring_case(text.substr(0, prefix.size()), prefix)) return std::nullopt;
  Sequence out;
  size_t at = prefix.size();
  for (;;) {
    while (at < text.size() && is_blank(text[at])) ++at;
    const size_t start = at;
    while (at < text.size() && is_hex(text[at])) ++at;
    if (at == start) break;
    out.numbers.push_back(text.substr(start, at - start));
  }
  if (out.numbers.empty() || at >= text.size() || text[at] != '}') return std::nullopt;
  out.size = at + 1;
  return out;
}

/// hex-pair = 1*2HEXDIG.
std::optional<std::string> octets_of(const Sequence& sequence) {
  std::string out;
  for (const std::string_view number : sequence.numbers) {
    if (number.size() > 2) return std::nullopt;
    unsigned value = 0;
    std::from_chars(number.data(), number.data() + number.size(), value, 16);
    out += static_cast<char>(value);
  }
  return out;
}

std::expected<std::string, std::string> characters_of(const Sequence& sequence) {
  std::string out;
  for (std::string_view number : sequence.numbers) {
    number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
    uint32_t value = 0;
    std::from_chars(number.data(), number.data() + number.size(), value, 16);
    const bool is_character =
        number.size() <= 6 && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
    if (!is_character)
      return std::unexpected(fmt::format("there is no Unicode character {}", number));
    char bytes[U8_MAX_LENGTH];
    int32_t size = 0;
    U8_APPEND_UNSAFE(bytes, size, static_cast<UChar32>(value));
    out.append(bytes, static_cast<size_t>(size));
  }
  return out;
}

}  // namespace

std::expected<std::string, std::string> decode_encoded_characters(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t next = text.find("${", at);
    out += text.substr(at, next - at);
    if (next == std::string_view::npos) break;
    const std::string_view rest = text.substr(next);
    size_t size = 1;
    std::string decoded = "$";
    if (const auto hex = read_sequence(rest, "${hex:")) {
      if (const auto octets = octets_of(*hex)) {
        decoded = *octets;
        size = hex->size;
      }
    } else if (const auto unicode = read_sequence(rest, "${unicode:")) {
      const auto characters = characters_of(*unicode);
      if (!characters) return std::unexpected(characters.error());
      decoded = *characters;
      size = unicode->size;
    }
    out += decoded;
    at = next + size;
  }
  return out;
}

bool is_identifier(std::string_view text) {
  return !text.empty() && !is_digit(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_alpha(c) || is_digit(c) || c == '_'; });
}

bool is_number_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

std::optional<std::vector<std::string>> parse_variable_name(std::string_view name) {
  std::vector<std::string> out;
  for (;;) {
    const size_t dot = name.find('.');
    const std::string_view part = name.substr(0, dot);
    // A namespace begins with an identifier; what follows may be numbers too.
    const bool fits = is_identifier(part) ||
                      (is_number_name(part) && (!out.empty() || dot == std::string_view::npos));
    if (!fits) return std::nullopt;
    out.push_back(to_lower(part));
    if (dot == std::string_view::npos) return out;
    name.remove_prefix(dot + 1);
  }
}

std::optional<Reference> find_reference(std::string_view text, size_t from) {
  for (;;) {
    const size_t start = text.find("${", from);
    if (start == std::string_view::npos) return std::nullopt;
    size_t end = start + 2;
    while (end < text.size() &&
           (is_alpha(text[end]) || is_digit(text[end]) || text[end] == '_' || text[end] == '.'))
      ++end;
    if (end < text.size() && text[end] == '}') {
      if (auto names = parse_variable_name(text.substr(start + 2, end - start - 2)))
        return Reference{.start = start, .size = end + 1 - start, .names = std::move(*names)};
    }
    from = start + 2;
  }
}

}  // namespace gemel::sieve
