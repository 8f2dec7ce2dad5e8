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

Result<Progress> MessageWork::step(std::string& out) {
  if (at_ < body_.size() && !top_.is_done()) {
    const std::string_view piece = body_.from(at_).substr(0, piece_bytes_);
    TRY_OK(body_.failure());
    at_ += piece.size();
    stuffer_.put(top_.take(piece), out);
    return Progress::kMore;
  }
  stuffer_.finish(out);
  return Progress::kDone;
}

}  // namespace gemel::pop3
