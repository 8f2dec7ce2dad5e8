#include "mail/newsgroup.h"

#include <gtest/gtest.h>

namespace gemel {
namespace {

TEST(Newsgroup, HasComponentsOfLettersDigitsAndThreeSigns) {  // RFC 5536 §3.1.4
  for (const char* good : {"a", "comp.lang.c++", "alt.x_y-z", "de.0.1", "control"})
    EXPECT_TRUE(is_newsgroup(good)) << good;
  for (const char* bad : {"", ".", "a.", ".a", "a..b", "a b", "a/b", "a*", "\xc3\xa9", "a,b"})
    EXPECT_FALSE(is_newsgroup(bad)) << bad;
  EXPECT_TRUE(is_newsgroup(std::string(kNewsgroupBytesMax, 'a')));
  EXPECT_FALSE(is_newsgroup(std::string(kNewsgroupBytesMax + 1, 'a')));
}

TEST(Newsgroup, IsAMailboxOneLevelBelowThePrefix) {
  const Result<MailboxName> name = mailbox_of_newsgroup("shared", "news", "comp.lang.c");
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(name->text(), "shared/news/comp.lang.c");
  EXPECT_EQ(newsgroup_of_path("news", name->path), "comp.lang.c");
  EXPECT_EQ(mailbox_of_newsgroup("shared", "news", "a/b").error().code, Code::kInvalid);
  for (const char* path : {"news", "news/", "news/a/b", "newsy/a", "other/a", "news/a b"})
    EXPECT_FALSE(newsgroup_of_path("news", path).has_value()) << path;
}

TEST(Newsgroups, AreAListWithWhiteSpaceAroundCommas) {
  EXPECT_EQ(*parse_newsgroups(" a.b , c,a.b"), (std::vector<std::string>{"a.b", "c"}));
  for (const char* bad : {"", " ", "a,", ",a", "a b", "a;b"})
    EXPECT_EQ(parse_newsgroups(bad).error().code, Code::kSyntax) << bad;
  std::string many = "g0";
  for (size_t i = 1; i < kNewsgroupsMax; ++i) many += ",g" + std::to_string(i);
  EXPECT_EQ(parse_newsgroups(many)->size(), kNewsgroupsMax);
  EXPECT_EQ(parse_newsgroups(many + ",more").error().code, Code::kLimit);
}

TEST(NetnewsMessageId, IsNarrowerThanThatOfMail) {  // RFC 5536 §3.1.3, RFC 3977 §3.6
  for (const char* good : {"<a@b>", "<x$1.y@[127.0.0.1]>", "<\"a@b\"@c>"})
    EXPECT_TRUE(is_netnews_message_id(good)) << good;
  for (const char* bad :
       {"", "<>", "<a>", "<@b>", "<a@>", "a@b", "<a b@c>", "<a>b@c>", "<a@b> ", "<\xe9@b>"})
    EXPECT_FALSE(is_netnews_message_id(bad)) << bad;
  const std::string longest = "<" + std::string(kMessageIdBytesMax - 4, 'x') + "@b>";
  EXPECT_TRUE(is_netnews_message_id(longest));
  EXPECT_FALSE(is_netnews_message_id("<y" + longest.substr(1)));
}

TEST(NewsgroupStatus, IsALetterOfTheMailbox) {
  MailboxInfo mailbox;
  EXPECT_EQ(newsgroup_status(mailbox), NewsgroupStatus::kPosting);
  mailbox.attributes[std::string(kAttributeNewsgroupStatus)] = "m";
  EXPECT_EQ(newsgroup_status(mailbox), NewsgroupStatus::kModerated);
  mailbox.attributes[std::string(kAttributeNewsgroupStatus)] = "what";
  EXPECT_EQ(newsgroup_status(mailbox), NewsgroupStatus::kNoPosting);
  EXPECT_EQ(parse_newsgroup_status("x").error().code, Code::kInvalid);
}

}  // namespace
}  // namespace gemel
