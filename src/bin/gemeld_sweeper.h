// The thread that expires on a primary, at intervals: rules, and what was expunged or deleted long
// enough ago.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "expire/run.h"
#include "store/mail_store.h"

namespace gemel::bin {

class Sweeper {
 public:
  struct Schedule {
    int64_t interval_s = 0;
    expire::Defaults defaults = {};
    expire::Options options = {};
  };
  /// The store must outlive this.
  Sweeper(MailStore& store, Schedule schedule);
  /// Waits for the step under way.
  ~Sweeper();

 private:
  void run();
  bool is_stopping();
  void sweep();

  MailStore& store_;
  Schedule schedule_;
  std::mutex mutex_;
  std::condition_variable stop_asked_;
  bool stopping_ = false;  // under mutex_
  std::thread thread_;
};

}  // namespace gemel::bin
