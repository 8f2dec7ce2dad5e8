// A delivery status notification: what a sender is told of a message that can't be sent on.
//
// Threads  any; a pure function.
// Source   RFC 3464 (message/delivery-status), RFC 6522 (multipart/report), RFC 3463
//          (status codes), RFC 3834 §5 (Auto-Submitted), RFC 5321 §6.1, RFC 6533 §3 (addresses that
//          are not ASCII).
#pragma once

#include <cstdint>
#include <string>

namespace gemel::outgoing {

/// Of the message that is returned no more than this is shown.
inline constexpr size_t kReturnedHeaderBytesMax = 64 << 10;

struct StatusNotice {
  enum class Ending : uint8_t { kRefused, kTimeIsOver };
  std::string hostname;
  std::string sender;     // who is told
  std::string recipient;  // who can't be reached
  Ending ending = Ending::kRefused;
  std::string reason;  // one line of ASCII: the last reply, or why there was none
  std::string header;  // of the message, its empty line included
  std::string id;      // a token: Message-ID and boundary
  int64_t now_s = 0;
};

/// RFC 5322 bytes with CRLF.
std::string status_notice(const StatusNotice& notice);

}  // namespace gemel::outgoing
