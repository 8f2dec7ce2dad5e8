#include "bin/gemeld_pace.h"

#include <ctime>
#include <utility>

namespace gemel::bin {
namespace {

constexpr int kBusyShare = 4;  // a quarter of a CPU
constexpr int kSlowerWhenBusy = 8;

std::chrono::nanoseconds read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Pace::Clocks Pace::now() {
  return {.wall = read_clock(CLOCK_MONOTONIC),
          .others = read_clock(CLOCK_PROCESS_CPUTIME_ID) - read_clock(CLOCK_THREAD_CPUTIME_ID)};
}

Pace::Duration Pace::after_turn(Duration rest) {
  const Clocks clocks = clocks_();
  const std::optional<Clocks> before = std::exchange(last_, clocks);
  const bool is_busy =
      before && (clocks.others - before->others) * kBusyShare > clocks.wall - before->wall;
  return is_busy ? rest * kSlowerWhenBusy : rest;
}

}  // namespace gemel::bin
