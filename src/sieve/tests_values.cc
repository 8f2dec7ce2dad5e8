// Tests of strings, flags and what scanners said.
#include <cmath>

#include "base/bytes.h"
#include "sieve/commands.h"
#include "sieve/fields.h"
#include "sieve/flag_words.h"
#include "sieve/matching.h"
#include "sieve/score.h"

namespace gemel::sieve {

// RFC 5229 §5.
Result<bool> test_string(Machine& machine, const Node& node) {
  TRY(const std::vector<std::string> sources, machine.texts(node.at(0)));
  TRY(Matching matching, Matching::start(machine, node));
  for (const std::string& source : sources) {
    if (matching.counts() && source.empty()) continue;  // its count is 0
    TRY(const bool fits, matching.see(source));
    if (fits) return true;
  }
  return matching.finish();
}

// RFC 5232 §4.
Result<bool> test_hasflag(Machine& machine, const Node& node) {
  std::vector<std::string> lists = {machine.flags()};
  if (node.positional[0]) {
    TRY(lists, machine.texts(node.at(0)));
  }
  TRY(std::vector<std::string> keys, machine.texts(node.at(1)));
  const bool counts = node.match.type == MatchType::kCount;
  // §2: a string is a list of flags, in the keys too; but a number to compare with is none.
  if (!counts && node.match.type != MatchType::kRegex) keys = split_words(keys);
  TRY(Matching matching, Matching::start(machine, node, std::move(keys)));
  for (const std::string& list : lists) {
    for (const std::string& flag : flag_words({list})) {
      TRY(const bool fits, matching.see(flag));
      if (fits) return true;
    }
  }
  return matching.finish();
}

namespace {

/// RFC 5235 §3.1: one value, which counts as 1 if there was a test.
Result<bool> match_score(Machine& machine, const Node& node, const ScoreSource& source,
                         ScoreScale scale) {
  std::optional<double> share = source.given;
  if (!share && !source.field.empty()) {
    TRY(const std::optional<std::string> field, first_field(machine, source.field));
    if (field) share = share_in(source, *field);
  }
  TRY(Matching matching, Matching::start(machine, node));
  if (matching.counts() && !share) return matching.finish();
  TRY(const bool fits, matching.see(share ? score_text(*share, scale) : "0"));
  if (fits) return true;
  return matching.finish();
}

}  // namespace

Result<bool> test_spamtest(Machine& machine, const Node& node) {
  return match_score(machine, node, machine.delivery().spamtest,
                     node.has(Tag::kPercent) ? ScoreScale::kPercent : ScoreScale::kSpam);
}

Result<bool> test_virustest(Machine& machine, const Node& node) {
  return match_score(machine, node, machine.delivery().virustest, ScoreScale::kVirus);
}

}  // namespace gemel::sieve
