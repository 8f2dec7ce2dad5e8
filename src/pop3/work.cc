#include "pop3/work.h"

#include <algorithm>

namespace gemel::pop3 {

Result<Progress> ListingWork::step(std::string& out) {
  if (next_ <= count_) {
    const size_t last = std::min(next_ + kBlock - 1, count_);
    TRY(const std::string lines, lines_(next_, last));
    out += lines;
    next_ = last + 1;
    return Progress::kMore;
  }
  out += ".\r\n";
  return Progress::kDone;
}

Result<std::string_view> MessageWork::next_piece() {
  if (at_ >= window_start_ + window_.size()) {
    // The store reads whole chunks, so a piece at a time would read each chunk many times.
    window_start_ = at_;
    TRY(window_, body_.read(at_, kBodyChunkBytes));
    if (window_.empty()) return fail(Code::kCorrupt, "a stored body is shorter than it says");
  }
  const std::string_view piece =
      std::string_view(window_).substr(at_ - window_start_, piece_bytes_);
  at_ += piece.size();
  return piece;
}

Result<Progress> MessageWork::step(std::string& out) {
  if (at_ < body_.size() && !top_.is_done()) {
    TRY(const std::string_view piece, next_piece());
    stuffer_.put(top_.take(piece), out);
    return Progress::kMore;
  }
  stuffer_.finish(out);
  return Progress::kDone;
}

}  // namespace gemel::pop3
