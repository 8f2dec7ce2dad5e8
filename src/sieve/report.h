// An outcome in words, a line for each thing: for `gemel sieve test` and for tests.
//
// Threads  any; pure functions.
#pragma once

#include <string>

#include "sieve/run.h"

namespace gemel::sieve {

struct ReportOptions {
  /// What is sent is shown in full behind its action, each line after "| ".
  enum class Mail : uint8_t { kHidden, kShown } mail = Mail::kShown;
  /// So is the message, after "> ", where the script changed it; and what a reject would send.
  enum class Changes : uint8_t { kHidden, kShown } changes = Changes::kHidden;
  int64_t now_s = 0;  // of the run
};

/// Lines with LF: the actions in order, what is to be remembered, the error.
std::string report_of(const Outcome& outcome, const ReportOptions& options);

}  // namespace gemel::sieve
