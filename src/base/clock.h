// Time as a parameter, so that a simulated world can have its own.
#pragma once

#include <cstdint>

namespace gemel {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Seconds since 1970-01-01 UTC.
  virtual int64_t unix_s() = 0;
  /// Milliseconds from an arbitrary start; never goes back.
  virtual int64_t monotonic_ms() = 0;
};

/// The machine's clock. Any thread.
Clock& system_clock();

}  // namespace gemel
