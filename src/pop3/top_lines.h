// Where the top of a message ends: its header, the empty line, and so many lines of its body.
//
// Owns     a few numbers. Threads  one at a time.
// Source   RFC 1939 §7, TOP. Lines end in CRLF or LF.
#pragma once

#include <cstdint>
#include <string_view>

namespace gemel::pop3 {

class TopLines {
 public:
  static constexpr uint64_t kAll = UINT64_MAX;
  /// kAll: the whole message.
  explicit TopLines(uint64_t body_lines) : left_(body_lines) {}

  /// How much of the next piece belongs to the top. Cost: linear.
  std::string_view take(std::string_view piece);
  bool is_done() const { return !in_header_ && left_ == 0; }

 private:
  void end_line();

  uint64_t left_;  // lines of the body to come
  bool in_header_ = true;
  bool is_empty_ = true;  // the line so far, but for a CR
};

}  // namespace gemel::pop3
