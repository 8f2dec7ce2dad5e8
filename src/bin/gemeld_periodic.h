// A thread that does something, waits, and does it again; what nobody waits for, so where the CPUs
// are busy it gets about a tenth of what a thread that answers clients gets.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace gemel::bin {

class Periodic {
 public:
  using Duration = std::chrono::milliseconds;
  /// Calls `turn` after `first` and then each time after what it returned, in a thread of its own.
  Periodic(Duration first, std::function<Duration()> turn);
  /// Waits for the turn under way.
  ~Periodic();
  /// For a turn that is long: set when it should end. Any thread.
  std::atomic<bool>& stopping() { return stopping_; }

 private:
  void run(Duration delay);

  std::function<Duration()> turn_;
  std::mutex mutex_;
  std::condition_variable stop_asked_;
  std::atomic<bool> stopping_ = false;  // set under mutex_
  std::thread thread_;                  // last: it uses the others
};

}  // namespace gemel::bin
