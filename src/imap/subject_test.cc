#include "imap/subject.h"

#include <gtest/gtest.h>

namespace gemel::imap {
namespace {

TEST(BaseSubject, IsWhatRepliesShare) {  // RFC 5256 §2.1
  EXPECT_EQ(base_subject("hello").text, "hello");
  EXPECT_EQ(base_subject("Re: hello").text, "hello");
  EXPECT_EQ(base_subject("RE : Fwd: FW[2]: hello (fwd) (FWD)").text, "hello");
  EXPECT_EQ(base_subject("[list] Re: [other] hello").text, "hello");
  EXPECT_EQ(base_subject("[Fwd: Re: hello]").text, "hello");
  EXPECT_EQ(base_subject("[fwd: [fwd: hello (fwd)]]").text, "hello");
  EXPECT_EQ(base_subject("  two\t  words ").text, "two words");
  EXPECT_EQ(base_subject("[only a blob]").text, "[only a blob]");
  EXPECT_EQ(base_subject("reply").text, "reply");
  EXPECT_EQ(base_subject("Re:").text, "");
  EXPECT_EQ(base_subject("[[x]] y").text, "[[x]] y");
  EXPECT_EQ(base_subject("").text, "");
}

TEST(BaseSubject, TellsAReplyFromAList) {  // RFC 5256 §3, REFERENCES
  for (const char* reply : {"Re: x", "x (fwd)", "[list] fw: x", "[fwd: x]", "re:"})
    EXPECT_TRUE(base_subject(reply).is_reply) << reply;
  for (const char* first : {"x", "[list] x", "", "reply", "[fwd: x", "x (fwd) y"})
    EXPECT_FALSE(base_subject(first).is_reply) << first;
}

}  // namespace
}  // namespace gemel::imap
