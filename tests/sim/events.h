// Time in the simulated world: what is to happen, and when. Nothing happens beside it, so a seed
// gives the same run each time.
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>

#include "base/clock.h"
#include "base/random.h"

namespace gemel::sim {

/// What must never happen has happened.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};
inline void require(std::same_as<bool> auto holds, const std::string& what) {
  if (!holds) throw Violation(what);
}

/// Choices of the world, all from its seed.
class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  /// 0 to n - 1.
  uint64_t below(uint64_t n) { return random_.u64() % n; }
  /// True once in n.
  bool one_in(uint64_t n) { return below(n) == 0; }

 private:
  SeededRandom random_;
};

class Events {
 public:
  using Task = std::function<void()>;
  int64_t now_ms() const { return now_ms_; }
  void after(int64_t delay_ms, Task task) {
    tasks_.emplace(now_ms_ + delay_ms, std::move(task));  // equal times in order of insertion
  }
  /// Lets happen what is due up to `end_ms`, or until `done`.
  void run_until(int64_t end_ms, const std::function<bool()>& done) {
    while (!done() && !tasks_.empty() && tasks_.begin()->first <= end_ms) {
      auto next = tasks_.extract(tasks_.begin());
      now_ms_ = next.key();
      next.mapped()();
    }
    if (!done()) now_ms_ = end_ms;
  }

 private:
  int64_t now_ms_ = 0;
  std::multimap<int64_t, Task> tasks_;
};

/// A server's clock: right in its pace, wrong by some seconds.
class SkewedClock final : public Clock {
 public:
  SkewedClock(const Events& events, int64_t skew_s) : events_(&events), skew_s_(skew_s) {}
  int64_t unix_s() override { return 1'700'000'000 + skew_s_ + events_->now_ms() / 1000; }
  int64_t monotonic_ms() override { return events_->now_ms(); }

 private:
  const Events* events_;
  int64_t skew_s_;
};

}  // namespace gemel::sim
