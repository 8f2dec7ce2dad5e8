// The steps that a run may take, see RunLimits::steps_max.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace gemel::sieve {

class Budget {
 public:
  explicit Budget(uint64_t steps_max) : left_(steps_max), max_(steps_max) {}

  /// Takes `steps`. Errors: kLimit; and from then on, for good.
  Result<void> take(uint64_t steps) {
    if (is_spent_ || steps > left_) {
      left_ = 0;
      is_spent_ = true;
      return fail(Code::kLimit, "the script takes too long");
    }
    left_ -= steps;
    return {};
  }
  /// For looking once at each octet of `text`.
  Result<void> take_for(std::string_view text) { return take(1 + text.size() / 64); }
  uint64_t used() const { return max_ - left_; }

 private:
  uint64_t left_;
  uint64_t max_;
  bool is_spent_ = false;
};

}  // namespace gemel::sieve
