#include "nntp/wildmat.h"

#include <algorithm>
#include <optional>

namespace gemel::nntp {
namespace {

/// Bytes of the UTF-8 character that `text` starts with; broken ones count byte by byte.
size_t character_size(std::string_view text) {
  size_t size = 1;
  while (size < text.size() && size < 4 && (text[size] & 0xc0) == 0x80) ++size;
  return static_cast<unsigned char>(text.front()) < 0xc0 ? 1 : size;
}

/// What one element of a pattern took of pattern and text.
struct Taken {
  size_t pattern = 0;
  size_t text = 0;
};

/// "[...]" at the start of `pattern`: its size, and whether `c` is in it. Nothing if it never ends.
struct SetMatch {
  size_t size;
  bool holds;
};
std::optional<SetMatch> match_set(std::string_view pattern, char c) {
  size_t at = 1;
  const bool negated = pattern.substr(at).starts_with('^');
  at += negated ? 1 : 0;
  bool holds = false;
  // A "]" that comes first is a member.
  for (bool first = true; at < pattern.size() && (first || pattern[at] != ']'); first = false) {
    const char low = pattern[at];
    const bool is_range =
        at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']';
    const char high = is_range ? pattern[at + 2] : low;
    holds = holds || (static_cast<unsigned char>(low) <= static_cast<unsigned char>(c) &&
                      static_cast<unsigned char>(c) <= static_cast<unsigned char>(high));
    at += is_range ? 3 : 1;
  }
  if (at >= pattern.size()) return std::nullopt;
  return SetMatch{at + 1, holds != negated};
}

/// Matches one element that is no "*" against the start of `text`, which is not empty.
std::optional<Taken> match_one(std::string_view pattern, std::string_view text, PatternKind kind) {
  const char c = pattern.front();
  if (c == '?') return Taken{1, character_size(text)};
  if (kind == PatternKind::kSets && c == '\\' && pattern.size() > 1)
    return pattern[1] == text.front() ? std::optional(Taken{2, 1}) : std::nullopt;
  if (kind == PatternKind::kSets && c == '[') {
    if (const auto set = match_set(pattern, text.front()))
      return set->holds ? std::optional(Taken{set->size, 1}) : std::nullopt;
  }
  return c == text.front() ? std::optional(Taken{1, 1}) : std::nullopt;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text, PatternKind kind) {
  size_t at_pattern = 0;
  size_t at_text = 0;
  // Where the last "*" stood, and how much of the text it has taken: only that one need try again.
  std::optional<Taken> star;
  for (;;) {
    const std::string_view pattern_left = pattern.substr(at_pattern);
    const std::string_view text_left = text.substr(at_text);
    if (pattern_left.starts_with('*')) {
      star = Taken{++at_pattern, at_text};
      continue;
    }
    if (pattern_left.empty() && text_left.empty()) return true;
    if (!pattern_left.empty() && !text_left.empty()) {
      if (const auto taken = match_one(pattern_left, text_left, kind)) {
        at_pattern += taken->pattern;
        at_text += taken->text;
        continue;
      }
    }
    if (!star || star->text == text.size()) return false;
    at_pattern = star->pattern;
    at_text = ++star->text;
  }
}

Wildmat Wildmat::all() {
  Wildmat out;
  out.patterns_.push_back({"*"});
  return out;
}

Result<Wildmat> Wildmat::parse(std::string_view text) {
  Wildmat out;
  for (;;) {
    const size_t comma = text.find(',');
    std::string_view pattern = text.substr(0, comma);
    const bool negated = pattern.starts_with('!');
    if (negated) pattern.remove_prefix(1);
    if (pattern.empty()) return fail(Code::kSyntax, "a pattern is empty");
    if (pattern.find_first_of("[\\]! ") != std::string_view::npos)
      return fail(Code::kSyntax, "a pattern holds a character that none may");
    if (out.patterns_.size() == kWildmatPatternsMax) return fail(Code::kLimit, "too many patterns");
    out.patterns_.push_back({std::string(pattern), negated});
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

bool Wildmat::matches(std::string_view name) const {
  // RFC 3977 §4.2: the rightmost pattern that matches decides.
  const auto decides =
      std::ranges::find_if(patterns_.rbegin(), patterns_.rend(), [&](const Pattern& pattern) {
        return matches_pattern(pattern.text, name, PatternKind::kPlain);
      });
  return decides != patterns_.rend() && !decides->negated;
}

}  // namespace gemel::nntp
