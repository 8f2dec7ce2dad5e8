#include "bin/gemeld_scrubber.h"

#include <chrono>

#include "base/log.h"

namespace gemel::bin {
namespace {

// Not at once: a start is busy enough.
constexpr auto kFirstDelay = std::chrono::seconds(10);
constexpr auto kDelayAfterFailure = std::chrono::minutes(1);

}  // namespace

Scrubber::Scrubber(MailStore& store, const admin::ScrubPlan& plan)
    : scrub_(store, system_clock(), plan), periodic_(kFirstDelay, [this] { return step(); }) {}

Periodic::Duration Scrubber::step() {
  const Result<int64_t> wait_ms = scrub_.step();
  if (wait_ms) return pace_.after_turn(Periodic::Duration(*wait_ms));
  log::warn("scrub failed error=\"{}\"", wait_ms.error().text);
  return kDelayAfterFailure;
}

}  // namespace gemel::bin
