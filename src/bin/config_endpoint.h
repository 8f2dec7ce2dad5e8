// Where to listen or connect to, as the configuration says it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel::bin {

/// Where to listen: an address and port (0: any that is free), or a unix socket.
struct Endpoint {
  std::string host = {};
  uint16_t port = 0;
  std::string path = {};  // of a unix socket; then host is empty

  bool is_unix() const { return !path.empty(); }
  bool is_loopback() const;
  /// As parse_endpoint takes it.
  std::string text() const;
};

/// "127.0.0.1:143", "[::1]:143", "unix:/run/gemel/lmtp.sock". Errors: kSyntax.
Result<Endpoint> parse_endpoint(std::string_view text);
/// True for "localhost", 127.0.0.0/8 and ::1.
bool is_loopback_host(std::string_view host);

}  // namespace gemel::bin
