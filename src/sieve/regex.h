// Regular expressions, in time that grows with the text and not with what can be tried.
//
// Threads  any.
// Source   draft-ietf-sieve-regex §3: POSIX extended regular expressions, leftmost and longest. The
//          engine is RE2, see doc/decisions/0030-re2-for-regex.md.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sieve/match_spec.h"

namespace gemel::sieve {

class Regex {
 public:
  /// Errors: kSyntax, it is no such expression; kTooBig, its text or what it compiles to.
  static Result<Regex> compile(std::string_view pattern, Comparator comparator);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  /// The match and its groups, as ${0}, ${1}...; nothing if there is none. A group that took no
  /// part is empty. Cost: cost_of(text) steps.
  std::optional<std::vector<std::string>> search(std::string_view text) const;
  /// A bound for what search() does, in steps of RunLimits.
  uint64_t cost_of(std::string_view text) const;

 private:
  struct State;
  explicit Regex(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace gemel::sieve
