#include "sync/taken_in.h"

#include <algorithm>

#include "mail/lineage.h"
#include "sync/grammar.h"
#include "sync/words.h"

namespace gemel::sync {

TakenIn TakenIn::parse(std::string_view text) {
  TakenIn out;
  wire::Tokenizer in(text);
  const Result<Lineage> terms = read_lineage(in);
  if (!terms) return out;
  for (const TermStart& one : *terms) out.add(one.term, one.from);
  return out;
}

std::string TakenIn::text() const {
  std::string out;
  Lineage terms;
  for (const auto& [term, up_to] : up_to_) terms.push_back({term, up_to});
  if (!terms.empty()) put_lineage(out, terms);
  return out;
}

void TakenIn::add(const Term& term, ModSeq up_to) {
  ModSeq& known = up_to_[term];
  known = std::max(known, up_to);
  if (up_to_.size() > kLineageTermsMax) up_to_.erase(up_to_.begin());
}

void TakenIn::add(const Lineage& lineage, ModSeq highest, ModSeq common) {
  for (const auto& [term, end] : terms_behind(lineage, highest, common)) add(term, end);
}

void TakenIn::add(const TakenIn& other) {
  for (const auto& [term, up_to] : other.up_to_) add(term, up_to);
}

bool TakenIn::has(const Lineage& lineage, ModSeq highest) const {
  const auto found = up_to_.find(term_at(lineage, highest));
  return found != up_to_.end() && highest <= found->second;
}

}  // namespace gemel::sync
