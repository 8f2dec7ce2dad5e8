#include "mail/mime_header.h"

#include <gtest/gtest.h>

#include "mail/encoded_word.h"
#include "mail/header_date.h"

namespace gemel {
namespace {

using namespace std::string_view_literals;

TEST(MimeHeader, FieldsHaveTheirExactBytes) {  // RFC 5322 §2.2.3
  constexpr std::string_view kBlock = "A: 1\r\nLong : x\r\n\ty\r\nbroken line\nC:\n\nbody: no\n";
  HeaderReader reader(kBlock);
  const auto a = reader.next();
  ASSERT_TRUE(a);
  EXPECT_EQ(a->name, "A");
  EXPECT_EQ(a->value, " 1");
  EXPECT_EQ(kBlock.substr(a->start, a->end - a->start), "A: 1\r\n");
  const auto folded = reader.next();
  ASSERT_TRUE(folded);
  EXPECT_EQ(folded->name, "Long");
  EXPECT_EQ(folded->value, " x\r\n\ty");
  const auto broken = reader.next();
  ASSERT_TRUE(broken);
  EXPECT_EQ(broken->name, "");
  EXPECT_EQ(broken->value, "broken line");
  const auto empty = reader.next();
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->name, "C");
  EXPECT_EQ(empty->value, "");
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(kBlock.substr(reader.position()), "\nbody: no\n");
}

TEST(MimeHeader, EveryByteBelongsToOneField) {
  for (const std::string_view block :
       {"From x@y Sat Jan  1 10:00:00 2000\nA: b\n"sv, " leading: fold\r\nA: b"sv,
        ":\r\n::\r\n \r\n"sv, "\r\r\n"sv, "A\0B: c\r\n"sv, "A: b\r\n \r\n\r\n"sv}) {
    HeaderReader reader(block);
    size_t end = 0;
    while (const auto field = reader.next()) {
      EXPECT_EQ(field->start, end) << block;
      EXPECT_GT(field->end, field->start);
      end = field->end;
    }
    EXPECT_EQ(end, reader.position());
    EXPECT_TRUE(block.substr(end).empty() || block.substr(end).starts_with("\r\n")) << block;
  }
}

TEST(MimeHeader, TheHeaderEndsBehindTheEmptyLine) {
  EXPECT_EQ(header_size("A: b\r\n\r\nbody"), 8u);
  EXPECT_EQ(header_size("A: b\n\nbody"), 6u);
  EXPECT_EQ(header_size("\r\nbody"), 2u);
  EXPECT_EQ(header_size("A: b\r\n"), 6u);
  EXPECT_EQ(header_size("A: b"), 4u);
  EXPECT_EQ(header_size(""), 0u);
}

TEST(MimeHeader, FindsTheFirstFieldInAnyCase) {
  const auto field = find_field("a: 1\r\nSUBJECT: 2\r\nSubject: 3\r\n\r\nX: 4\r\n", "subject");
  ASSERT_TRUE(field);
  EXPECT_EQ(unfold(field->value), "2");
  EXPECT_FALSE(find_field("a: 1\r\n\r\nX: 4\r\n", "x"));
}

TEST(MimeHeader, LooksNoFurtherThanTheLimit) {
  std::string block(kHeaderBytesMax - 3, 'x');
  block.replace(0, 2, "A:");
  block += "\r\nLate: 1\r\n\r\n";
  EXPECT_TRUE(find_field(block, "a"));
  EXPECT_FALSE(find_field(block, "late"));
}

TEST(MimeHeader, UnfoldingGivesOneLine) {
  EXPECT_EQ(unfold(" a\r\n b\r\n\tc "), "a b\tc");
  EXPECT_EQ(unfold("a\n b"), "a b");
  EXPECT_EQ(unfold("a\rb\nc\r\nd"), "a b c d");
  EXPECT_EQ(unfold("a\0b"sv), "ab");
  EXPECT_EQ(unfold(" \r\n "), "");
}

TEST(MimeHeader, MessageIdsComeOutOfAnyText) {  // RFC 5322 §3.6.4
  EXPECT_EQ(message_ids_of("<a@b> (x) <c@\r\n d>junk<>, <e"),
            (std::vector<std::string>{"<a@b>", "<c@d>"}));
  // Of many, the first and the last ones.
  for (const size_t count : {kReferencesMax, kReferencesMax + 1, 5 * kReferencesMax + 3}) {
    std::string many;
    for (size_t i = 1; i <= count; ++i) many += "<" + std::to_string(i) + "@b>";
    const std::vector<std::string> ids = message_ids_of(many);
    ASSERT_EQ(ids.size(), kReferencesMax);
    EXPECT_EQ(ids[0], "<1@b>");
    EXPECT_EQ(ids[1], "<" + std::to_string(count - kReferencesMax + 2) + "@b>");
    EXPECT_EQ(ids.back(), "<" + std::to_string(count) + "@b>");
  }
}

TEST(EncodedWord, DecodesTheExamplesOfItsRfc) {  // RFC 2047 §8
  EXPECT_EQ(decode_encoded_words("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>"),
            "Keith Moore <moore@cs.utk.edu>");
  EXPECT_EQ(decode_encoded_words("=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?="), "Patrik Fältström");
  EXPECT_EQ(decode_encoded_words("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\t"
                                 "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?="),
            "If you can read this you understand the example.");
  EXPECT_EQ(decode_encoded_words("(=?ISO-8859-1?Q?a?= b)"), "(a b)");
  EXPECT_EQ(decode_encoded_words("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)"), "(ab)");
  EXPECT_EQ(decode_encoded_words("(=?ISO-8859-1?Q?a_?= =?ISO-8859-2?Q?_b?=)"), "(a  b)");
  EXPECT_EQ(decode_encoded_words("=?utf-8*en?q?x?="), "x");  // RFC 2231 §5
}

TEST(EncodedWord, ACharacterCutInTwoIsOneAgain) {
  EXPECT_EQ(decode_encoded_words("=?utf-8?B?w6TD?= =?UTF-8?B?pA==?="), "ää");
  EXPECT_EQ(decode_encoded_words("=?iso-2022-jp?B?GyRCJCIbKEI=?=\t=?iso-2022-jp?B?GyRCJCIbKEI=?="),
            "ああ");
}

TEST(EncodedWord, WhatIsNoEncodedWordStays) {
  for (const char* text : {"=?", "=?\?=", "=?a?b", "=?a?x?b?=", "=?utf-8?q?open", "a =? b ?= c",
                           "=?=?=?=?=", "=??q?a?=", "?=", ""})
    EXPECT_EQ(decode_encoded_words(text), text);
}

TEST(EncodedWord, RawBytesAndUnknownCharsetsBecomeUtf8) {
  EXPECT_EQ(decode_encoded_words("caf\xe9"), "café");
  EXPECT_EQ(decode_encoded_words("café"), "café");
  EXPECT_EQ(decode_encoded_words("=?x-nope?q?caf=E9?="), "café");
  EXPECT_EQ(decode_encoded_words("=?../../x?q?a?="), "a");
  EXPECT_EQ(decode_encoded_words("=?utf-8?q?a=FFb?="),
            "a\xef\xbf\xbd"
            "b");
}

TEST(EncodedWord, EncodesInShortWordsOfWholeCharacters) {  // RFC 2047 §2 and §5
  std::string text;
  for (int i = 0; i < 100; ++i) text += "aä€😀";
  const std::string words = encode_words(text);
  EXPECT_EQ(decode_encoded_words(words), text);
  for (size_t start = 0; start < words.size();) {
    const size_t end = std::min(words.find(' ', start), words.size());
    EXPECT_LE(end - start, 75u);
    const std::string one = decode_encoded_words(words.substr(start, end - start));
    EXPECT_EQ(one.find("\xef\xbf\xbd"), std::string::npos) << one;
    start = end + 1;
  }
  EXPECT_EQ(encode_words(""), "");
}

TEST(EncodedWord, TextFullOfMarksIsReadInLinearTime) {
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) text += "=?a?q?";
  EXPECT_EQ(decode_encoded_words(text), text);
  text.assign(4'000'000, '=');
  for (size_t i = 1; i < text.size(); i += 2) text[i] = '?';
  EXPECT_EQ(decode_encoded_words(text), text);
}

