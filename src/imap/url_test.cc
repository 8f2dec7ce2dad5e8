#include "imap/url.h"

#include <gtest/gtest.h>

namespace gemel::imap {
namespace {

TEST(Url, NamesAMessageOfThisServer) {  // RFC 5092 §11
  const Result<Url> url = parse_url("/Sent;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->mailbox, "Sent");
  EXPECT_EQ(url->uidvalidity, UidValidity(385759045));
  EXPECT_EQ(url->uid, Uid(20));
  EXPECT_EQ(url->section.path, (std::vector<uint32_t>{1, 2}));
  EXPECT_FALSE(url->host);
  EXPECT_FALSE(url->partial);
}

TEST(Url, MayNameTheServerAndTheUser) {
  const Result<Url> url = parse_url("IMAP://ann%40x;AUTH=*@mail.example.com:143/a/b/;uid=1");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "mail.example.com");
  EXPECT_EQ(url->user, "ann@x");
  EXPECT_EQ(url->mailbox, "a/b");
  EXPECT_EQ(url->section, Section());
  EXPECT_EQ(parse_url("imap://[::1]/a/;UID=1")->host, "[::1]");
  EXPECT_EQ(parse_url("//mail.example.com/a/;UID=1")->host, "mail.example.com");
}

TEST(Url, IsRelativeToTheSelectedMailbox) {  // RFC 5092 §7.1
  const Result<Url> url = parse_url(";UID=7/;SECTION=HEADER.FIELDS%20(DATE%20FROM)/;PARTIAL=3.10");
  ASSERT_TRUE(url);
  EXPECT_FALSE(url->mailbox);
  EXPECT_EQ(url->section.kind, Section::Kind::kHeaderFields);
  EXPECT_EQ(url->section.fields, (std::vector<std::string>{"DATE", "FROM"}));
  EXPECT_EQ(url->partial, (Url::Partial{.start = 3, .count = 10}));
  EXPECT_EQ(parse_url(";UID=7/;PARTIAL=3")->partial, (Url::Partial{.start = 3, .count = {}}));
}

TEST(Url, MailboxNamesAreUtf8) {  // RFC 5092 §8
  EXPECT_EQ(parse_url("/%C3%84pfel%2FBl%c3%a4tter%3bUID/;UID=1")->mailbox,
            "\u00c4pfel/Bl\u00e4tter;UID");
}

TEST(Url, OthersAreNone) {
  for (const std::string_view text : {"",
                                      "/",
                                      "/Sent",
                                      "/Sent/",
                                      "/Sent/;UID=0",
                                      "/Sent/;UID=4294967296",
                                      "/Sent/;UID=x",
                                      "/Sent/;UID=",
                                      "/Sent;UIDVALIDITY=0/;UID=1",
                                      "/Sent;UIDVALIDITY=/;UID=1",
                                      "//;UID=1",
                                      "/Sent?SUBJECT%20x",
                                      "/Sent/;UID=1;SECTION=1",
                                      "/Sent/;UID=1/;SECTION=0",
                                      "/Sent/;UID=1/;SECTION=MIME",
                                      "/Sent/;UID=1/;SECTION=TEXT]%5BX",
                                      "/Sent/;UID=1/;PARTIAL=x",
                                      "/Sent/;UID=1/;PARTIAL=1.0",
                                      "/Sent/;UID=1/;EXPIRE=2027-01-01T00:00:00Z",
                                      "/Sent/;UID=1/;URLAUTH=anonymous",
                                      "/%/;UID=1",
                                      "/%4/;UID=1",
                                      "/%zz/;UID=1",
                                      "/%ff/;UID=1",
                                      "/%00/;UID=1",
                                      "/a%0d%0a/;UID=1",
                                      "http://mail.example.com/Sent/;UID=1",
                                      "imap://",
                                      "imap:///Sent/;UID=1",
                                      "imap://host:99999/Sent/;UID=1",
                                      "imap://host;UID=1",
                                      "Sent/;UID=1"}) {
    const Result<Url> url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, Code::kSyntax) << text;
  }
}

}  // namespace
}  // namespace gemel::imap
