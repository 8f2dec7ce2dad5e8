#include "base/pack.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace gemel {
namespace {

struct Packing {
  std::string_view name;
  std::string (*pack)(std::string_view bytes);
  Result<std::string> (*unpack)(std::string_view packed, size_t bytes_max);
};

class Pack : public testing::TestWithParam<Packing> {
 protected:
  static std::string pack(std::string_view bytes) { return GetParam().pack(bytes); }
  static Result<std::string> unpack(std::string_view bytes, size_t bytes_max) {
    return GetParam().unpack(bytes, bytes_max);
  }
};

INSTANTIATE_TEST_SUITE_P(All, Pack,
                         testing::Values(Packing{"Frame", packed, unpacked},
                                         Packing{"Lightly", packed_lightly, unpacked_lightly}),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(Pack, GivesBackWhatWasPacked) {
  for (const size_t size : {100U, 5000U, 1U << 20}) {
    const std::string bytes(size, 'x');
    const std::string shorter = pack(bytes);
    ASSERT_GT(shorter.size(), 0U);
    ASSERT_LT(shorter.size(), size);
    EXPECT_EQ(unpack(shorter, size).value(), bytes);
  }
}

TEST_P(Pack, LeavesAloneWhatGetsNoShorter) {
  SeededRandom random(1);
  EXPECT_EQ(pack(""), "");
  EXPECT_EQ(pack("a"), "");
  EXPECT_EQ(pack("ab"), "");
  EXPECT_EQ(pack(random.bytes(5000)), "");
}

TEST_P(Pack, TakesNoMoreMemoryThanItMay) {
  const std::string shorter = pack(std::string(5000, 'x'));
  EXPECT_EQ(unpack(shorter, 4999).error().code, Code::kCorrupt);
  EXPECT_EQ(unpack(shorter, 5000)->size(), 5000U);
}

TEST_P(Pack, RefusesWhatWasNotPacked) {
  const std::string shorter = pack(std::string(5000, 'x') + "end");
  EXPECT_EQ(unpack("", 100).error().code, Code::kCorrupt);
  EXPECT_EQ(unpack("some text", 100).error().code, Code::kCorrupt);
  EXPECT_EQ(unpack("some text", 10'000).error().code, Code::kCorrupt);
  EXPECT_EQ(unpack(shorter.substr(0, shorter.size() - 1), 10'000).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace gemel