using std::chrono::sys_days;
using std::chrono::year_month_day;
using namespace std::chrono_literals;

TEST(HeaderDate, ReadsWhatTheRfcAllows) {  // RFC 5322 §3.3, §4.3, appendix A
  const year_month_day day = 2003y / 7 / 1;
  const auto utc = sys_days(day) + 8h + 52min + 37s;
  for (const char* text :
       {"Tue, 1 Jul 2003 10:52:37 +0200", "1 Jul 2003 10:52:37 +0200",
        "Tue, 01 Jul 03 10:52:37 +0200", "Tue , 1 July 2003 10:52:37 +0200 (CEST)",
        "tue,1 jul 103 10:52:37\t+0200"}) {
    const auto date = parse_header_date(text);
    ASSERT_TRUE(date) << text;
    EXPECT_EQ(date->utc, utc) << text;
    EXPECT_EQ(date->day, day) << text;
  }
}

TEST(HeaderDate, TheDayIsTheWritersDay) {  // RFC 3501 §6.4.4, SENTSINCE
  const auto date = parse_header_date("Fri, 31 Dec 1999 23:59:60 EST");
  ASSERT_TRUE(date);
  EXPECT_EQ(date->day, 1999y / 12 / 31);
  EXPECT_EQ(date->utc, sys_days(2000y / 1 / 1) + 5h);
}

TEST(HeaderDate, ABrokenTimeIsMidnightAndABrokenDayIsNone) {
  const auto midnight = sys_days(2020y / 2 / 29);
  for (const char* text : {"29 Feb 2020", "29 Feb 2020 99:99", "29 Feb 2020 x +9999",
                           "29 Feb 2020 0:0 ZZZ", "Sat, 29 Feb 2020 00:00:00 +2x00"}) {
    const auto date = parse_header_date(text);
    ASSERT_TRUE(date) << text;
    EXPECT_EQ(date->utc, midnight) << text;
  }
  for (const char* text : {"", "(", "29 Feb 2021", "0 Jan 2020", "1 Foo 2020", "1 Jan",
                           "1 Jan 20x0", "-1 Jan 2020", "1 Jan 12345", "yesterday", "Tue Tuesday"})
    EXPECT_FALSE(parse_header_date(text)) << text;
}

TEST(HeaderDate, IsWrittenAsItIsRead) {  // RFC 5322 §3.3
  EXPECT_EQ(header_date_text(1'795'712'453), "Thu, 26 Nov 2026 17:00:53 +0000");
  for (const int64_t unix_s : {int64_t{0}, int64_t{951'782'399}, int64_t{4'102'444'800}})
    EXPECT_EQ(parse_header_date(header_date_text(unix_s))->utc.time_since_epoch().count(), unix_s);
}

}  // namespace
}  // namespace gemel
