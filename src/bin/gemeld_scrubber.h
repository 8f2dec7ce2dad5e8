// The thread of the scrub.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "admin/scrub.h"

namespace gemel::bin {

class Scrubber {
 public:
  /// The store must outlive this.
  Scrubber(MailStore& store, const admin::ScrubPlan& plan);
  /// Waits for the step under way.
  ~Scrubber();
  /// Any thread.
  admin::ScrubStatus status() const { return scrub_.status(); }

 private:
  void run();
  int64_t step();

  admin::Scrub scrub_;
  std::mutex mutex_;
  std::condition_variable stop_asked_;
  bool stopping_ = false;  // under mutex_
  std::thread thread_;
};

}  // namespace gemel::bin
