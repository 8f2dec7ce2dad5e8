// Messages that the server itself writes to people.
//
// Threads  any; pure functions.
// Source   RFC 5322 (form), RFC 3834 §5 (Auto-Submitted), RFC 5228 §2.10.6 (a user learns of a
//          script's errors).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gemel::delivery {

/// No more of what is wrong is told in one message, and of one mistake: a script may have long
/// words of its own, and a line of a message has at most 998 octets (RFC 5322 §2.1.1).
inline constexpr size_t kMistakesBytesMax = 8192;
inline constexpr size_t kMistakeLineBytesMax = 900;

/// A line as far as it is told: no character is cut in two.
std::string first_of_line(std::string_view line);

struct ScriptNotice {
  std::string hostname;
  std::string to;        // the user's address
  std::string script;    // its name
  std::string mistakes;  // lines, joined by CRLF
  std::string id;        // of the delivery; makes the Message-ID
  int64_t now_s = 0;
};

/// Tells a user that a script does not work, and that nothing is lost. RFC 5322 bytes with CRLF.
std::string script_notice(const ScriptNotice& notice);

}  // namespace gemel::delivery
