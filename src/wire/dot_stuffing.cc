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
  if (bytes.empty()) return;
  if (last_ == '\n' && bytes.front() == '.') out += '.';
  // Most line ends need nothing, so that what is between those that do goes over in one piece.
  size_t copied = 0;
  for (size_t end = bytes.find('\n'); end != bytes.npos; end = bytes.find('\n', end + 1)) {
    const bool is_bare = (end > 0 ? bytes[end - 1] : last_) != '\r';
    const bool is_before_dot = end + 1 < bytes.size() && bytes[end + 1] == '.';
    if (!is_bare && !is_before_dot) continue;
    out += bytes.substr(copied, end - copied);
    out += is_bare ? "\r\n" : "\n";
    if (is_before_dot) out += '.';
    copied = end + 1;
  }
  out += bytes.substr(copied);
  last_ = bytes.back();
}

void DotStuffer::finish(std::string& out) {
  if (last_ != '\n') out += "\r\n";
  out += ".\r\n";
}

}  // namespace gemel::wire
