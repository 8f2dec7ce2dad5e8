// The header fields that final delivery puts before a message: Return-Path and Received.
//
// Source   RFC 5321 §4.4 (trace information), RFC 3848 (with LMTP), RFC 5322 §3.3 (date-time).
#pragma once

#include <cstdint>
#include <string>

namespace gemel::lmtp {

/// Room that the two fields may take on top of a message's own size limit.
inline constexpr uint64_t kTraceBytesMax = 8192;

struct Trace {
  std::string return_path;    // without "<>"; empty for the null path
  std::string client_name;    // as it named itself in LHLO
  std::string peer_address;   // "192.0.2.1", "unix"
  std::string hostname;       // ours
  std::string id;             // in the log too
  std::string for_recipient;  // empty when there are several: none may learn of the others
  int64_t unix_s = 0;
};

/// Both fields, CRLF at each line's end.
std::string trace_fields(const Trace& trace);

/// "Wed, 25 Nov 2026 17:00:53 +0000".
std::string date_time(int64_t unix_s);

}  // namespace gemel::lmtp
