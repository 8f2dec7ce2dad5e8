// The threads that run sessions and may wait there for the disk.
//
// Threads  any, but for join(): call it once, when nothing posts any more.
#pragma once

#include <atomic>
#include <boost/asio.hpp>
#include <utility>

namespace gemel::net {

class Workers {
 public:
  explicit Workers(int count) : threads_(static_cast<size_t>(count)), lingering_max_(count / 4) {}

  /// Runs `job()` on one of them, soon.
  template <class Job>
  void post(Job job) {
    waiting_.fetch_add(1);
    boost::asio::post(threads_, [this, job = std::move(job)] {
      waiting_.fetch_sub(1);
      job();
    });
  }
  /// Jobs that were posted and have not begun: whoever has a thread should leave it to them.
  bool have_jobs_waiting() const { return waiting_.load() > 0; }

  /// True: the caller's thread may wait for a prompt peer, and calls end_lingering() when it has.
  /// At most a quarter of them do at once.
  bool begin_lingering() {
    if (lingering_.fetch_add(1) < lingering_max_) return true;
    end_lingering();
    return false;
  }
  void end_lingering() { lingering_.fetch_sub(1); }

  /// Once all jobs are done.
  void join() { threads_.join(); }

 private:
  std::atomic<int> waiting_ = 0;
  std::atomic<int> lingering_ = 0;
  boost::asio::thread_pool threads_;
  int lingering_max_;
};

}  // namespace gemel::net
