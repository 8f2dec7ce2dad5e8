// Compares strings as a test says: by match type and comparator.
//
// Threads  any.
// Source   RFC 5228 §2.7, RFC 4790 §9.1 to §9.3, RFC 5051 (comparators), RFC 5231 (value), RFC 5229
//          §3.2 (what wildcards took).
#pragma once

#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sieve/budget.h"
#include "sieve/match_spec.h"

namespace gemel::sieve {

/// `text` in the form in which the comparator sees octets; kAsciiNumeric leaves it alone.
std::string fold(Comparator comparator, std::string_view text);
/// By the comparator's ordering.
std::weak_ordering compare(Comparator comparator, std::string_view a, std::string_view b);
bool holds(Relation relation, std::weak_ordering order);

/// ${0}, ${1}...
using MatchValues = std::vector<std::string>;

/// Does all of `value` fit `pattern`, with "*" and "?", and what do they take? Each "*" takes as
/// little as it can, from the left. At most kMatchValuesMax values. Errors: kLimit, the budget.
/// Cost: O(value × pattern) at worst.
Result<std::optional<MatchValues>> match_wildcards(Comparator comparator, std::string_view pattern,
                                                   std::string_view value, Budget& budget);

/// Keys to compare values with, folded or compiled once.
class Keys {
 public:
  /// Errors: kSyntax, a regular expression; kLimit, the budget, which must outlive the keys.
  static Result<Keys> make(const MatchSpec& spec, std::vector<std::string> keys, Budget& budget);
  Keys(Keys&&) noexcept;
  Keys& operator=(Keys&&) noexcept;
  ~Keys();

  /// Does any key fit? For the match types with wildcards, what they took, else nothing in it.
  Result<std::optional<MatchValues>> match(std::string_view value);

 private:
  struct State;
  explicit Keys(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gemel::sieve
