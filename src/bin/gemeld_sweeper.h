// The thread that expires on a primary, at intervals: rules, and what was expunged or deleted long
// enough ago. On every server it gives the disk the room of what was freed.
#pragma once

#include "bin/gemeld_periodic.h"
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
  /// The store must outlive this, which ends when the step under way has.
  Sweeper(MailStore& store, Schedule schedule);

 private:
  void turn();
  void sweep();

  MailStore& store_;
  Schedule schedule_;
  Periodic periodic_;  // last: its turns use the others
};

}  // namespace gemel::bin
