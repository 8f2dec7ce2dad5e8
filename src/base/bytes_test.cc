#include "base/bytes.h"

#include <gtest/gtest.h>

namespace gemel {
namespace {

TEST(Bytes, VarintsComeBackAsTheyWere) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{127}, uint64_t{128}, UINT64_MAX}) {
    std::string out;
    put_varint(out, value);
    Decoder decoder(out);
    EXPECT_EQ(decoder.varint(), value);
    EXPECT_TRUE(decoder.ok() && decoder.at_end());
  }
}

TEST(Bytes, ADecoderThatRanPastTheEndStaysBad) {
  Decoder decoder(
      std::string_view("\x05"
                       "ab",
                       3));
  EXPECT_EQ(decoder.string(), "");
  EXPECT_FALSE(decoder.ok());
  EXPECT_EQ(decoder.varint(), 0u);
}

TEST(Bytes, Base64IsStrict) {  // RFC 4648 §10
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(to_base64("foob"), "Zm9vYg==");
  EXPECT_EQ(from_base64("Zm9vYg=="), "foob");
  EXPECT_EQ(from_base64("Zm9vYmE="), "fooba");
  for (const char* bad : {"Zm9", "Zm9=vYg=", "Z===", "Zm 9", "=Zm9"})
    EXPECT_FALSE(from_base64(bad)) << bad;
}

TEST(Bytes, NumbersHaveNoSignAndNoRest) {
  EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
  for (const char* bad : {"", "-1", "+1", "1x", "18446744073709551616"})
    EXPECT_FALSE(parse_number(bad)) << bad;
}

}  // namespace
}  // namespace gemel
