#include "bin/config_endpoint.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace gemel::bin {
namespace {

// The room of sockaddr_un::sun_path, with its NUL.
constexpr size_t kSocketPathBytesMax = 107;

}  // namespace

bool is_loopback_host(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

bool Endpoint::is_loopback() const { return is_unix() || is_loopback_host(host); }

std::string Endpoint::text() const {
  if (is_unix()) return "unix:" + path;
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  Endpoint out;
  if (text.starts_with("unix:")) {
    out.path = text.substr(5);
    if (!out.path.starts_with('/') || out.path.size() > kSocketPathBytesMax)
      return fail(Code::kSyntax, fmt::format("\"{}\" needs a whole path of at most {} bytes", text,
                                             kSocketPathBytesMax));
    return out;
  }
  const size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  const Result<uint64_t> port = colon == std::string_view::npos
                                    ? fail(Code::kSyntax, "")
                                    : parse_number(text.substr(colon + 1));
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.contains(':'))
    host = {};
  if (!port || *port > 65535 || host.empty())
    return fail(Code::kSyntax,
                fmt::format("\"{}\" is not ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH", text));
  out.host = host;
  out.port = static_cast<uint16_t>(*port);
  return out;
}

}  // namespace gemel::bin
