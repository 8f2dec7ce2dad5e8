// One test's comparison: values come one after the other, until one fits.
//
// Threads  one.
// Source   RFC 5228 §2.7.1, RFC 5231 §4 (count), RFC 5229 §3.2 (match variables are set by the
// match
//          that succeeded).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sieve/machine.h"

namespace gemel::sieve {

class Matching {
 public:
  /// Does a match set ${1} and so on? RFC 5173 §6: not for body.
  enum class Effect : uint8_t { kSetsVariables, kNone };

  /// Compares as `node` says, with the keys of its last argument.
  static Result<Matching> start(Machine& machine, const Node& node,
                                Effect effect = Effect::kSetsVariables);
  /// The same with these keys.
  static Result<Matching> start(Machine& machine, const Node& node, std::vector<std::string> keys,
                                Effect effect = Effect::kSetsVariables);

  /// True if the value fits, and the test is over. With :count, only counts it.
  Result<bool> see(std::string_view value);
  /// What the test says if no value did fit: with :count, whether their number does.
  Result<bool> finish();
  bool counts() const { return spec_.type == MatchType::kCount; }

 private:
  Matching(Machine& machine, const MatchSpec& spec, Keys keys, Effect effect)
      : machine_(&machine), spec_(spec), keys_(std::move(keys)), effect_(effect) {}

  Machine* machine_;
  MatchSpec spec_;
  Keys keys_;
  Effect effect_;
  uint64_t count_ = 0;
};

/// Longer values are compared by their beginning.
inline constexpr size_t kValueBytesMax = 64 << 20;

}  // namespace gemel::sieve
