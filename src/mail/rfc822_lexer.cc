#include "mail/rfc822_lexer.h"

#include <utility>

namespace gemel {

void Rfc822Lexer::skip_cfws() {
  while (!rest_.empty()) {
    if (is_white_space(rest_.front())) {
      rest_.remove_prefix(1);
    } else if (rest_.front() == '(') {
      comment_ = read_comment();
    } else {
      return;
    }
  }
}

std::string Rfc822Lexer::take_comment() { return std::exchange(comment_, {}); }

std::string Rfc822Lexer::read_comment() {
  std::string out;
  size_t depth = 0;
  size_t i = 0;
  for (; i < rest_.size(); ++i) {
    char c = rest_[i];
    if (c == '(' && depth++ == 0) continue;
    if (c == ')' && --depth == 0) break;
    if (c == '\\' && i + 1 < rest_.size()) c = rest_[++i];
    out += c;
  }
  rest_.remove_prefix(i < rest_.size() ? i + 1 : i);
  return out;
}

std::string Rfc822Lexer::quoted_string() {
  std::string out;
  size_t i = 1;
  for (; i < rest_.size() && rest_[i] != '"'; ++i) {
    if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
    out += rest_[i];
  }
  rest_.remove_prefix(i < rest_.size() ? i + 1 : rest_.size());
  return out;
}

std::string_view Rfc822Lexer::until(std::string_view stops) {
  size_t end = 0;
  while (end < rest_.size() && stops.find(rest_[end]) == std::string_view::npos) ++end;
  const std::string_view out = rest_.substr(0, end);
  rest_.remove_prefix(end);
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_white_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace gemel
