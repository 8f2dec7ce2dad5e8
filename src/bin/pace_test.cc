#include <gtest/gtest.h>

#include <atomic>
#include <ctime>
#include <thread>

#include "bin/gemeld_pace.h"

namespace gemel::bin {
namespace {

constexpr Pace::Duration kRest(100);

int64_t clock_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

TEST(Pace, IsAsToldWhileOthersRest) {
  Pace pace;
  EXPECT_EQ(pace.after_turn(kRest), kRest);
  // Our own work is none of theirs.
  for (const int64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + 20'000'000;
       clock_ns(CLOCK_THREAD_CPUTIME_ID) < end;) {
  }
  EXPECT_EQ(pace.after_turn(kRest), kRest);
}

TEST(Pace, IsAnEighthWhileOthersWork) {
  std::atomic<bool> stop = false;
  std::jthread other([&] {
    while (!stop.load()) {
    }
  });
  Pace pace;
  pace.after_turn(kRest);
  const int64_t wall = clock_ns(CLOCK_MONOTONIC);
  const int64_t work = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  // However busy the machine is: until the other thread had half of a CPU.
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  } while ((clock_ns(CLOCK_PROCESS_CPUTIME_ID) - work) * 2 < clock_ns(CLOCK_MONOTONIC) - wall);
  EXPECT_EQ(pace.after_turn(kRest), 8 * kRest);
  stop = true;
}

}  // namespace
}  // namespace gemel::bin
