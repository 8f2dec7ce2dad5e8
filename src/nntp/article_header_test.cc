#include "nntp/article_header.h"

#include <gtest/gtest.h>

namespace gemel::nntp {
namespace {

TEST(ArticleHeader, KeepsEveryByteOfTheFieldsThatAreLeftAlone) {
  constexpr std::string_view kBlock =
      "From: a@b\r\nX-Odd:  two  spaces \r\nSubject: \xe9t\xe9\r\n\tfolded\r\nX-Odd: again\r\n";
  ArticleHeader header = ArticleHeader::parse(kBlock).value();
  EXPECT_EQ(header.text(), std::string(kBlock) + "\r\n");
  EXPECT_EQ(header.value("subject"), "\xe9t\xe9\tfolded");
  EXPECT_EQ(header.value("none"), std::nullopt);
  header.remove("x-ODD");
  header.replace("From", "c@d");
  header.replace("Date", "now");
  header.append("To", "e");
  EXPECT_EQ(header.text(),
            "From: c@d\r\nSubject: \xe9t\xe9\r\n\tfolded\r\nDate: now\r\nTo: e\r\n\r\n");
}

TEST(ArticleHeader, RefusesWhatNetnewsDoesNotAllow) {  // RFC 5536 §2.2
  for (const char* bad :
       {"no field\r\n", "From:a@b\r\n", "From : a@b\r\n", " From: a@b\r\n", "From: a@b\n",
        "From: a@b\r\n \r\n", "From: a\r\nFrom: b\r\n", "Subject:\r\n x\r\n", "a\xe9: b\r\n",
        "From: a@b\r\n\r\nSubject: x\r\n", ": x\r\n"})
    EXPECT_EQ(ArticleHeader::parse(bad).error().code, Code::kSyntax) << bad;
  const std::string longest = "X: " + std::string(kHeaderLineBytesMax - 3, 'x');
  EXPECT_TRUE(ArticleHeader::parse(longest + "\r\n").has_value());
  EXPECT_EQ(ArticleHeader::parse(longest + "x\r\n").error().code, Code::kSyntax);
}

TEST(ArticleHeader, PutsItsPathInFront) {  // RFC 5537 §3.2.1
  ArticleHeader none = ArticleHeader::parse("From: a@b\r\n").value();
  none.prepend_path("us!.POSTED!", "not-for-mail");
  EXPECT_EQ(none.text(), "Path: us!.POSTED!not-for-mail\r\nFrom: a@b\r\n\r\n");
  none.prepend_path("them!!", "unused");
  EXPECT_EQ(none.value("Path"), "them!!us!.POSTED!not-for-mail");

  const std::string long_path = "Path: " + std::string(kHeaderLineBytesMax - 10, 'p') + "\r\n";
  ArticleHeader far = ArticleHeader::parse(long_path).value();
  far.prepend_path("us.example.org!!", "");
  EXPECT_EQ(far.text().substr(0, 26), "Path: us.example.org!!\r\n p");
  EXPECT_TRUE(ArticleHeader::parse(far.text().substr(0, far.text().size() - 2)).has_value());
}

TEST(ArticleHeader, KnowsWhatIsThereOnce) {
  for (const char* name : {"From", "MESSAGE-ID", "Injection-Info", "User-Agent", "Approved"})
    EXPECT_TRUE(is_unique_field(name)) << name;
  EXPECT_FALSE(is_unique_field("X-Comment"));
}

}  // namespace
}  // namespace gemel::nntp
