#include "delivery/reason_lines.h"

#include <algorithm>

#include "mail/charset.h"

namespace gemel::delivery {

std::vector<std::string_view> reason_lines(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  std::vector<std::string_view> out;
  do {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    while (line.size() > kReasonLineBytesMax) {
      std::string_view start = whole_characters(line, kReasonLineBytesMax);
      if (start.empty()) start = line.substr(0, kReasonLineBytesMax);  // it is no UTF-8
      out.push_back(start);
      line.remove_prefix(start.size());
    }
    out.push_back(line);
  } while (!text.empty());
  return out;
}

}  // namespace gemel::delivery
