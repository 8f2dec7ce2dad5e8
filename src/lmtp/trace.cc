#include "lmtp/trace.h"

#include <fmt/format.h>

#include "mail/header_date.h"

namespace gemel::lmtp {

std::string protocol_of(const Transport& transport) {
  return fmt::format("{}LMTP{}{}", transport.is_utf8 ? "UTF8" : "", transport.is_tls ? "S" : "",
                     transport.is_authenticated ? "A" : "");
}

std::string trace_fields(const Trace& trace) {
  // RFC 5321 §4.4: the client's own word first, then what we know of it as a comment. IPv6 literals
  // have their tag (§4.1.3).
  const bool is_ipv6 = trace.peer_address.find(':') != std::string::npos;
  const std::string peer = trace.peer_address == "unix"
                               ? "local socket"
                               : fmt::format("[{}{}]", is_ipv6 ? "IPv6:" : "", trace.peer_address);
  const std::string for_clause =
      trace.for_recipient.empty() ? "" : fmt::format("\r\n\tfor <{}>", trace.for_recipient);
  return fmt::format(
      "Return-Path: <{}>\r\nReceived: from {} ({})\r\n\tby {} with {} id {}{};\r\n\t{}\r\n",
      trace.return_path, trace.client_name, peer, trace.hostname, trace.protocol, trace.id,
      for_clause, header_date_text(trace.unix_s));
}

}  // namespace gemel::lmtp
