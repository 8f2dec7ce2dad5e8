// The thread of the scrub.
#pragma once

#include "admin/scrub.h"
#include "bin/gemeld_pace.h"
#include "bin/gemeld_periodic.h"

namespace gemel::bin {

class Scrubber {
 public:
  /// The store must outlive this, which ends when the step under way has.
  Scrubber(MailStore& store, const admin::ScrubPlan& plan);
  /// Any thread.
  admin::ScrubStatus status() const { return scrub_.status(); }

 private:
  Periodic::Duration step();

  admin::Scrub scrub_;
  Pace pace_;
  Periodic periodic_;  // last: its turns use the others
};

}  // namespace gemel::bin
