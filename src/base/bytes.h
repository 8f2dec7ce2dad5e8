// Numbers and text as bytes: big-endian keys, varints, hex, base64.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel {

/// Appends `value` as 4 or 8 bytes, most significant first, so that key order is number order.
void put_be32(std::string& out, uint32_t value);
void put_be64(std::string& out, uint64_t value);
/// The number at the start of `bytes`, which must hold 4 or 8 bytes.
uint32_t get_be32(std::string_view bytes);
uint64_t get_be64(std::string_view bytes);

/// LEB128: 7 bits a byte, lowest first.
void put_varint(std::string& out, uint64_t value);
/// A varint length and the bytes.
void put_string(std::string& out, std::string_view value);
inline uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

/// Reads what the put_ functions wrote. After a read past the end, ok() is false for good and every
/// read gives zero or nothing; so check once at the end.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}
  uint64_t varint();
  std::string_view string();
  std::string_view raw(size_t count);
  uint8_t byte();
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::string to_hex(std::string_view bytes);
/// Errors: kSyntax.
Result<std::string> from_hex(std::string_view hex);

/// RFC 4648 §4, padded.
std::string to_base64(std::string_view bytes);
/// RFC 4648 §4, padding required, no white space. Errors: kSyntax.
Result<std::string> from_base64(std::string_view text);

/// 0 to 9, whatever the locale.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// ASCII only; other bytes stay as they are.
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);
/// An order in which those are equal that equals_ignoring_case() says are.
struct LessIgnoringCase {
  bool operator()(std::string_view a, std::string_view b) const {
    return to_lower(a) < to_lower(b);
  }
};

/// All of `text` as a decimal number. Errors: kSyntax (empty, a sign, another character, overflow).
Result<uint64_t> parse_number(std::string_view text);

}  // namespace gemel
