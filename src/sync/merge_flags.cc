#include "sync/merge_flags.h"

#include <algorithm>

#include "base/bytes.h"

namespace gemel::sync {
namespace {

// The flags for which `keeps(in_a, in_b)`, asked for those that are in one of them at least. Of two
// spellings the lower one, so that it does not depend on which side is a.
template <class Keeps>
FlagNames combined(const FlagNames& a, const FlagNames& b, Keeps keeps) {
  FlagNames out;
  for (size_t bit = 0; bit < kSystemFlagCount; ++bit) {
    const auto flag = static_cast<SystemFlag>(bit);
    if ((a.has(flag) || b.has(flag)) && keeps(a.has(flag), b.has(flag))) out.add(flag);
  }
  auto left = a.keywords.begin();
  auto right = b.keywords.begin();
  while (left != a.keywords.end() || right != b.keywords.end()) {
    const int order = left == a.keywords.end()    ? 1
                      : right == b.keywords.end() ? -1
                                                  : to_lower(*left).compare(to_lower(*right));
    const std::string& name = order < 0 ? *left : order > 0 ? *right : std::min(*left, *right);
    if (keeps(order <= 0, order >= 0)) out.keywords.push_back(name);
    if (order <= 0) ++left;
    if (order >= 0) ++right;
  }
  return out;
}

}  // namespace

bool are_same(const FlagNames& a, const FlagNames& b) {
  return a.system == b.system && std::ranges::equal(a.keywords, b.keywords, equals_ignoring_case);
}

FlagNames flipped(const FlagNames& a, const FlagNames& b) {
  return combined(a, b, [](bool in_a, bool in_b) { return in_a != in_b; });
}

FlagNames merged_flags(const FlagSide& a, const FlagSide& b) {
  const auto either = [](bool, bool) { return true; };
  const auto both = [](bool in_a, bool in_b) { return in_a && in_b; };
  const auto first_only = [](bool in_a, bool in_b) { return in_a && !in_b; };
  const FlagNames of_a = combined(a.flipped, b.flipped, first_only);
  const FlagNames of_b = combined(b.flipped, a.flipped, first_only);
  const FlagNames others =
      combined(united_flags(a.now, b.now), combined(of_a, of_b, either), first_only);
  const FlagNames changed =
      combined(combined(a.now, of_a, both), combined(b.now, of_b, both), either);
  return combined(others, changed, either);
}

FlagNames united_flags(const FlagNames& a, const FlagNames& b) {
  FlagNames out = combined(a, b, [](bool, bool) { return true; });
  if (!a.has(SystemFlag::kDeleted) || !b.has(SystemFlag::kDeleted))
    out.system &= static_cast<uint8_t>(~(1U << static_cast<unsigned>(SystemFlag::kDeleted)));
  return out;
}

}  // namespace gemel::sync
