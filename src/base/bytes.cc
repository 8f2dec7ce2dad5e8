#include "base/bytes.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"

namespace gemel {
namespace {

template <class T>
void put_be(std::string& out, T value) {
  std::array<char, sizeof(T)> bytes;
  for (size_t i = 0; i < sizeof(T); ++i)
    bytes[i] = static_cast<char>(value >> 8 * (sizeof(T) - 1 - i));
  out.append(bytes.data(), bytes.size());  // a byte at a time takes four times as long
}

template <class T>
T get_be(std::string_view bytes) {
  CHECK(bytes.size() >= sizeof(T));
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value << 8) | static_cast<unsigned char>(bytes[i]);
  return value;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (lower(c) >= 'a' && lower(c) <= 'f') return lower(c) - 'a' + 10;
  return -1;
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The digit that each character is, or -1.
constexpr std::array<int8_t, 256> kBase64Values = [] {
  std::array<int8_t, 256> out;
  out.fill(-1);
  for (size_t digit = 0; digit < kBase64.size(); ++digit)
    out[static_cast<unsigned char>(kBase64[digit])] = static_cast<int8_t>(digit);
  return out;
}();

}  // namespace

void put_be32(std::string& out, uint32_t value) { put_be(out, value); }
void put_be64(std::string& out, uint64_t value) { put_be(out, value); }
uint32_t get_be32(std::string_view bytes) { return get_be<uint32_t>(bytes); }
uint64_t get_be64(std::string_view bytes) { return get_be<uint64_t>(bytes); }

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_string(std::string& out, std::string_view value) {
  put_varint(out, value.size());
  out += value;
}

uint64_t Decoder::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return ok_ ? value : 0;
  }
  ok_ = false;
  rest_ = {};
  return 0;
}

std::string_view Decoder::string() { return raw(varint()); }

std::string_view Decoder::raw(size_t count) {
  if (!ok_ || count > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view out = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return out;
}

uint8_t Decoder::byte() {
  const std::string_view one = raw(1);
  return one.empty() ? 0 : static_cast<uint8_t>(one.front());
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

Result<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return fail(Code::kSyntax, "hex of odd length");
  std::string out;
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_digit(hex[i]);
    const int low = hex_digit(hex[i + 1]);
    if (high < 0 || low < 0) return fail(Code::kSyntax, "not a hex digit");
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

std::string to_base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4, '=');
  size_t at = 0;
  for (size_t i = 0; i < bytes.size(); i += 3, at += 4) {
    const size_t left = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (size_t k = 0; k <= left; ++k) out[at + k] = kBase64[group >> (18 - 6 * k) & 63];
  }
  return out;
}

Result<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return fail(Code::kSyntax, "base64 of a length that is not 4n");
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const size_t digits = text.size() - padding;
  std::string out(text.size() / 4 * 3, '\0');
  size_t at = 0;
  for (size_t i = 0; i < text.size(); i += 4, at += 3) {
    uint32_t group = 0;
    int least = 0;
    for (size_t k = 0; k < 4; ++k) {
      const int digit = i + k < digits ? kBase64Values[static_cast<unsigned char>(text[i + k])] : 0;
      least = std::min(least, digit);
      group = group << 6 | (static_cast<uint32_t>(digit) & 63);
    }
    if (least < 0) return fail(Code::kSyntax, "not base64");
    for (size_t k = 0; k < 3; ++k) out[at + k] = static_cast<char>(group >> (16 - 8 * k));
  }
  out.resize(out.size() - padding);
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

std::string to_upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), upper);
  return out;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

Result<uint64_t> parse_number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return fail(Code::kSyntax, "not a number");
  return value;
}

}  // namespace gemel
