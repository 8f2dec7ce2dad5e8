#include "mail/modified_utf7.h"

#include <gtest/gtest.h>

namespace gemel {
namespace {

using namespace std::string_view_literals;

TEST(ModifiedUtf7, GivesTheExamplesOfItsRfc) {  // RFC 3501 §5.1.3
  EXPECT_EQ(from_modified_utf7("~peter/mail/&U,BTFw-/&ZeVnLIqe-"), "~peter/mail/台北/日本語");
  EXPECT_EQ(to_modified_utf7("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
  EXPECT_EQ(from_modified_utf7("a&-b"), "a&b");
  EXPECT_EQ(to_modified_utf7("a&b"), "a&-b");
  EXPECT_EQ(to_modified_utf7("😀"), "&2D3eAA-");
  EXPECT_EQ(from_modified_utf7("&2D3eAA-"), "😀");
  EXPECT_EQ(from_modified_utf7("&U,BTF2XlZyyKng-"), "台北日本語");
}

TEST(ModifiedUtf7, ComesBackForEveryCharacter) {
  for (char32_t point = 1; point <= 0x10ffff; point += point < 0x3000 ? 1 : 251) {
    if (point >= 0xd800 && point < 0xe000) continue;
    std::string utf8 = "a";
    if (point < 0x80) {
      utf8 += static_cast<char>(point);
    } else if (point < 0x800) {
      utf8 += static_cast<char>(0xc0 | point >> 6);
      utf8 += static_cast<char>(0x80 | (point & 63));
    } else if (point < 0x10000) {
      utf8 += static_cast<char>(0xe0 | point >> 12);
      utf8 += static_cast<char>(0x80 | (point >> 6 & 63));
      utf8 += static_cast<char>(0x80 | (point & 63));
    } else {
      utf8 += static_cast<char>(0xf0 | point >> 18);
      utf8 += static_cast<char>(0x80 | (point >> 12 & 63));
      utf8 += static_cast<char>(0x80 | (point >> 6 & 63));
      utf8 += static_cast<char>(0x80 | (point & 63));
    }
    const auto name = to_modified_utf7(utf8 + "z");
    ASSERT_TRUE(name) << static_cast<uint32_t>(point);
    ASSERT_EQ(from_modified_utf7(*name), utf8 + "z") << static_cast<uint32_t>(point);
  }
}

TEST(ModifiedUtf7, RefusesWhatIsNotCanonical) {
  for (const std::string_view bad :
       {"&"sv, "a&b"sv, "&AGE-"sv /* a */, "&U,BTFw-&ZeVnLIqe-"sv /* superfluous shift */,
        "&U/BTFw-"sv, "&U,BTFw=-"sv, "&U,BTFx-"sv /* padding bits */, "&2D0-"sv /* lone lead */,
        "&3gA-"sv /* lone trail */, "&2D0AYQ-"sv, "&AA-"sv, "&A-"sv, "&ACY-"sv /* & itself */,
        "\x7f"sv, "a\nb"sv, "caf\xc3\xa9"sv, "a\0"sv, "& -"sv})
    EXPECT_FALSE(from_modified_utf7(bad)) << bad;
  EXPECT_FALSE(to_modified_utf7("\xff"));
  EXPECT_FALSE(to_modified_utf7("\xed\xa0\x80"));
}

}  // namespace
}  // namespace gemel
