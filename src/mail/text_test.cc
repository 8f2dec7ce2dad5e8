#include "mail/text.h"

#include <gtest/gtest.h>

#include <array>

#include "base/random.h"
#include "mail/charset.h"
#include "mail/fuzzy.h"

namespace gemel {
namespace {

bool matches(std::string_view text, std::string_view key) {
  return SearchKey(key).in(search_fold(text));
}

TEST(SearchKey, FoldsCaseWidthsAndLigatures) {  // RFC 5051
  EXPECT_TRUE(matches("Die Straße", "STRASSE"));
  EXPECT_TRUE(matches("ＦＵＬＬ width", "full"));
  EXPECT_TRUE(matches("ﬁnd", "FIND"));
  EXPECT_TRUE(matches("Cafe\xcc\x81", "CAFÉ"));
  EXPECT_TRUE(matches("ΣΊΣΥΦΟΣ", "σίσυφος"));
  EXPECT_TRUE(matches("André", "andre"));
  EXPECT_TRUE(matches("a zero\u200bwidth", "zerowidth"));
  EXPECT_FALSE(matches("Andre", "andré"));
  EXPECT_TRUE(matches("\u01c6", "D\u017d"));
  EXPECT_TRUE(matches("\u0131", "i"));
  EXPECT_TRUE(matches("abc", ""));
  EXPECT_FALSE(matches("abc", "abd"));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(is_utf8(search_fold(to_utf8("\xff\xfe", "utf-8"))));
}

TEST(CollationKey, OrdersAsUnicodeCasemap) {  // RFC 5051 §2
  EXPECT_EQ(collation_key("aBc_"), "ABC_");
  EXPECT_LT(collation_key("zoe"), collation_key("[list]"));
  EXPECT_EQ(collation_key("\u00e4nne"), "A\u0308NNE");
  EXPECT_EQ(collation_key("\u01c6"), "D\u007a\u030c");  // its title case, decomposed
  EXPECT_EQ(collation_key("\ufb01"), "fi");             // has no title case of one character
}

TEST(HeaderContains, TheAddressWithoutItsComments) {  // RFC 3501 §6.4.4, FROM
  constexpr std::string_view kHeader =
      "From: <ann (comment)@ (comment) example.org>\r\nSubject: a (b)@c\r\n\r\n";
  EXPECT_TRUE(header_contains(kHeader, "From", SearchKey("ann@example.org")));
  EXPECT_TRUE(header_contains(kHeader, "From", SearchKey("(comment)")));
  EXPECT_FALSE(header_contains(kHeader, "From", SearchKey("bob@example.org")));
  EXPECT_FALSE(header_contains(kHeader, "Subject", SearchKey("a@c")));
}

TEST(HeaderContains, TheNameWithoutItsQuotes) {  // RFC 3501 §6.4.4, FROM
  constexpr std::string_view kHeader =
      "From: \"Doe\\, John\" <jd@example.org>, ann@example.org (Ann \\(A\\))\r\n\r\n";
  for (const char* key :
       {"Doe, John", "doe, john <jd@", "ann (a) <ann@example.org>", "Doe\\, John"})
    EXPECT_TRUE(header_contains(kHeader, "From", SearchKey(key))) << key;
  WholeMessage message(kHeader);
  EXPECT_TRUE(text_contains(message, parse_structure(kHeader), SearchKey("Doe, John")));
}

TEST(SearchKey, IsLinearForAnyKey) {
  const std::string text(4'000'000, 'a');
  const std::string key = std::string(500'000, 'a') + "b";
  EXPECT_FALSE(matches(text, key));
}

constexpr std::string_view kMessage =
    "From: =?iso-8859-1?q?Andr=E9?= <andre@example.org>\r\n"
    "Subject: Folded\r\n subject\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "preambleword\r\n"
    "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\nna=EFve long wo=\r\nrd\r\n"
    "--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
    "Content-Disposition: attachment; filename*0*=utf-8''%E2%82%AC; filename*1=uros.pdf\r\n\r\n"
    "cGRmd29yZA==\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: innersubject\r\n\r\ninnerbody\r\n"
    "--b--\r\nepilogueword\r\n";

TEST(Search, BodyLooksAtDecodedTextPartsOnly) {  // RFC 9051 §6.4.4
  const MimePart structure = parse_structure(kMessage);
  const auto body = [&](const char* key) {
    WholeMessage message(kMessage);
    return body_contains(message, structure, SearchKey(key));
  };
  EXPECT_TRUE(body("NAÏVE LONG WORD"));
  EXPECT_TRUE(body("innerbody"));
  EXPECT_TRUE(body(""));
  for (const char* key :
       {"andré", "pdfword", "cGRmd29yZA", "innersubject", "€uros", "preambleword", "epilogueword"})
    EXPECT_FALSE(body(key)) << key;
}

TEST(Search, BodyLooksAtReports) {  // RFC 3464
  constexpr std::string_view kReport =
      "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
      "--b\r\n\r\nIt could not be delivered.\r\n"
      "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
      "Reporting-MTA: dns; mail.example.org\r\n\r\n"
      "Final-Recipient: rfc822; zaphod@example.org\r\n"
      "--b\r\nContent-Type: message/partial; id=1; number=1\r\n\r\nnotlooked\r\n--b--\r\n";
  const MimePart structure = parse_structure(kReport);
  for (const auto& [key, expected] :
       {std::pair("zaphod", true), {"final-recipient", true}, {"notlooked", false}}) {
    WholeMessage message(kReport);
    EXPECT_EQ(body_contains(message, structure, SearchKey(key)), expected) << key;
    EXPECT_EQ(text_contains(message, structure, SearchKey(key)), expected) << key;
  }
}

TEST(Search, TextLooksAtAllHeadersToo) {
  const MimePart structure = parse_structure(kMessage);
  const auto text = [&](const char* key) {
    WholeMessage message(kMessage);
    return text_contains(message, structure, SearchKey(key));
  };
  for (const char* key : {"naïve", "innerbody", "ANDRÉ <andre", "subject: folded subject",
                          "€uros.PDF", "innersubject", "application/pdf", ""})
    EXPECT_TRUE(text(key)) << key;
  EXPECT_FALSE(text("pdfword"));
}

TEST(Search, HeaderLooksAtEachFieldOfTheName) {
  constexpr std::string_view kHeader =
      "X-A: one\r\nx-a: =?utf-8?q?tw=C3=B6?=\r\nEmpty:\r\n\r\nX-B: y";
  EXPECT_TRUE(header_contains(kHeader, "x-a", SearchKey("TWÖ")));
  EXPECT_TRUE(header_contains(kHeader, "X-A", SearchKey("one")));
  EXPECT_FALSE(header_contains(kHeader, "X-A", SearchKey("onetw")));
  EXPECT_TRUE(header_contains(kHeader, "empty", SearchKey("")));
  EXPECT_FALSE(header_contains(kHeader, "x-b", SearchKey("")));
}

/// All pieces that BODY looks through, as one text.
std::string body_text(const std::string& message) {
  WholeMessage whole(message);
  std::string out;
  size_t pieces = 0;
  any_body_text(whole, parse_structure(message), {.overlap_bytes = 0, .look = [&](auto folded) {
                                                    out += folded;
                                                    EXPECT_LE(folded.size(), 12 * kTextPieceBytes);
                                                    ++pieces;
                                                    return false;
                                                  }});
  EXPECT_GT(pieces, 1);
  return out;
}

TEST(LookAtText, FoldsLongTextsInPiecesAsIfWhole) {
  SeededRandom random(1);
  // Marks that compose with what is before them, in an order that is changed, Hangul that composes,
  // what is not seen, and what becomes many characters.
  constexpr std::array<std::string_view, 12> kPieces = {
      "e",      "E\u0301", "\u0301\u0323", "\u1100", "\u1161", "\u11a8",
      "\u00ad", "ß",       "\ufb01",       "\ufdfa", "日",     "\U0001f600"};
  for (const size_t first : {0UZ, 1UZ, 3UZ}) {  // with ASCII to cut at, and without
    std::string text;
    while (text.size() < 3 * kTextPieceBytes)
      text += kPieces[first + random.u64() % (kPieces.size() - first)];
    const std::string expected = search_fold(text);
    EXPECT_TRUE(body_text("Content-Type: text/plain; charset=utf-8\r\n\r\n" + text) == expected);
    EXPECT_TRUE(body_text("X: no charset\r\n\r\n" + text) == expected);
  }
  const std::string western(3 * kTextPieceBytes, '\xe9');
  EXPECT_TRUE(body_text("X: no charset\r\n\r\n" + western) ==
              search_fold(to_utf8(western, "windows-1252")));
}

TEST(LookAtText, FindsWhatLiesAcrossPieces) {
  const std::string key = "a needle of some length";
  for (size_t before = kTextPieceBytes - key.size() - 1; before < kTextPieceBytes + 2; ++before) {
    const std::string message =
        "Subject: x\r\n\r\n" + std::string(before, '-') + key + std::string(100, '-');
    WholeMessage whole(message);
    const MimePart structure = parse_structure(message);
    ASSERT_TRUE(body_contains(whole, structure, SearchKey(key))) << before;
    ASSERT_FALSE(body_contains(whole, structure, SearchKey(key + key)));
  }
  // A key that is longer than a piece.
  const std::string large = std::string(3 * kTextPieceBytes, 'x') + "y";
  const std::string message = "Subject: x\r\n\r\n" + large + large + "z";
  WholeMessage whole(message);
  const MimePart structure = parse_structure(message);
  EXPECT_TRUE(body_contains(whole, structure, SearchKey(large + "z")));
  EXPECT_FALSE(body_contains(whole, structure, SearchKey("y" + large + "y")));
}

TEST(LookAtText, FindsWordsAcrossPiecesWithErrors) {
  const FuzzyKey key("announcement");
  for (size_t before = kTextPieceBytes - 20; before < kTextPieceBytes + 5; ++before) {
    const std::string message =
        "Subject: x\r\n\r\n" + std::string(before, '-') + "announcemnet" + std::string(100, '-');
    WholeMessage whole(message);
    FuzzyMatch match(key);
    any_body_text(whole, parse_structure(message),
                  {.overlap_bytes = key.overlap_bytes(), .look = [&](std::string_view folded) {
                     match.look(folded);
                     return false;
                   }});
    ASSERT_GT(match.relevance(), 0) << before;
  }
}

}  // namespace
}  // namespace gemel
