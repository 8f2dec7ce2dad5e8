#include "bin/gemeld_periodic.h"

#include <sys/resource.h>
#include <unistd.h>

#include <utility>

namespace gemel::bin {
namespace {

// Not the least there is: a turn may hold a lock that a session waits for.
constexpr int kNicer = 10;

// Linux keeps this for each thread (setpriority(2), under "C library/kernel differences").
void yield_to_others() {
  const auto thread = static_cast<id_t>(gettid());
  setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + kNicer);
}

}  // namespace

Periodic::Periodic(Duration first, std::function<Duration()> turn)
    : turn_(std::move(turn)), thread_([this, first] { run(first); }) {}

Periodic::~Periodic() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  stop_asked_.notify_all();
  thread_.join();
}

void Periodic::run(Duration delay) {
  yield_to_others();
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (stop_asked_.wait_for(lock, delay, [this] { return stopping_.load(); })) return;
    }
    delay = turn_();
  }
}

}  // namespace gemel::bin
