#include "expire/marks.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"

namespace gemel::expire {

std::string text_of(const std::vector<Mark>& marks) {
  std::string out;
  for (const Mark& mark : marks)
    out += fmt::format("{}{}:{}", out.empty() ? "" : " ", mark.unix_s, mark.modseq.value);
  return out;
}

std::vector<Mark> parse_marks(std::string_view text) {
  std::vector<Mark> out;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const size_t colon = word.find(':');
    if (colon == std::string_view::npos) return {};
    const auto unix_s = parse_number(word.substr(0, colon));
    const auto modseq = parse_number(word.substr(colon + 1));
    if (!unix_s || !modseq) return {};
    out.push_back({static_cast<int64_t>(*unix_s), ModSeq(*modseq)});
  }
  return out;
}

void add_mark(std::vector<Mark>& marks, const Mark& now, int64_t retention_s) {
  if (!marks.empty()) {
    const bool is_recent = now.unix_s - marks.back().unix_s < retention_s / kMarksPerRetention;
    if (is_recent || marks.back().modseq == now.modseq) return;
  }
  marks.push_back(now);
  // The oldest one still says what is oldest.
  if (marks.size() > kMarksMax) marks.erase(marks.begin() + 1);
}

ModSeq modseq_before(const std::vector<Mark>& marks, int64_t now_s, int64_t age_s) {
  ModSeq out;
  for (const Mark& mark : marks)
    if (now_s - mark.unix_s >= age_s) out = std::max(out, mark.modseq);
  return out;
}

void drop_marks(std::vector<Mark>& marks, ModSeq up_to) {
  std::erase_if(marks, [&](const Mark& mark) { return mark.modseq <= up_to; });
}

}  // namespace gemel::expire
