#include "bin/gemeld_sweeper.h"

#include <chrono>

#include "base/log.h"

namespace gemel::bin {
namespace {

constexpr auto kInterval = std::chrono::hours(1);
// Not at once: a start is busy enough.
constexpr auto kFirstDelay = std::chrono::minutes(1);

}  // namespace

Sweeper::Sweeper(MailStore& store, admin::Retention retention)
    : store_(store), retention_(retention), thread_([this] { run(); }) {}

Sweeper::~Sweeper() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  stop_asked_.notify_all();
  thread_.join();
}

bool Sweeper::is_stopping() {
  const std::scoped_lock lock(mutex_);
  return stopping_;
}

void Sweeper::run() {
  std::chrono::steady_clock::duration delay = kFirstDelay;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (stop_asked_.wait_for(lock, delay, [this] { return stopping_; })) return;
    }
    if (store_.role() == Role::kPrimary) sweep();
    delay = kInterval;
  }
}

void Sweeper::sweep() {
  const auto report =
      admin::expire(store_, system_clock(), retention_, [this] { return is_stopping(); });
  if (!report) {
    log::warn("expire failed: {}", report.error().text);
    return;
  }
  for (const std::string& error : report->errors) log::warn("expire passed over {}", error);
  if (report->expunged_freed > 0 || report->mailboxes_freed > 0)
    log::info("expire looked_at={} messages_freed={} mailboxes_freed={}", report->mailboxes,
              report->expunged_freed, report->mailboxes_freed);
}

}  // namespace gemel::bin
