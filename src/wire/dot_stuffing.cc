#include "wire/dot_stuffing.h"

#include <algorithm>

namespace gemel::wire {

size_t DotUnstuffer::take(std::string_view bytes, std::string& out) {
  size_t at = 0;
  while (at < bytes.size() && !done()) {
    if (state_ != State::kText) {
      take_byte(bytes[at++], out);
      continue;
    }
    // Most bytes are inside lines and go over in one piece.
    const size_t end = std::min(bytes.find('\r', at), bytes.size());
    out += bytes.substr(at, end - at);
    at = end;
    if (at < bytes.size()) take_byte(bytes[at++], out);
  }
  return at;
}

void DotUnstuffer::take_byte(char c, std::string& out) {
  const State before = state_;
  if (before == State::kLineStart && c == '.') {
    state_ = State::kDot;  // the end, or stuffing; either way it is not the message's
    return;
  }
  if (before == State::kDot && c == '\r') {
    state_ = State::kDotCr;
    return;
  }
  if (before == State::kDotCr) {
    if (c == '\n') {
      state_ = State::kDone;
      return;
    }
    out += '\r';
  }
  const bool after_cr = before == State::kCr || before == State::kDotCr;
  out += c;
  state_ = c == '\r' ? State::kCr : after_cr && c == '\n' ? State::kLineStart : State::kText;
}

void DotStuffer::put(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    if (last_ == '\n' && bytes.front() == '.') out += '.';
    const size_t end = bytes.find('\n');
    const std::string_view text = bytes.substr(0, end);
    out += text;
    if (!text.empty()) last_ = text.back();
    if (end == std::string_view::npos) return;
    out += last_ == '\r' ? "\n" : "\r\n";
    last_ = '\n';
    bytes.remove_prefix(end + 1);
  }
}

void DotStuffer::finish(std::string& out) {
  if (last_ != '\n') out += "\r\n";
  out += ".\r\n";
}

}  // namespace gemel::wire
