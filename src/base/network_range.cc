#include "base/network_range.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <optional>

#include "base/bytes.h"

namespace gemel {
namespace {

struct Parsed {
  std::array<uint8_t, 16> bytes{};
  int family = 0;
  unsigned bits = 0;  // of an address
};

std::optional<Parsed> parse_address(std::string_view text) {
  Parsed out;
  const std::string terminated(text);
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, terminated.c_str(), out.bytes.data()) != 1) continue;
    out.family = family;
    out.bits = family == AF_INET ? 32 : 128;
    return out;
  }
  return std::nullopt;
}

bool has_bit(const std::array<uint8_t, 16>& bytes, unsigned bit) {
  return (bytes[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

}  // namespace

Result<NetworkRange> NetworkRange::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::optional<Parsed> address = parse_address(text.substr(0, slash));
  if (!address)
    return fail(Code::kSyntax, "\"" + std::string(text) + "\" is no address or network");
  NetworkRange out;
  out.bytes_ = address->bytes;
  out.family_ = address->family;
  out.prefix_bits_ = address->bits;
  if (slash == std::string_view::npos) return out;
  const Result<uint64_t> bits = parse_number(text.substr(slash + 1));
  if (!bits || *bits > address->bits)
    return fail(Code::kSyntax, "\"" + std::string(text) + "\" has no prefix length");
  out.prefix_bits_ = static_cast<unsigned>(*bits);
  for (unsigned bit = out.prefix_bits_; bit < address->bits; ++bit)
    if (has_bit(out.bytes_, bit))
      return fail(Code::kSyntax, "\"" + std::string(text) + "\" has bits behind its prefix");
  return out;
}

bool NetworkRange::contains(std::string_view address) const {
  const std::optional<Parsed> parsed = parse_address(address);
  if (!parsed || parsed->family != family_) return false;
  for (unsigned bit = 0; bit < prefix_bits_; ++bit)
    if (has_bit(parsed->bytes, bit) != has_bit(bytes_, bit)) return false;
  return true;
}

std::string network_of(std::string_view address) {
  constexpr size_t kNetworkBytes = 8;
  // Without the zone of "fe80::1%eth0".
  const std::optional<Parsed> parsed = parse_address(address.substr(0, address.find('%')));
  if (!parsed || parsed->family != AF_INET6) return std::string(address);
  std::string out;
  for (size_t i = 0; i < kNetworkBytes; i += 2)
    out += fmt::format("{:x}:", parsed->bytes[i] << 8 | parsed->bytes[i + 1]);
  return out;
}

}  // namespace gemel
