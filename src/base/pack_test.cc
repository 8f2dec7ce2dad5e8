#include "base/pack.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace gemel {
namespace {

TEST(Pack, GivesBackWhatWasPacked) {
  for (const size_t size : {100U, 5000U, 1U << 20}) {
    const std::string bytes(size, 'x');
    const std::string frame = packed(bytes);
    ASSERT_GT(frame.size(), 0U);
    ASSERT_LT(frame.size(), size);
    EXPECT_EQ(unpacked(frame, size).value(), bytes);
  }
}

TEST(Pack, LeavesAloneWhatGetsNoShorter) {
  SeededRandom random(1);
  EXPECT_EQ(packed(""), "");
  EXPECT_EQ(packed("a"), "");
  EXPECT_EQ(packed(random.bytes(5000)), "");
}

TEST(Pack, TakesNoMoreMemoryThanItMay) {
  const std::string frame = packed(std::string(5000, 'x'));
  EXPECT_EQ(unpacked(frame, 4999).error().code, Code::kCorrupt);
  EXPECT_EQ(unpacked(frame, 5000)->size(), 5000u);
}

TEST(Pack, RefusesWhatIsNoFrame) {
  std::string frame = packed(std::string(5000, 'x') + "end");
  EXPECT_EQ(unpacked("", 100).error().code, Code::kCorrupt);
  EXPECT_EQ(unpacked("some text", 100).error().code, Code::kCorrupt);
  EXPECT_EQ(unpacked(frame.substr(0, frame.size() - 1), 10'000).error().code, Code::kCorrupt);
}

TEST(Pack, GivesBackWhatWasPackedLightly) {
  for (const size_t size : {100U, 5000U, 1U << 20}) {
    const std::string bytes(size, 'x');
    const std::string block = packed_lightly(bytes);
    ASSERT_GT(block.size(), 0U);
    ASSERT_LT(block.size(), size);
    EXPECT_EQ(unpacked_lightly(block, size).value(), bytes);
  }
}

TEST(Pack, LeavesAloneWhatGetsNoShorterLightly) {
  SeededRandom random(1);
  EXPECT_EQ(packed_lightly(""), "");
  EXPECT_EQ(packed_lightly("a"), "");
  EXPECT_EQ(packed_lightly("ab"), "");
  EXPECT_EQ(packed_lightly(random.bytes(5000)), "");
}

TEST(Pack, TakesNoMoreMemoryForALightOneThanItMay) {
  const std::string block = packed_lightly(std::string(5000, 'x'));
  EXPECT_EQ(unpacked_lightly(block, 4999).error().code, Code::kCorrupt);
  EXPECT_EQ(unpacked_lightly(block, 5000)->size(), 5000U);
}

TEST(Pack, RefusesWhatIsNoBlock) {
  const std::string block = packed_lightly(std::string(5000, 'x') + "end");
  EXPECT_EQ(unpacked_lightly("", 100).error().code, Code::kCorrupt);
  EXPECT_EQ(unpacked_lightly("some text", 100).error().code, Code::kCorrupt);
  EXPECT_EQ(unpacked_lightly("some text", 10'000).error().code, Code::kCorrupt);
  EXPECT_EQ(unpacked_lightly(block.substr(0, block.size() - 1), 10'000).error().code,
            Code::kCorrupt);
}

}  // namespace
}  // namespace gemel
