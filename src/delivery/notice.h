// Messages that the server itself writes to people.
//
// Threads  any; pure functions.
// Source   RFC 5322 (form), RFC 3834 §5 (Auto-Submitted), RFC 5228 §2.10.6 (a user learns of a
//          script's errors).
#pragma once

#include <cstdint>
#include <string>

namespace gemel::delivery {

/// No more of what is wrong is told in one message.
inline constexpr size_t kMistakesBytesMax = 8192;

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
