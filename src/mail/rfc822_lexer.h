// Reads the words of a structured header field: atoms, quoted strings, comments, white space.
//
// Threads  one. Works on a view; the text must outlive the lexer.
// Source   RFC 5322 §3.2 (atoms, CFWS, quoted strings) and §4 (obsolete forms), read tolerantly:
//          an unclosed quoted string or comment ends with the text. No call recurses.
#pragma once

#include <string>
#include <string_view>

namespace gemel {

class Rfc822Lexer {
 public:
  explicit Rfc822Lexer(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  /// The next byte; 0 at the end, so test at_end() where NUL matters.
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
  void skip() { rest_.remove_prefix(rest_.empty() ? 0 : 1); }
  std::string_view rest() const { return rest_; }

  /// Skips white space and comments. Cost: O(bytes skipped), whatever the comments' nesting.
  void skip_cfws();
  /// Text of the last comment skipped, without its outer parentheses; empty if there was none since
  /// the last call.
  std::string take_comment();

  /// At a '"': the text without quotes and quoted-pair backslashes (RFC 5322 §3.2.4).
  std::string quoted_string();
  /// The bytes up to the first of `stops`, or to the end; those are skipped.
  std::string_view until(std::string_view stops);

 private:
  std::string read_comment();

  std::string_view rest_;
  std::string comment_;
};

/// Space, tab, CR, LF.
inline bool is_white_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
/// Without white space at both ends.
std::string_view trim(std::string_view text);

}  // namespace gemel
