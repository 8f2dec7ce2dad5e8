#include "mail/charset.h"

#include <gtest/gtest.h>

#include <array>

#include "base/random.h"

namespace gemel {
namespace {

using namespace std::string_view_literals;

TEST(Charset, GivesValidUtf8ForAllNamesAndBytes) {
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  for (const char* name : {"",       "us-ascii",  "utf-8",          "iso-8859-1",   "iso-2022-jp",
                           "gb2312", "gb18030",   "ks_c_5601-1987", "shift_jis",    "utf-7",
                           "utf-16", "utf-32",    "hz-gb-2312",     "windows-1251", "koi8-r",
                           "big5",   "x-unknown", "../etc",         "a b",          "ibm-37"})
    EXPECT_TRUE(is_utf8(to_utf8(every, name))) << name;
}

TEST(Charset, KnowsWhatNamesMeanInMail) {
  EXPECT_EQ(to_utf8("\x80 h\xe9", "iso-8859-1"), "€ hé");
  EXPECT_EQ(to_utf8("\x80 h\xe9", "ISO-8859-1"), "€ hé");
  EXPECT_EQ(to_utf8("\x81\x30\x89\x38", "gb2312"), to_utf8("\x81\x30\x89\x38", "gb18030"));
  EXPECT_EQ(to_utf8("\xc4\xe3", "gb2312"), "你");
  EXPECT_EQ(to_utf8("\xb0\xa1", "ks_c_5601-1987"), "가");
  EXPECT_EQ(to_utf8("\x1b$B$\"\x1b(B", "iso-2022-jp"), "あ");
  EXPECT_EQ(to_utf8("h\xe9", "no-such-charset"), "hé");
  EXPECT_EQ(to_utf8("h\xe9", std::string(kCharsetNameBytesMax + 1, 'u')), "hé");
}

TEST(Charset, WholeCharactersAreCutNowhere) {
  EXPECT_EQ(whole_characters("a€b", 5), "a€b");
  EXPECT_EQ(whole_characters("a€b", 4), "a€");
  EXPECT_EQ(whole_characters("a€b", 3), "a");
  EXPECT_EQ(whole_characters("a€b", 2), "a");
  EXPECT_EQ(whole_characters("€", 2), "");
  EXPECT_EQ(whole_characters("", 0), "");
}

TEST(Charset, BadBytesAreReplaced) {
  EXPECT_EQ(to_utf8("a\xff"
                    "b",
                    "utf-8"),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(to_utf8("a\xe2\x82", "utf-8"), "a\xef\xbf\xbd");
  EXPECT_EQ(to_utf8("\xed\xa0\x80", "utf-8").find('\xed'), std::string::npos);  // a surrogate
  EXPECT_EQ(to_utf8("a\xe2\x82\xac", ""), "a€");
  EXPECT_EQ(to_utf8("a\xe2 b", "us-ascii"), "aâ b");
  EXPECT_EQ(to_utf8("a\0b"sv, "windows-1252"), "a\0b"sv);
}

TEST(Charset, EscapesThatFollowEachOtherAreNoError) {  // RFC 1468
  EXPECT_EQ(to_utf8("\x1b$B$\"\x1b(B\x1b$B$\"\x1b(B.", "iso-2022-jp"), "ああ.");
  EXPECT_EQ(to_utf8("\x1b(B\x1b$(D\x1b$B$\"\x1b(B", "ISO-2022-JP-1"), "あ");
  EXPECT_EQ(to_utf8("a\x1b\x1b\x1b", "iso-2022-jp").front(), 'a');
}

TEST(Charset, LongTextsCrossAllBuffers) {
  std::string bytes;
  std::string expected;
  for (int i = 0; i < 10'000; ++i) {
    bytes += "\x94\x39\xda\x33x";  // GB18030 of U+1F4A9
    expected += "💩x";
  }
  EXPECT_EQ(to_utf8(bytes, "gb18030"), expected);
}

TEST(Charset, MoreCharsetsThanConvertersStillWork) {
  for (size_t round = 0; round < 2; ++round)
    for (size_t i = 0; i < kConvertersMax + 5; ++i)
      EXPECT_EQ(to_utf8("h\xe9", "x-charset-" + std::to_string(i)), "hé");
}

TEST(Charset, KnowsTheOnesThatItReadsAsTheyAre) {
  for (const std::string_view name : {"UTF-8", "us-ascii", "KOI8-R", "iso-2022-jp", "Shift_JIS"})
    EXPECT_TRUE(knows_charset(name)) << name;
  const std::string long_name(kCharsetNameBytesMax + 1, 'a');
  for (const std::string_view name :
       {std::string_view(), std::string_view("x-no-such"), std::string_view("utf-8,version=1"),
        std::string_view("../utf-8"), std::string_view(long_name)})
    EXPECT_FALSE(knows_charset(name)) << name;
}

/// What a Utf8Decoder makes of the bytes when they come cut at random.
std::string decoded_in_pieces(std::string_view bytes, std::string_view charset,
                              SeededRandom& random) {
  Utf8Check check;
  const auto in_pieces = [&](const auto& take) {
    for (std::string_view rest = bytes; !rest.empty();) {
      const size_t count = std::min<size_t>(rest.size(), 1 + random.u64() % 5);
      take(rest.substr(0, count));
      rest.remove_prefix(count);
    }
  };
  in_pieces([&](std::string_view piece) { check.feed(piece); });
  const std::string_view unlabelled = check.finish() ? "utf-8" : "windows-1252";
  Utf8Decoder decoder(is_unlabelled(charset) ? unlabelled : charset);
  std::string out;
  in_pieces([&](std::string_view piece) { decoder.feed(piece, out); });
  decoder.finish(out);
  return out;
}

TEST(Utf8Decoder, GivesTheSameWhereverTheBytesAreCut) {
  SeededRandom random(5);
  constexpr std::array<std::string_view, 10> kCharsets = {
      "",        "us-ascii", "utf-8",       "iso-8859-1",    "shift_jis",
      "gb18030", "utf-16",   "iso-2022-jp", "iso-2022-jp-1", "utf-7"};
  constexpr std::array<std::string_view, 14> kPieces = {
      "a",      "é",      "€",    "\U0001f600", "\xe2\x82", "\xf0\x9f", "\xff",
      "\x1b$B", "\x1b(B", "\x1b", "\x1b$(D",    "$\"",      "+AOk-",    "\x81\x30"};
  for (int round = 0; round < 4000; ++round) {
    std::string bytes;
    // Some valid UTF-8 too, which is seldom where all is mixed.
    const size_t choices = round % 4 == 0 ? 4 : kPieces.size();
    for (size_t i = random.u64() % 12; i > 0; --i) bytes += kPieces[random.u64() % choices];
    for (const std::string_view charset : kCharsets)
      ASSERT_EQ(decoded_in_pieces(bytes, charset, random), to_utf8(bytes, charset))
          << charset << testing::PrintToString(bytes);
  }
}

}  // namespace
}  // namespace gemel
