// Addresses, dates, mailto URIs, texts that are sent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mail/encoded_word.h"
#include "mail/mime_header.h"
#include "mail/transfer_encoding.h"
#include "sieve/body_texts.h"
#include "sieve/date_parts.h"
#include "sieve/mail_address.h"
#include "sieve/mailto.h"
#include "sieve/modifiers.h"
#include "sieve/outgoing.h"
#include "sieve/score.h"
#include "sieve/string_value.h"

namespace gemel::sieve {
namespace {

TEST(SieveAddress, ByTheLetter) {  // RFC 5228 §2.4.2.3
  struct Row {
    std::string_view text;
    std::string_view spec;  // "": it is none
  };
  for (const Row& row : {
           Row{"a@example.org", "a@example.org"},
           Row{" a@example.org ", "a@example.org"},
           Row{"A B <a@example.org>", "a@example.org"},
           Row{"\"A, B\" <a@example.org>", "a@example.org"},
           Row{"John Q. Public <a@example.org>", "a@example.org"},
           Row{"<a@example.org>", "a@example.org"},
           Row{"a.b+c=d@example.org", "a.b+c=d@example.org"},
           Row{"\"a b\"@example.org", "\"a b\"@example.org"},
           Row{"\"a\"@example.org", "a@example.org"},
           Row{"a@[192.0.2.1]", "a@[192.0.2.1]"},
           Row{"jürgen@exämple.org", "jürgen@exämple.org"},
           Row{"(x) a@example.org (y)", "a@example.org"},
           Row{"a", ""},
           Row{"", ""},
           Row{"@example.org", ""},
           Row{"a@", ""},
           Row{"a@b@c", ""},
           Row{"a..b@example.org", ""},
           Row{".a@example.org", ""},
           Row{"a@example..org", ""},
           Row{"a@b.org, c@d.org", ""},
           Row{"x: a@b.org;", ""},
           Row{"<@relay:a@b.org>", ""},
           Row{"A B a@example.org", ""},
           Row{"<a@example.org", ""},
           Row{"a@example.org\r\nBcc: b@example.org", ""},
           Row{"a@[192.0.2.1", ""},
       }) {
    SCOPED_TRACE(row.text);
    const auto address = parse_sieve_address(row.text);
    EXPECT_EQ(address ? address->addr_spec() : "", row.spec);
  }
  EXPECT_TRUE(parse_sieve_address(std::string(500, 'a') + "@example.org"));
  EXPECT_FALSE(parse_sieve_address(std::string(kAddressBytesMax, 'a') + "@example.org"));
}

TEST(SieveAddress, Lists) {
  EXPECT_EQ(parse_mailbox_list("a@b.org, C <c@d.org>")->size(), 2U);
  EXPECT_FALSE(parse_mailbox_list("a@b.org,"));
  EXPECT_FALSE(parse_mailbox_list("a@b.org c@d.org"));
}

TEST(SieveAddress, Parts) {  // RFC 5233 §4
  const MailAddress address = {.local = "user+a+b", .domain = "example.org", .name = {}};
  EXPECT_EQ(part_of(address, AddressPart::kUser, "+"), "user");
  EXPECT_EQ(part_of(address, AddressPart::kDetail, "+"), "a+b");
  EXPECT_EQ(part_of(address, AddressPart::kDetail, "--"), std::nullopt);
  EXPECT_EQ(part_of(address, AddressPart::kUser, ""), "user+a+b");
  EXPECT_EQ(part_of({.local = "x", .domain = {}, .name = {}}, AddressPart::kDomain, "+"),
            std::nullopt);
}

TEST(DateParts, Zones) {  // RFC 5260 §4.1
  EXPECT_EQ(parse_zone("+0130"), 90);
  EXPECT_EQ(parse_zone("-0500"), -300);
  EXPECT_EQ(parse_zone("-0000"), 0);
  for (const char* bad : {"", "0100", "+100", "+01:00", "+0160", "CET", "+01 0"})
    EXPECT_FALSE(parse_zone(bad)) << bad;
}

TEST(DateParts, BeforeTheEpochAndAcrossDays) {
  const ZonedTime time = {.unix_s = -1, .zone_minutes = -60};
  EXPECT_EQ(part_of(time, DatePart::kIso8601), "1969-12-31T22:59:59-01:00");
  EXPECT_EQ(part_of(time, DatePart::kWeekday), "3");
  EXPECT_EQ(part_of({.unix_s = 0, .zone_minutes = 0}, DatePart::kJulian), "40587");
  EXPECT_EQ(part_of({.unix_s = 0, .zone_minutes = 0}, DatePart::kZone), "+0000");
  EXPECT_EQ(part_of({.unix_s = 86'399, .zone_minutes = 1}, DatePart::kDate), "1970-01-02");
}

TEST(DateParts, InFields) {  // RFC 5260 §4
  EXPECT_EQ(date_in("Sat, 28 Nov 2026 18:30:00 +0100")->unix_s, 1'795'887'000);
  EXPECT_EQ(date_in("by a (x; y) with z; Sat, 28 Nov 2026 18:30:00 +0100")->zone_minutes, 60);
  for (const char* bad : {"", "yesterday", "Sat, 28 Nov 2026", "31 Feb 2026 10:00:00 +0000",
                          "28 Nov 2026 25:00:00 +0000", "x;"})
    EXPECT_FALSE(date_in(bad)) << bad;
}

TEST(Mailto, Parts) {  // RFC 6068 §2
  const auto mailto = parse_mailto(
      "MAILTO:a%2Bb@example.org,c@d.org?to=e@f.org&cc=g@h.org&Subject=x%20y&body=1%0D%0A2"
      "&X-A=b&from=x@y.org&received=z&Content-Type=text/html");
  ASSERT_TRUE(mailto);
  EXPECT_EQ(mailto->to, (std::vector<std::string>{"a+b@example.org", "c@d.org", "e@f.org"}));
  EXPECT_EQ(mailto->cc, (std::vector<std::string>{"g@h.org"}));
  EXPECT_EQ(mailto->subject, "x y");
  EXPECT_EQ(mailto->body, "1\r\n2");
  ASSERT_EQ(mailto->headers.size(), 1U);  // RFC 5436 §2.7: the others are not followed
  EXPECT_EQ(mailto->headers[0].first, "X-A");
}

TEST(Mailto, WhatIsNone) {
  for (const std::string_view bad :
       {"", "mailto", "xmpp:a@b.org", "mailto:a b@c.org", "mailto:a", "mailto:a@b.org?x",
        "mailto:a@b.org?subject=a%0d%0aBcc:x@y.org", "mailto:a@b.org?subject=%ff", "mailto:%4",
        "mailto:a@b.org#x", "mailto:a@b.org?%0d=x", "mailto:a@b.org?subject=%00"})
    EXPECT_FALSE(parse_mailto(bad)) << bad;
  EXPECT_TRUE(parse_mailto("mailto:"));
}

TEST(Mailto, Limits) {
  const auto recipients = [](size_t count) {
    std::string out = "mailto:";
    for (size_t i = 0; i < count; ++i) out += (i > 0 ? "," : "") + std::to_string(i) + "@x.org";
    return out;
  };
  EXPECT_TRUE(parse_mailto(recipients(kMailtoRecipientsMax)));
  EXPECT_FALSE(parse_mailto(recipients(kMailtoRecipientsMax + 1)));
  const std::string uri = "mailto:a@x.org?subject=";
  EXPECT_TRUE(parse_mailto(uri + std::string(kMailtoBytesMax - uri.size(), 'x')));
  EXPECT_FALSE(parse_mailto(uri + std::string(kMailtoBytesMax - uri.size() + 1, 'x')));
}

TEST(Outgoing, LinesAreShortAndTextsComeBack) {  // RFC 2045 §6.7
  for (const std::string& text :
       {std::string("plain\r\n"), std::string("ends\n"), std::string("no end"),
        std::string("Grüße aus Köln = 100 %\n"), std::string(3000, 'x'),
        std::string("--x\n-- \nblank \n\t\n"), std::string("a\rb\n\r\nc"), std::string(),
        std::string(200, ' ') + "x"}) {
    SCOPED_TRACE(text.substr(0, 40));
    const EncodedText encoded = encode_text(text);
    std::string wanted = with_crlf(text);
    if (!wanted.ends_with("\r\n")) wanted += "\r\n";
    EXPECT_EQ(decode_transfer(encoded.bytes, encoded.encoding), wanted);
    size_t start = 0;
    while (start < encoded.bytes.size()) {
      const size_t end = encoded.bytes.find("\r\n", start);
      ASSERT_NE(end, std::string::npos);
      const std::string line = encoded.bytes.substr(start, end - start);
      EXPECT_LE(line.size(), encoded.encoding == "7bit" ? 998U : 76U);
      EXPECT_FALSE(line.starts_with("--"));  // it could be taken for a boundary
      start = end + 2;
    }
  }
}

TEST(Outgoing, HeaderLinesAreShortAndValuesComeBack) {  // RFC 5322 §2.1.1, RFC 2047 §2
  std::string words;
  for (int i = 0; i < 100; ++i) words += "word" + std::to_string(i) + " ";
  for (const std::string& value :
       {std::string("x"), words + "end", std::string(400, 'x'), std::string("Grüße aus Köln"),
        words + "ü", std::string(2000, 'x') + " y"}) {
    HeaderWriter writer;
    writer.add_text("Subject", value);
    const std::string field = writer.take();
    const auto read = find_field(field, "subject");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->end, field.size());
    if (value.size() < 1000) EXPECT_EQ(decode_encoded_words(unfold(read->value)), value);
    for (size_t start = 0; start < field.size(); start = field.find("\r\n", start) + 2)
      EXPECT_LE(field.find("\r\n", start) - start, 998U);
  }
}

TEST(Outgoing, NoValueBringsALineOfItsOwn) {
  HeaderWriter writer;
  writer.add_text("Subject", "x\r\nBcc: evil@example.org");
  writer.add("To", "a@b.org\nBcc: evil@example.org");
  const std::string header = writer.take();
  EXPECT_FALSE(find_field(header, "bcc"));
}

TEST(Scores, OnTheirScales) {  // RFC 5235 §3
  EXPECT_EQ(score_text(0, ScoreScale::kSpam), "1");
  EXPECT_EQ(score_text(0.999, ScoreScale::kSpam), "9");
  EXPECT_EQ(score_text(1, ScoreScale::kSpam), "10");
  EXPECT_EQ(score_text(0.379, ScoreScale::kPercent), "37");
  EXPECT_EQ(score_text(0, ScoreScale::kVirus), "1");
  EXPECT_EQ(score_text(1, ScoreScale::kVirus), "5");
  ScoreSource source = {.field = "x", .max = 10};
  EXPECT_EQ(share_in(source, "Yes, score=-3.7"), 0.0);
  EXPECT_EQ(share_in(source, "99"), 1.0);
  EXPECT_EQ(share_in(source, "none"), std::nullopt);
  source.behind = "score=";
  EXPECT_EQ(share_in(source, "5 score=2.5 required=5"), 0.25);
  EXPECT_EQ(share_in(source, "5"), std::nullopt);
}

TEST(Characters, AreCountedInUtf8) {
  EXPECT_EQ(character_count("aä€😀"), 4U);
  EXPECT_EQ(character_count("\xff\xfe"), 2U);
  EXPECT_EQ(character_bytes("aä€", 2), 3U);
  EXPECT_EQ(character_bytes("a", 100), 1U);
}

TEST(References, InStrings) {  // RFC 5229 §3
  const auto first = find_reference("x ${a.b_1.2} ${c}", 0);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->start, 2U);
  EXPECT_EQ(first->names, (std::vector<std::string>{"a", "b_1", "2"}));
  EXPECT_EQ(find_reference("${a${b}", 0)->start, 3U);
  for (const char* none :
       {"", "$", "${", "${}", "${a", "${a b}", "${1.a}", "${.a}", "${a.}", "${a-b}"})
    EXPECT_FALSE(find_reference(none, 0)) << none;
}

}  // namespace
}  // namespace gemel::sieve
