#include "base/give_back.h"

#include <gtest/gtest.h>

namespace gemel {
namespace {

TEST(GiveBack, AStringKeepsNoMemory) {
  std::string text(100'000, 'x');
  give_back(text);
  EXPECT_EQ(text, "");
  EXPECT_EQ(text.capacity(), std::string().capacity());
}

}  // namespace
}  // namespace gemel
