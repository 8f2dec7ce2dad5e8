#include <gtest/gtest.h>

#include <ctime>

#include "bin/gemeld_pace.h"

namespace gemel::bin {
namespace {

using std::chrono::milliseconds;

constexpr Pace::Duration kRest(100);

TEST(Pace, IsAsToldWhileOthersRestAndAnEighthWhileTheyWork) {
  Pace::Clocks now{.wall = milliseconds(5000), .others = milliseconds(700)};
  Pace pace([&] { return now; });
  const auto after = [&](milliseconds wall, milliseconds others) {
    now.wall += wall;
    now.others += others;
    return pace.after_turn(kRest);
  };
  EXPECT_EQ(pace.after_turn(kRest), kRest);  // there is nothing to compare with
  EXPECT_EQ(after(milliseconds(100), milliseconds(25)), kRest);
  EXPECT_EQ(after(milliseconds(100), milliseconds(26)), 8 * kRest);
  EXPECT_EQ(after(milliseconds(100), milliseconds(190)), 8 * kRest);
  EXPECT_EQ(after(milliseconds(1000), milliseconds(190)), kRest);
}

TEST(Pace, OursIsNoneOfTheOthersTime) {
  const auto own = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  const Pace::Clocks before = Pace::now();
  for (const auto end = own() + milliseconds(20); own() < end;) {
  }
  const Pace::Clocks after = Pace::now();
  EXPECT_LT(after.others - before.others, milliseconds(10));
  EXPECT_GE(after.wall - before.wall, milliseconds(20));
}

}  // namespace
}  // namespace gemel::bin
