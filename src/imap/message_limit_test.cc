// MESSAGELIMIT and SAVELIMIT (RFC 9738).

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imap/test_world.h"

namespace gemel::imap {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kSix =
    " {3+}\r\none {3+}\r\ntwo {5+}\r\nthree {4+}\r\nfour {4+}\r\nfive {3+}\r\nsix";

class MessageLimit : public testing::Test {
 protected:
  /// A client that has selected an INBOX with six messages, where four are the limit.
  Client limited(Limits::Limited limited) {
    Client filler = alice(world_);
    filler.line(fmt::format("a APPEND INBOX{}", kSix));
    Limits& limits = world_.change_options().limits;
    limits.messages_per_command_max = 4;
    limits.limited = limited;
    Client client = alice(world_);
    client.line("s SELECT INBOX");
    return client;
  }
  Client limited_in_all() { return limited(Limits::Limited::kAll); }

  World world_;
};

TEST_F(MessageLimit, IsTold) {
  EXPECT_THAT(limited_in_all().line("a CAPABILITY"), HasSubstr(" MESSAGELIMIT=4 "));
  EXPECT_THAT(limited(Limits::Limited::kSaving).line("b CAPABILITY"),
              AllOf(HasSubstr(" SAVELIMIT=4 "), Not(HasSubstr("MESSAGELIMIT"))));
  World other;
  EXPECT_THAT(alice(other).line("c CAPABILITY"), Not(HasSubstr("LIMIT=4")));
}

TEST_F(MessageLimit, FetchTellsTheHighestFromTheTop) {
  Client client = limited_in_all();
  EXPECT_EQ(client.line("a FETCH 1:* RFC822.SIZE"),
            "* 6 FETCH (RFC822.SIZE 3)\r\n* 5 FETCH (RFC822.SIZE 4)\r\n"
            "* 4 FETCH (RFC822.SIZE 4)\r\n* 3 FETCH (RFC822.SIZE 5)\r\n"
            "a OK [MESSAGELIMIT 4 3] FETCH completed\r\n");
  EXPECT_THAT(client.line("b UID FETCH 1:4 UID"),
              AllOf(StartsWith("* 1 FETCH"), EndsWith("b OK UID FETCH completed\r\n")));
}

TEST_F(MessageLimit, APartialFetchIsDoneWholeOrNot) {
  Client client = limited_in_all();
  EXPECT_THAT(client.line("a UID FETCH 1:* UID (PARTIAL -1:-5)"),
              StartsWith("a NO [MESSAGELIMIT 4]"));
  EXPECT_THAT(client.line("b UID FETCH 1:* UID (PARTIAL -1:-4)"),
              AllOf(HasSubstr("* 3 FETCH"), EndsWith("b OK UID FETCH completed\r\n")));
}

TEST_F(MessageLimit, StoreAndMoveWorkOnTheHighest) {
  Client client = limited_in_all();
  EXPECT_THAT(client.line("a UID STORE 1:5 +FLAGS (\\Seen)"),
              AllOf(Not(HasSubstr("* 1 FETCH")), HasSubstr("* 2 FETCH"),
                    HasSubstr("a OK [MESSAGELIMIT 4 2]")));
  client.line("b CREATE Old");
  const std::string moved = client.line("c MOVE 1:* Old");
  EXPECT_THAT(moved, HasSubstr(" 3:6 1:4] moved"));
  EXPECT_THAT(moved, HasSubstr("c OK [MESSAGELIMIT 4 3]"));
  EXPECT_THAT(client.line("d STATUS Old (MESSAGES)"), HasSubstr("(MESSAGES 4)"));
}

TEST_F(MessageLimit, ASecondCodeIsToldBefore) {
  Client client = limited_in_all();
  client.line("a ENABLE CONDSTORE");
  client.line("b CREATE Old");
  EXPECT_THAT(client.line("c MOVE 1:* Old"),
              HasSubstr("* NO [MESSAGELIMIT 4 3] this was done for the last messages only\r\n"
                        "c OK [HIGHESTMODSEQ "));
}

TEST_F(MessageLimit, UidExpungeCountsWhatIsDeleted) {
  Client client = limited_in_all();
  client.line("a STORE 1:3 +FLAGS.SILENT (\\Deleted)");
  client.line("b STORE 4:5 +FLAGS.SILENT (\\Deleted)");
  EXPECT_THAT(client.line("c UID EXPUNGE 1:6"),
              AllOf(Not(HasSubstr("* 1 EXPUNGE")), HasSubstr("c OK [MESSAGELIMIT 4 2]")));
  client.line("d STORE 1 +FLAGS.SILENT (\\Deleted)");
  EXPECT_THAT(client.line("e UID EXPUNGE 1:6"),
              AllOf(HasSubstr("* 1 EXPUNGE"), HasSubstr("e OK UID EXPUNGE")));
}

TEST_F(MessageLimit, ExpungeHasNone) {
  Client client = limited_in_all();
  client.line("a STORE 1:3 +FLAGS.SILENT (\\Deleted)");
  client.line("b STORE 4:6 +FLAGS.SILENT (\\Deleted)");
  EXPECT_THAT(client.line("c EXPUNGE"), HasSubstr("c OK EXPUNGE completed"));
  EXPECT_THAT(client.line("d STATUS INBOX (MESSAGES)"), HasSubstr("(MESSAGES 0)"));
}

TEST_F(MessageLimit, SearchCountsWhatIsLookedAt) {
  Client client = limited_in_all();
  EXPECT_EQ(client.line("a SEARCH TEXT e"),
            "* SEARCH 3 5\r\na OK [MESSAGELIMIT 4 3] SEARCH completed\r\n");
  // What is below is not told though it needs no look.
  EXPECT_EQ(client.line("b SEARCH OR UID 1:2 TEXT six"),
            "* SEARCH 1 2 6\r\nb OK SEARCH completed\r\n");
  EXPECT_EQ(client.line("c UID SEARCH UIDAFTER 2 TEXT e"),
            "* SEARCH 3 5\r\nc OK UID SEARCH completed\r\n");
  EXPECT_EQ(client.line("d UID SEARCH UIDBEFORE 3 TEXT e"),
            "* SEARCH 1\r\nd OK UID SEARCH completed\r\n");
  EXPECT_EQ(client.line("e SEARCH ALL"), "* SEARCH 1 2 3 4 5 6\r\ne OK SEARCH completed\r\n");
  EXPECT_EQ(client.line("f SEARCH UIDBEFORE 1"), "* SEARCH\r\nf OK SEARCH completed\r\n");
  EXPECT_EQ(client.line("g SEARCH UIDAFTER 6"), "* SEARCH\r\ng OK SEARCH completed\r\n");
  EXPECT_THAT(client.line("h SEARCH UIDAFTER 0"), StartsWith("h BAD"));
  EXPECT_THAT(client.line("i SEARCH UIDAFTER *"), StartsWith("i BAD"));
}

TEST_F(MessageLimit, CopySortAndAppendAreDoneWholeOrNot) {
  Client client = limited_in_all();
  client.line("a CREATE Old");
  EXPECT_THAT(client.line("b COPY 1:* Old"), StartsWith("b NO [MESSAGELIMIT 4 3]"));
  EXPECT_THAT(client.line("c COPY 1:4 Old"), StartsWith("c OK [COPYUID"));
  EXPECT_THAT(client.line("d SORT (DATE) UTF-8 ALL"), StartsWith("d NO [MESSAGELIMIT 4]"));
  EXPECT_THAT(client.line("e SORT (DATE) UTF-8 1:4"), HasSubstr("e OK"));
  EXPECT_THAT(client.line(fmt::format("f APPEND Old{}", kSix)),
              StartsWith("f NO [MESSAGELIMIT 4]"));
  EXPECT_THAT(client.line("g STATUS Old (MESSAGES)"), HasSubstr("(MESSAGES 4)"));
}

TEST_F(MessageLimit, SavingAlone) {
  Client client = limited(Limits::Limited::kSaving);
  client.line("a CREATE Old");
  EXPECT_THAT(client.line("b COPY 1:* Old"), StartsWith("b NO [MESSAGELIMIT 4 3]"));
  EXPECT_THAT(client.line(fmt::format("c APPEND Old{}", kSix)),
              StartsWith("c NO [MESSAGELIMIT 4]"));
  EXPECT_THAT(client.line("d FETCH 1:* UID"), HasSubstr("d OK FETCH completed"));
  EXPECT_THAT(client.line("e SORT (DATE) UTF-8 ALL"), HasSubstr("e OK"));
  EXPECT_THAT(client.line("f SEARCH TEXT e"), HasSubstr("f OK SEARCH completed"));
  EXPECT_THAT(client.line("g MOVE 1:* Old"), HasSubstr("g OK MOVE completed"));
}

}  // namespace
}  // namespace gemel::imap
