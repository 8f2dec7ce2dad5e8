#include "base/result.h"

#include <array>
#include <string_view>

namespace gemel {

std::string_view name_of(Code code) {
  static constexpr std::array<std::string_view, kCodeCount> kNames = {
      "syntax",  "not-found", "denied",      "exists",      "over-quota",  "too-big",
      "limit",   "modified",  "gone",        "read-only",   "no-space",    "io",
      "corrupt", "busy",      "auth-failed", "unsupported", "unavailable", "invalid"};
  return kNames[static_cast<size_t>(code)];
}

}  // namespace gemel
