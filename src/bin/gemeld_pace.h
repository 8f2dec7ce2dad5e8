// How fast work goes on that nobody waits for.
//
// Threads  one at a time.
#pragma once

#include <chrono>
#include <optional>

namespace gemel::bin {

class Pace {
 public:
  using Duration = std::chrono::milliseconds;
  /// After a turn of its thread, how long to wait where `rest` keeps the pace that was asked for:
  /// so long, or eight times as long where the process's other threads worked more than a quarter
  /// of one CPU's time since the turn before. The first turn has none before it.
  Duration after_turn(Duration rest);

 private:
  struct Clocks {
    std::chrono::nanoseconds wall;
    std::chrono::nanoseconds others;  // CPU time of all threads but this one
  };
  static Clocks now();

  std::optional<Clocks> last_;
};

}  // namespace gemel::bin
