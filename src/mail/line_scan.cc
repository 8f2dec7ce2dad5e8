#include "mail/line_scan.h"

namespace gemel {

void LineScan::add(std::string_view bytes) {
  if (bytes.empty()) return;
  has_nul_ = has_nul_ || bytes.contains('\0');
  crs_ += static_cast<uint64_t>(std::ranges::count(bytes, '\r'));
  size_t start = 0;
  for (size_t at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', start)) {
    const bool has_cr = (at == 0 ? last_ : bytes[at - 1]) == '\r';
    ++(has_cr ? crlfs_ : bare_lfs_);
    longest_line_ = std::max(longest_line_, line_bytes_ + (at - start) - (has_cr ? 1 : 0));
    line_bytes_ = 0;
    start = at + 1;
  }
  line_bytes_ += bytes.size() - start;
  last_ = bytes.back();
}

}  // namespace gemel
