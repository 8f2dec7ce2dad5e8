// How fast work goes on that nobody waits for.
//
// Threads  one at a time.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <utility>

namespace gemel::bin {

class Pace {
 public:
  using Duration = std::chrono::milliseconds;
  struct Clocks {
    std::chrono::nanoseconds wall;
    std::chrono::nanoseconds others;  // CPU time of all the process's threads but this one
  };
  /// The system's.
  static Clocks now();

  explicit Pace(std::function<Clocks()> clocks = now) : clocks_(std::move(clocks)) {}
  /// After a turn of its thread, how long to wait where `rest` keeps the pace that was asked for:
  /// so long, or eight times as long where the process's other threads worked more than a quarter
  /// of one CPU's time since the turn before. The first turn has none before it.
  Duration after_turn(Duration rest);

 private:
  std::function<Clocks()> clocks_;
  std::optional<Clocks> last_;
};

}  // namespace gemel::bin
