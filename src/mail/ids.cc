#include "mail/ids.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"

namespace gemel {
namespace {

Result<uint64_t> parse_hex64(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return fail(Code::kSyntax, "not a hex number");
  return value;
}

}  // namespace

std::string UniqueId::text() const { return fmt::format("{:016x}-{:x}", origin, number); }

std::string UniqueId::key() const {
  std::string out;
  put_be64(out, origin);
  put_be64(out, number);
  return out;
}

UniqueId UniqueId::from_key(std::string_view key) {
  return {get_be64(key.substr(0, 8)), get_be64(key.substr(8))};
}

Result<UniqueId> UniqueId::parse(std::string_view text) {
  const size_t dash = text.find('-');
  if (dash != 16) return fail(Code::kSyntax, "not a unique id");
  TRY(const uint64_t origin, parse_hex64(text.substr(0, dash)));
  TRY(const uint64_t number, parse_hex64(text.substr(dash + 1)));
  return UniqueId{origin, number};
}

std::string Guid::text() const { return to_hex(view()); }

Guid Guid::from_view(std::string_view raw) {
  Guid guid;
  CHECK(raw.size() == guid.bytes.size());
  std::memcpy(guid.bytes.data(), raw.data(), raw.size());
  return guid;
}

Result<Guid> Guid::parse(std::string_view hex) {
  TRY(const std::string raw, from_hex(hex));
  if (raw.size() != sizeof(Sha256)) return fail(Code::kSyntax, "a guid has 64 hex digits");
  return from_view(raw);
}

Digest& Digest::operator+=(const Digest& other) {
  low += other.low;
  high += other.high + (low < other.low ? 1 : 0);
  return *this;
}

Digest& Digest::operator-=(const Digest& other) {
  const uint64_t borrow = low < other.low ? 1 : 0;
  low -= other.low;
  high -= other.high + borrow;
  return *this;
}

std::string Digest::text() const { return fmt::format("{:016x}{:016x}", high, low); }

Result<Digest> Digest::parse(std::string_view hex) {
  if (hex.size() != 32) return fail(Code::kSyntax, "a digest has 32 hex digits");
  TRY(const uint64_t high, parse_hex64(hex.substr(0, 16)));
  TRY(const uint64_t low, parse_hex64(hex.substr(16)));
  return Digest{low, high};
}

}  // namespace gemel
