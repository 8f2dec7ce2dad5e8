#include "imap/sort.h"

#include <gtest/gtest.h>

namespace gemel::imap {
namespace {

TEST(BaseSubject, IsWhatRepliesShare) {  // RFC 5256 §2.1
  EXPECT_EQ(base_subject("hello"), "hello");
  EXPECT_EQ(base_subject("Re: hello"), "hello");
  EXPECT_EQ(base_subject("RE : Fwd: FW[2]: hello (fwd) (FWD)"), "hello");
  EXPECT_EQ(base_subject("[list] Re: [other] hello"), "hello");
  EXPECT_EQ(base_subject("[Fwd: Re: hello]"), "hello");
  EXPECT_EQ(base_subject("[fwd: [fwd: hello (fwd)]]"), "hello");
  EXPECT_EQ(base_subject("  two\t  words "), "two words");
  EXPECT_EQ(base_subject("[only a blob]"), "[only a blob]");
  EXPECT_EQ(base_subject("reply"), "reply");
  EXPECT_EQ(base_subject("Re:"), "");
  EXPECT_EQ(base_subject("[[x]] y"), "[[x]] y");
  EXPECT_EQ(base_subject(""), "");
}

}  // namespace
}  // namespace gemel::imap
