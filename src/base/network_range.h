// Networks of addresses, as configurations name them: "192.0.2.0/24", "2001:db8::/32", "127.0.0.1".
//
// Threads  any; values.
// Source   RFC 4632 §3.1, RFC 4291 §2.3 (prefix notation).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel {

class NetworkRange {
 public:
  /// An address without "/" is a range of one. Errors: kSyntax.
  static Result<NetworkRange> parse(std::string_view text);

  /// False for what is no address. An IPv4 address is not in an IPv6 range.
  bool contains(std::string_view address) const;
  bool operator==(const NetworkRange&) const = default;

 private:
  std::array<uint8_t, 16> bytes_{};
  int family_ = 0;
  unsigned prefix_bits_ = 0;
};

/// What one counts as an address: of IPv6 the first 64 bits, "2001:db8:0:0:", for a client has all
/// of the rest. Any other text as it is.
std::string network_of(std::string_view address);

}  // namespace gemel
