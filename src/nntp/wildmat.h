// Patterns for names: what NEWNEWS, LIST and feeds choose groups by, and XPAT header values.
//
// Threads  any; immutable once parsed.
// Source   RFC 3977 §4 (wildmat); RFC 2980 §2.9 (XPAT), whose patterns may hold sets too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gemel::nntp {

/// Patterns in one wildmat; a command line has no room for more that mean something.
inline constexpr size_t kWildmatPatternsMax = 256;

/// One pattern: "*" is any text, "?" one character of UTF-8. With kSets also "[a-z]", "[^a]" and a
/// backslash before a character that stands for itself. Cost: at most O(pattern × text).
enum class PatternKind : uint8_t { kPlain, kSets };
bool matches_pattern(std::string_view pattern, std::string_view text, PatternKind kind);

/// "comp.*,!comp.os.*": of the patterns that match, the last one decides; a "!" says no.
class Wildmat {
 public:
  /// Matches everything.
  static Wildmat all();
  /// Errors: kSyntax, an empty pattern or "[", "\", "]" in it; kLimit.
  static Result<Wildmat> parse(std::string_view text);
  bool matches(std::string_view name) const;

 private:
  struct Pattern {
    std::string text;
    bool negated = false;
  };
  std::vector<Pattern> patterns_;
};

}  // namespace gemel::nntp
