#include "expire/marks.h"

#include <gtest/gtest.h>

namespace gemel::expire {
namespace {

constexpr int64_t kDay = 86'400;

TEST(Marks, AreTextAndBack) {
  const std::vector<Mark> marks = {{100, ModSeq(5)}, {200, ModSeq(7)}};
  EXPECT_EQ(text_of(marks), "100:5 200:7");
  EXPECT_EQ(parse_marks("100:5 200:7"), marks);
  for (const char* broken : {"", "100", "1:2 x:3", "1:-2"})
    EXPECT_TRUE(parse_marks(broken).empty()) << broken;
}

TEST(Marks, SayWhatWasThereLongEnoughAgo) {
  const std::vector<Mark> marks = {{0, ModSeq(3)}, {kDay, ModSeq(5)}, {2 * kDay, ModSeq(9)}};
  EXPECT_EQ(modseq_before(marks, 2 * kDay, 2 * kDay), ModSeq(3));
  EXPECT_EQ(modseq_before(marks, 2 * kDay, kDay + 1), ModSeq(3));
  EXPECT_EQ(modseq_before(marks, 2 * kDay, kDay), ModSeq(5));
  EXPECT_EQ(modseq_before(marks, 2 * kDay, 0), ModSeq(9));
  EXPECT_EQ(modseq_before(marks, 2 * kDay, 3 * kDay), ModSeq(0));
}

TEST(Marks, AreBoundedInNumber) {
  std::vector<Mark> marks;
  for (int64_t hour = 0; hour < 24 * 365; ++hour) {
    add_mark(marks, {hour * 3600, ModSeq(static_cast<uint64_t>(hour) + 1)}, 14 * kDay);
    drop_marks(marks, modseq_before(marks, hour * 3600, 14 * kDay));
    ASSERT_LE(marks.size(), static_cast<size_t>(kMarksPerRetention) + 1);
  }
  // Where nothing may go, the oldest stays.
  for (int64_t day = 0; day < 1000; ++day)
    add_mark(marks, {(366 + day) * kDay, ModSeq(10'000 + static_cast<uint64_t>(day))}, kDay);
  EXPECT_EQ(marks.size(), kMarksMax);
  EXPECT_EQ(modseq_before(marks, 366 * kDay, 1), marks.front().modseq);
}

}  // namespace
}  // namespace gemel::expire
