// The tokens of a Sieve script.
//
// Threads  one. Works on a view; the text must outlive the lexer.
// Source   RFC 5228 §8.1. Lines end with CRLF or, tolerated, with LF; in a string both are CRLF,
// for
//          that is what the string stands for. A CR alone and a NUL are errors.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "sieve/script.h"

namespace gemel::sieve {

struct Token {
  enum class Kind : uint8_t {
    kIdentifier,  // text is in lower case
    kTag,         // text is in lower case, without the colon
    kNumber,
    kString,
    kSeparator,  // text is one of { } [ ] ( ) , ;
    kEnd,
  } kind = Kind::kEnd;
  Position position;
  std::string text;
  uint64_t number = 0;

  bool is(char separator) const { return kind == Kind::kSeparator && text.front() == separator; }
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : rest_(text) {}
  /// The next token; kEnd for good at the end. Cost: O(bytes) for all.
  std::expected<Token, Remark> next();

 private:
  std::expected<void, Remark> skip_white_space();
  std::expected<void, Remark> skip_bracket_comment();
  void skip_hash_comment();
  std::expected<Token, Remark> read_number(Token token);
  std::expected<Token, Remark> read_quoted(Token token);
  std::expected<Token, Remark> read_multi_line(Token token);
  std::expected<void, Remark> skip_to_line_end();
  std::string_view take_identifier();
  std::unexpected<Remark> wrong(std::string text) const;
  /// Takes `count` bytes and counts lines and columns.
  void take(size_t count);
  bool at(std::string_view prefix) const { return rest_.starts_with(prefix); }

  std::string_view rest_;
  Position position_;
};

}  // namespace gemel::sieve
