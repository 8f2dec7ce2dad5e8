#include "bin/gemeld_periodic.h"

#include <utility>

namespace gemel::bin {

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

bool Periodic::is_stopping() {
  const std::scoped_lock lock(mutex_);
  return stopping_;
}

void Periodic::run(Duration delay) {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (stop_asked_.wait_for(lock, delay, [this] { return stopping_; })) return;
    }
    delay = turn_();
  }
}

}  // namespace gemel::bin
