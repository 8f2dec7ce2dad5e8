// What a TLS handshake has shown, as far as logins need it.
//
// Owns     copies; nothing of the connection.
// Threads  written by whoever runs the handshake, before the session is made or is told of it by
//          tls_started(); only read afterwards.
// Source   RFC 9266 (tls-exporter), RFC 5929 §4 (tls-server-end-point).
#pragma once

#include <string>
#include <vector>

namespace gemel::wire {

struct TlsFacts {
  /// Channel bindings; empty where this connection has none of that type.
  std::string exporter = {};
  std::string server_end_point = {};
  /// Userids that the client's certificate stands for; empty without a certificate that is trusted
  /// and has a name.
  std::vector<std::string> client_userids = {};
};

}  // namespace gemel::wire
