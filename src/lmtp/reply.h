// LMTP replies, and the one place where a Code becomes one.
//
// Source   RFC 5321 §4.2 (replies), RFC 2034 and RFC 3463 (enhanced status codes).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "delivery/reason_lines.h"

namespace gemel::lmtp {

/// Of a text that a recipient's script gave, behind the recipient's address.
inline constexpr size_t kReplyLinesMax = delivery::kReasonLinesMax + 1;
inline constexpr size_t kReplyTextBytesMax = delivery::kReasonLineBytesMax;

struct Reply {
  int code = 0;
  std::string_view enhanced;  // "2.1.5"; empty where RFC 2034 §3 wants none
  std::string text;
};

/// With CRLF; a line for each of the text's (RFC 5321 §4.2.1), which end with CRLF or LF, and more
/// for one that is too long (RFC 5429 §2.5). Controls go, for a text may be a stranger's.
std::string lines_of(const Reply& reply);

/// What the sender of a message, or of a recipient, is told of `error`. Permanent (5yz) only where
/// trying again can't help; the text of a 4yz never names what is inside this server.
Reply reply_for(const Error& error);

}  // namespace gemel::lmtp
