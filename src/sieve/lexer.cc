#include "sieve/lexer.h"

#include <fmt/format.h>

#include <limits>

#include "base/bytes.h"
#include "mail/rfc822_lexer.h"

namespace gemel::sieve {
namespace {

bool is_identifier_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// A byte as a person can read it.
std::string shown(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > ' ' && byte < 0x7f ? fmt::format("\"{}\"", c) : fmt::format("byte 0x{:02x}", byte);
}

/// How many bits K, M and G shift (RFC 5228 §2.4.1); 0 for anything else.
int shift_of(char quantifier) {
  switch (quantifier) {
    case 'K':
    case 'k':
      return 10;
    case 'M':
    case 'm':
      return 20;
    case 'G':
    case 'g':
      return 30;
    default:
      return 0;
  }
}

}  // namespace

void Lexer::take(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (rest_[i] == '\n') {
      ++position_.line;
      position_.column = 1;
    } else {
      ++position_.column;
    }
  }
  rest_.remove_prefix(count);
}

std::unexpected<Remark> Lexer::wrong(std::string text) const {
  return std::unexpected(Remark{.position = position_, .text = std::move(text)});
}

std::expected<Token, Remark> Lexer::next() {
  TRY_OK(skip_white_space());
  Token token;
  token.position = position_;
  if (rest_.empty()) return token;
  const char c = rest_.front();
  if (std::string_view("{}[](),;").find(c) != std::string_view::npos) {
    token.kind = Token::Kind::kSeparator;
    token.text = c;
    take(1);
    return token;
  }
  if (c == '"') return read_quoted(std::move(token));
  if (is_digit(c)) return read_number(std::move(token));
  if (c == ':') take(1);
  if (rest_.empty() || !is_identifier_start(rest_.front())) {
    if (c == ':') return wrong("a name must follow the colon");
    return wrong(shown(c) + " is no token");
  }
  token.text = to_lower(take_identifier());
  token.kind = c == ':' ? Token::Kind::kTag : Token::Kind::kIdentifier;
  if (token.kind == Token::Kind::kIdentifier && token.text == "text" && at(":")) {
    take(1);
    return read_multi_line(std::move(token));
  }
  return token;
}

std::string_view Lexer::take_identifier() {
  size_t size = 0;
  while (size < rest_.size() && (is_identifier_start(rest_[size]) || is_digit(rest_[size]))) ++size;
  const std::string_view out = rest_.substr(0, size);
  take(size);
  return out;
}

std::expected<void, Remark> Lexer::skip_white_space() {
  while (!rest_.empty()) {
    const char c = rest_.front();
    if (c == ' ' || c == '\t' || c == '\n' || at("\r\n")) {
      take(1);
    } else if (c == '#') {
      skip_hash_comment();
    } else if (at("/*")) {
      TRY_OK(skip_bracket_comment());
    } else {
      break;
    }
  }
  return {};
}

void Lexer::skip_hash_comment() {
  const size_t newline = rest_.find('\n');
  take(newline == std::string_view::npos ? rest_.size() : newline + 1);
}

std::expected<void, Remark> Lexer::skip_bracket_comment() {
  const size_t end = rest_.find("*/", 2);
  if (end == std::string_view::npos) return wrong("the comment is not closed");
  take(end + 2);
  return {};
}

std::expected<Token, Remark> Lexer::read_number(Token token) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  token.kind = Token::Kind::kNumber;
  while (!rest_.empty() && is_digit(rest_.front())) {
    const auto digit = static_cast<uint64_t>(rest_.front() - '0');
    if (token.number > (kMax - digit) / 10) return wrong("the number is too large");
    token.number = token.number * 10 + digit;
    take(1);
  }
  const int shift = rest_.empty() ? 0 : shift_of(rest_.front());
  if (token.number > kMax >> shift) return wrong("the number is too large");
  token.number <<= shift;
  if (shift > 0) take(1);
  if (!rest_.empty() && (is_identifier_start(rest_.front()) || is_digit(rest_.front())))
    return wrong(shown(rest_.front()) + " may not follow a number");
  return token;
}

std::expected<Token, Remark> Lexer::read_quoted(Token token) {
  token.kind = Token::Kind::kString;
  take(1);
  while (!at("\"")) {
    if (rest_.empty())
      return std::unexpected(Remark{token.position, "the string that starts here is not closed"});
    const char c = rest_.front();
    if (c == '\0') return wrong("a string can't hold a NUL");
    if (c == '\r' && !at("\r\n")) return wrong("a CR without LF");
    // RFC 5228 §2.4.2: "\a" is just "a".
    const bool escaped = c == '\\' && rest_.size() > 1 && rest_[1] != '\r' && rest_[1] != '\n';
    if (escaped) take(1);
    if (rest_.front() == '\0') return wrong("a string can't hold a NUL");
    if (rest_.front() == '\n')
      token.text += "\r\n";
    else if (rest_.front() != '\r' || escaped)
      token.text += rest_.front();
    take(1);
  }
  take(1);
  return token;
}

std::expected<void, Remark> Lexer::skip_to_line_end() {
  while (at(" ") || at("\t")) take(1);
  if (at("#")) {
    skip_hash_comment();
    return {};
  }
  if (at("\r\n")) take(1);
  if (!at("\n")) return wrong("the text must begin on the line behind \"text:\"");
  take(1);
  return {};
}

std::expected<Token, Remark> Lexer::read_multi_line(Token token) {
  token.kind = Token::Kind::kString;
  token.text.clear();
  TRY_OK(skip_to_line_end());
  for (;;) {
    const size_t newline = rest_.find('\n');
    std::string_view line = rest_.substr(0, newline);
    const bool ends_text = line == "." || line == ".\r";
    // The last line of a script may lack its end, and no more: the dot is there to be seen.
    if (newline == std::string_view::npos && !ends_text)
      return std::unexpected(
          Remark{token.position, "the text that starts here has no final \".\""});
    if (line.find('\0') != std::string_view::npos) return wrong("a text can't hold a NUL");
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find('\r') != std::string_view::npos) return wrong("a CR without LF");
    take(newline == std::string_view::npos ? rest_.size() : newline + 1);
    if (ends_text) return token;
    // RFC 5228 §2.4.2: only a doubled dot was stuffed.
    if (line.starts_with("..")) line.remove_prefix(1);
    token.text += line;
    token.text += "\r\n";
  }
}

}  // namespace gemel::sieve
