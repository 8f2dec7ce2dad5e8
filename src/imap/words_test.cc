// The small readers and writers: dates, names and patterns, sequence sets, replies.

#include <gtest/gtest.h>

#include "imap/commands.h"
#include "imap/date_time.h"
#include "imap/names.h"
#include "imap/reply.h"
#include "imap/sequence.h"
#include "imap/test_world.h"

namespace gemel::imap {
namespace {

TEST(DateTime, IsReadAndWritten) {  // RFC 3501 §9, date-time
  EXPECT_EQ(parse_date_time("17-Jul-1996 02:44:25 -0700"), 837'596'665);
  EXPECT_EQ(date_time_text(837'596'665), "17-Jul-1996 09:44:25 +0000");
  EXPECT_EQ(date_time_text(parse_date_time(" 1-jan-2024 00:00:00 +0000").value()),
            " 1-Jan-2024 00:00:00 +0000");
  EXPECT_EQ(date_time_text(-1), "31-Dec-1969 23:59:59 +0000");
  EXPECT_EQ(date_time_text(INT64_MAX), "31-Dec-9999 23:59:59 +0000");
  EXPECT_EQ(date_time_text(INT64_MIN), " 1-Jan-0001 00:00:00 +0000");
  for (const std::string_view wrong :
       {"", "17-Jul-1996", "17-Jul-1996 02:44:25", "32-Jul-1996 02:44:25 +0000",
        "17-Foo-1996 02:44:25 +0000", "17-Jul-1996 24:00:00 +0000", "17-Jul-1996 2:44:25 +0000",
        "17-Jul-1996 02:44:25 0000", "17-Jul-1996 02:44:25 +0060", "29-Feb-2023 02:44:25 +0000",
        "17-Jul-96 02:44:25 +0000", "17-Jul-1996 02:44:25 +0000 "})
    EXPECT_FALSE(parse_date_time(wrong)) << wrong;
}

TEST(Date, IsADayInUtc) {
  EXPECT_EQ(parse_date("1-Feb-1970"), 31);
  EXPECT_EQ(parse_date("01-Feb-1970"), 31);
  EXPECT_FALSE(parse_date("1-Feb-19700"));
  EXPECT_EQ(day_of(0), 0);
  EXPECT_EQ(day_of(-1), -1);
  EXPECT_EQ(day_of(86'400), 1);
}

TEST(Sequence, IsRead) {  // RFC 3501 §9, sequence-set
  const Sequence set = parse_sequence("1,5:*,9:3", 3).value();
  ASSERT_EQ(set.size(), 3U);
  EXPECT_EQ(set[1].last, kStar);
  EXPECT_EQ(set[2].first, 9U);
  EXPECT_EQ(parse_sequence("1,2,3", 2).error().code, Code::kLimit);
  for (const std::string_view wrong :
       {"", "0", "1,", ",1", "1:", ":1", "1:2:3", "01", "4294967296", "a", "1:0", "$"})
    EXPECT_EQ(parse_sequence(wrong, 9).error().code, Code::kSyntax) << wrong;
}

bool matches(std::string_view pattern, std::string_view path) {
  return Pattern("", pattern, ImapDialect::kAscii).matches(path);
}

TEST(Pattern, StandsForNames) {  // RFC 3501 §6.3.8
  EXPECT_TRUE(matches("*", "a/b/c"));
  EXPECT_FALSE(matches("%", "a/b"));
  EXPECT_TRUE(matches("%/%", "a/b"));
  EXPECT_FALSE(matches("%/%", "a/b/c"));
  EXPECT_TRUE(matches("a%c", "abbc"));
  EXPECT_FALSE(matches("a%c", "ab/c"));
  EXPECT_TRUE(matches("a*c", "ab/c"));
  EXPECT_TRUE(matches("*b%", "a/xb"));
  EXPECT_TRUE(matches("%*", "a/b"));
  EXPECT_TRUE(matches("*%", "a/b"));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(Pattern("a/", "%", ImapDialect::kAscii).matches("a/b"));
  EXPECT_TRUE(matches("gr&APw-%", "gr\xc3\xbc\xc3\x9f"));
  EXPECT_FALSE(matches("bad&", "bad&"));
}

TEST(Pattern, FindsInboxInAnyCase) {
  EXPECT_TRUE(matches("inbox", "INBOX"));
  EXPECT_TRUE(matches("iNb%", "INBOX"));
  EXPECT_TRUE(matches("inbox/*", "INBOX/a"));
  EXPECT_FALSE(matches("archive", "ARCHIVE"));
}

TEST(Pattern, IsDecidedInReasonableTimeWhateverItIs) {
  std::string pattern;
  while (pattern.size() < kPatternBytesMax) pattern += "*a";
  pattern.resize(kPatternBytesMax);
  EXPECT_FALSE(matches(pattern, std::string(kMailboxPathBytesMax - 1, 'a')));
  EXPECT_FALSE(matches(pattern + "*", "a"));  // too long to match anything
}

TEST(Names, AreModifiedUtf7) {  // RFC 3501 §5.1.3
  World world;
  const AccessOptions options;
  const UserAccess alice(world.store(), options, "alice");
  EXPECT_EQ(mailbox_of(alice, "gr&APw-n", ImapDialect::kAscii).value().path, "gr\xc3\xbcn");
  EXPECT_EQ(mailbox_of(alice, "inbox/a", ImapDialect::kAscii).value().path, "INBOX/a");
  EXPECT_EQ(mailbox_of(alice, "bad&", ImapDialect::kAscii).error().code, Code::kInvalid);
  EXPECT_EQ(mailbox_of(alice, "", ImapDialect::kAscii).error().code, Code::kInvalid);
  std::string out;
  put_path(out, "a & \xc3\xbc", ImapDialect::kAscii);
  EXPECT_EQ(out, "\"a &- &APw-\"");
}

TEST(Names, AreUtf8WhereThatIsEnabled) {  // RFC 9051 §5.1, RFC 6855 §3
  World world;
  const AccessOptions options;
  const UserAccess alice(world.store(), options, "alice");
  EXPECT_EQ(mailbox_of(alice, "gr\xc3\xbcn", ImapDialect::kUtf8).value().path, "gr\xc3\xbcn");
  EXPECT_EQ(mailbox_of(alice, "gr&APw-n", ImapDialect::kUtf8).value().path, "gr&APw-n");
  EXPECT_EQ(mailbox_of(alice, "\xc3", ImapDialect::kUtf8).error().code, Code::kInvalid);
  EXPECT_EQ(mailbox_of(alice, "gr\xc3\xbcn", ImapDialect::kAscii).error().code, Code::kInvalid);
  EXPECT_TRUE(Pattern("", "*\xc3\xbc*", ImapDialect::kUtf8).matches("gr\xc3\xbcn"));
  std::string out;
  put_path(out, "\xc3\xbc \"&\\", ImapDialect::kUtf8);
  put_path(out, "a&b", ImapDialect::kUtf8);
  EXPECT_EQ(out, "\"\xc3\xbc \\\"&\\\\\"a&b");
}

TEST(Reply, HasWordsForEveryCode) {
  for (size_t code = 0; code < kCodeCount; ++code) {
    std::string out;
    put_error(out, "a", {static_cast<Code>(code), "some reason"}, ErrorPlace::kAnywhere);
    EXPECT_TRUE(out.starts_with("a NO ") || out.starts_with("a BAD ")) << out;
    EXPECT_TRUE(out.ends_with("some reason\r\n")) << out;
  }
}

TEST(Reply, IsOneLineWhateverTheErrorSays) {
  std::string out;
  put_error(out, "a", {Code::kInvalid, "a\r\nb OK\xff"}, ErrorPlace::kAnywhere);
  EXPECT_EQ(out, "a NO [CANNOT] a??b OK?\r\n");
}

TEST(Commands, AreFoundInAnyCase) {
  EXPECT_EQ(find_command("uid fetch"), find_command("UID FETCH"));
  EXPECT_NE(find_command("Fetch"), nullptr);
  EXPECT_EQ(find_command("UID"), nullptr);
  EXPECT_EQ(find_command(""), nullptr);
}

}  // namespace
}  // namespace gemel::imap
