// The header fields that final delivery puts before a message: Return-Path and Received.
//
// Source   RFC 5321 §4.4 (trace information), RFC 3848 (LMTP, LMTPA, LMTPS, LMTPSA), RFC 6531 §4.3
//          (UTF8LMTP and so on).
#pragma once

#include <cstdint>
#include <string>

namespace gemel::lmtp {

/// Room that the two fields may take on top of a message's own size limit.
inline constexpr uint64_t kTraceBytesMax = 8192;

struct Trace {
  std::string return_path;   // without "<>"; empty for the null path
  std::string client_name;   // as it named itself in LHLO
  std::string peer_address;  // "192.0.2.1", "unix"
  std::string hostname;      // ours
  std::string protocol = "LMTP";
  std::string id;             // in the log too
  std::string for_recipient;  // empty when there are several: none may learn of the others
  int64_t unix_s = 0;
};

/// The word for how a message came.
struct Transport {
  bool is_tls = false;
  bool is_authenticated = false;
  bool is_utf8 = false;
};
std::string protocol_of(const Transport& transport);

/// Both fields, CRLF at each line's end.
std::string trace_fields(const Trace& trace);

}  // namespace gemel::lmtp
