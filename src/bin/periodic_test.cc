#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <future>

#include "bin/gemeld_periodic.h"

namespace gemel::bin {
namespace {

TEST(Periodic, YieldsToThoseThatAnswerClients) {
  const int ours = getpriority(PRIO_PROCESS, 0);
  std::promise<int> theirs;
  bool has_said = false;
  const Periodic periodic(std::chrono::milliseconds(0), [&] {
    if (!has_said) theirs.set_value(getpriority(PRIO_PROCESS, 0));
    has_said = true;
    return Periodic::Duration(std::chrono::hours(1));
  });
  EXPECT_EQ(theirs.get_future().get(), std::min(ours + 10, 19));
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), ours);
}

}  // namespace
}  // namespace gemel::bin
