// The thread that frees what was expunged or deleted long enough ago, once an hour, on a primary.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "admin/expire.h"
#include "store/mail_store.h"

namespace gemel::bin {

class Sweeper {
 public:
  /// The store must outlive this.
  Sweeper(MailStore& store, admin::Retention retention);
  /// Waits for the mailbox under way.
  ~Sweeper();

 private:
  void run();
  bool is_stopping();
  void sweep();

  MailStore& store_;
  admin::Retention retention_;
  std::mutex mutex_;
  std::condition_variable stop_asked_;
  bool stopping_ = false;  // under mutex_
  std::thread thread_;
};

}  // namespace gemel::bin
