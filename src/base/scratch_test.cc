#include "base/scratch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <vector>

namespace gemel {
namespace {

constexpr size_t kKiB = 1024;

/// A directory of its own for one test.
class ScratchTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = testing::TempDir() + "gemel-scratch-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  Scratch::Terms terms() const {
    return {.directory = directory_.string(), .heap_bytes_max = 100 * kKiB, .file_bytes_max = kMax};
  }

  static constexpr size_t kMax = 1000 * kKiB;
  std::filesystem::path directory_;
};

TEST_F(ScratchTest, TheHeapFirst) {
  Scratch scratch(terms());
  std::pmr::vector<char> small(60 * kKiB, 's', &scratch);
  EXPECT_EQ(scratch.heap_bytes(), 60 * kKiB);
  EXPECT_EQ(scratch.file_bytes(), 0);
  std::pmr::vector<char> large(60 * kKiB, 'l', &scratch);
  EXPECT_EQ(scratch.heap_bytes(), 60 * kKiB);
  EXPECT_EQ(scratch.file_bytes(), 60 * kKiB);
  std::pmr::vector<char> tiny(40 * kKiB, 't', &scratch);
  EXPECT_EQ(scratch.heap_bytes(), 100 * kKiB);
  EXPECT_TRUE(std::ranges::all_of(small, [](char c) { return c == 's'; }));
  EXPECT_TRUE(std::ranges::all_of(large, [](char c) { return c == 'l'; }));
  EXPECT_TRUE(std::ranges::all_of(tiny, [](char c) { return c == 't'; }));
}

TEST_F(ScratchTest, PiecesHoldWhatIsWrittenAndAreGivenBack) {
  Scratch scratch(terms());
  {
    std::pmr::vector<size_t> numbers(&scratch);
    for (size_t i = 0; i < 30'000; ++i) numbers.push_back(i);
    for (size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], i);
    EXPECT_GE(scratch.file_bytes(), 30'000 * sizeof(size_t));
  }
  EXPECT_EQ(scratch.heap_bytes(), 0);
  EXPECT_EQ(scratch.file_bytes(), 0);
  // All of it can be had again and again: holes do not count.
  for (int i = 0; i < 5; ++i) {
    std::pmr::vector<char> all(kMax, 'x', &scratch);
    EXPECT_EQ(scratch.file_bytes(), kMax);
  }
}

TEST_F(ScratchTest, LeavesNoFile) {
  Scratch scratch(terms());
  const std::pmr::vector<char> large(200 * kKiB, 'l', &scratch);
  EXPECT_GT(scratch.file_bytes(), 0);
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(ScratchTest, EndsAtItsLimits) {
  Scratch scratch(terms());
  const std::pmr::vector<char> large(kMax - kKiB, 'l', &scratch);
  EXPECT_THROW(std::pmr::vector<char>(101 * kKiB, 'x', &scratch), ScratchFull);
  const std::pmr::vector<char> small(100 * kKiB, 's', &scratch);
  EXPECT_EQ(large.back(), 'l');
  EXPECT_EQ(small.back(), 's');
}

TEST_F(ScratchTest, SaysWhereNoFileCanBeMade) {
  Scratch::Terms nowhere = terms();
  nowhere.directory += "/none";
  Scratch scratch(nowhere);
  EXPECT_THROW(std::pmr::vector<char>(101 * kKiB, 'x', &scratch), ScratchFull);
  EXPECT_NO_THROW(std::pmr::vector<char>(100 * kKiB, 'x', &scratch));
}

}  // namespace
}  // namespace gemel
