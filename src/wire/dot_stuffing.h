// Dot-stuffed text: how SMTP, LMTP, POP3 and NNTP send a message and its end on one stream.
//
// Only CR LF . CR LF ends a message. A bare LF or CR ends nothing and stays as it is, for where two
// servers see different ends, a message can hold commands for the second ("SMTP smuggling").
//
// Owns     a state of one byte. Threads  one at a time.
// Source   RFC 5321 §4.5.2 (transparency), §2.3.8 (line ends); RFC 1939 §3 and RFC 3977 §3.1.1 (the
//          same for multi-line responses).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gemel::wire {

/// Takes a message off the stream, in pieces cut anywhere.
class DotUnstuffer {
 public:
  /// Appends the message's own bytes to `out`, and returns how many of `bytes` it took: all of
  /// them, or up to and with the end. The CRLF before the final dot is the message's. Cost: linear.
  size_t take(std::string_view bytes, std::string& out);
  /// The end was seen; take() takes nothing more.
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State : uint8_t { kLineStart, kText, kCr, kDot, kDotCr, kDone };
  void take_byte(char c, std::string& out);

  State state_ = State::kLineStart;
};

/// Puts a message on the stream, in pieces cut anywhere. Every line ends in CRLF there, for a
/// reader that takes a bare LF for one must see the same lines; a CR alone stays as it is.
class DotStuffer {
 public:
  /// Cost: linear. `out` grows by at most twice `bytes`, and one byte.
  void put(std::string_view bytes, std::string& out);
  /// The CRLF that the last line may lack, and the end.
  void finish(std::string& out);

 private:
  char last_ = '\n';  // put last; at first, as if a line had ended
};

}  // namespace gemel::wire
