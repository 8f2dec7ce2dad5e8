// What a scanner's header field says, on the scales of spamtest and virustest.
//
// Threads  any; pure functions.
// Source   RFC 5235 §3.2.1 (1 to 10), §3.2.2 (percent), §3.3 (1 to 5).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sieve/run.h"

namespace gemel::sieve {

/// How sure the scanner is, from 0 to 1; nothing if the value does not say.
std::optional<double> share_in(const ScoreSource& source, std::string_view value);

enum class ScoreScale : uint8_t { kSpam, kPercent, kVirus };
std::string score_text(double share, ScoreScale scale);

}  // namespace gemel::sieve
