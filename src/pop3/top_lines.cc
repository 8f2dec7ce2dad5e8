#include "pop3/top_lines.h"

namespace gemel::pop3 {

std::string_view TopLines::take(std::string_view piece) {
  if (left_ == kAll) return piece;
  size_t at = 0;
  while (at < piece.size() && !is_done()) {
    const size_t end = piece.find('\n', at);
    const std::string_view text = piece.substr(at, end - at);
    if (!text.empty() && text != "\r") is_empty_ = false;
    if (end == std::string_view::npos) return piece;
    end_line();
    at = end + 1;
  }
  return piece.substr(0, at);
}

void TopLines::end_line() {
  if (in_header_)
    in_header_ = !is_empty_;
  else
    --left_;
  is_empty_ = true;
}

}  // namespace gemel::pop3
