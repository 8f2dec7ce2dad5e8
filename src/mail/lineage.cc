#include "mail/lineage.h"

#include <algorithm>

namespace gemel {
namespace {

/// Where the term at `index` ends.
ModSeq end_of(const Lineage& lineage, size_t index, ModSeq highest) {
  return index + 1 < lineage.size() ? lineage[index + 1].from : highest;
}

}  // namespace

Lineage extended(Lineage lineage, const Term& term, ModSeq from) {
  if (!lineage.empty() && lineage.back().term >= term) return lineage;
  if (lineage.size() >= kLineageTermsMax)
    lineage.erase(lineage.begin(),
                  lineage.end() - static_cast<std::ptrdiff_t>(kLineageTermsMax - 1));
  if (!lineage.empty()) from = std::max(from, lineage.back().from);
  lineage.push_back({term, from});
  return lineage;
}

ModSeq common_modseq(const Lineage& lineage_a, ModSeq highest_a, const Lineage& lineage_b,
                     ModSeq highest_b) {
  for (size_t a = lineage_a.size(); a-- > 0;) {
    const auto same = std::ranges::find(lineage_b, lineage_a[a].term, &TermStart::term);
    if (same == lineage_b.end()) continue;
    const auto b = static_cast<size_t>(same - lineage_b.begin());
    return std::min(end_of(lineage_a, a, highest_a), end_of(lineage_b, b, highest_b));
  }
  return ModSeq();
}

Term term_at(const Lineage& lineage, ModSeq at) {
  for (size_t i = lineage.size(); i-- > 0;)
    if (lineage[i].from < at) return lineage[i].term;
  return Term();
}

std::map<Term, ModSeq> terms_behind(const Lineage& lineage, ModSeq highest, ModSeq common) {
  std::map<Term, ModSeq> out;
  for (size_t i = 0; i < lineage.size(); ++i)
    if (const ModSeq end = end_of(lineage, i, highest); end > common)
      out.emplace(lineage[i].term, end);
  return out;
}

bool is_sound(const Lineage& lineage, ModSeq highest) {
  if (lineage.size() > kLineageTermsMax) return false;
  for (size_t i = 0; i < lineage.size(); ++i) {
    if (!lineage[i].term || lineage[i].from > highest) return false;
    if (i > 0 && (lineage[i].term <= lineage[i - 1].term || lineage[i].from < lineage[i - 1].from))
      return false;
  }
  return true;
}

}  // namespace gemel
