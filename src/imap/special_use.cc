#include "imap/special_use.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace gemel::imap {
namespace {

constexpr std::array<std::string_view, 6> kUses = {"\\Archive", "\\Drafts", "\\Important",
                                                   "\\Junk",    "\\Sent",   "\\Trash"};

}  // namespace

std::optional<std::string_view> special_use_of(std::string_view word) {
  const auto at = std::ranges::find_if(
      kUses, [&](std::string_view use) { return equals_ignoring_case(use, word); });
  return at == kUses.end() ? std::nullopt : std::optional(*at);
}

}  // namespace gemel::imap
