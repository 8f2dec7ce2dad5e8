#include "bin/gemeld_scrubber.h"

#include <chrono>

#include "base/log.h"

namespace gemel::bin {
namespace {

// Not at once: a start is busy enough.
constexpr auto kFirstDelay = std::chrono::seconds(10);
constexpr int64_t kDelayAfterFailureMs = 60'000;

}  // namespace

Scrubber::Scrubber(MailStore& store, const admin::ScrubPlan& plan)
    : scrub_(store, system_clock(), plan), thread_([this] { run(); }) {}

Scrubber::~Scrubber() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  stop_asked_.notify_all();
  thread_.join();
}

void Scrubber::run() {
  std::chrono::milliseconds delay = kFirstDelay;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (stop_asked_.wait_for(lock, delay, [this] { return stopping_; })) return;
    }
    delay = std::chrono::milliseconds(step());
  }
}

int64_t Scrubber::step() {
  const Result<int64_t> wait_ms = scrub_.step();
  if (wait_ms) return *wait_ms;
  log::warn("scrub failed error=\"{}\"", wait_ms.error().text);
  return kDelayAfterFailureMs;
}

}  // namespace gemel::bin
