#include "base/log.h"

#include <gtest/gtest.h>

namespace gemel {
namespace {

TEST(Log, OneCallIsOneLine) {  // case S06
  testing::internal::CaptureStderr();
  log::set_level(log::Level::kInfo);
  log::info("text=\"{}\"", "caf\xc3\xa9\r\n2026 info forged\x7f");
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(said.ends_with("text=\"caf\xc3\xa9\\x0d\\x0a2026 info forged\\x7f\"\n")) << said;
}

}  // namespace
}  // namespace gemel
