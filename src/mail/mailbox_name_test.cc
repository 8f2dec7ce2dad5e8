#include "mail/mailbox_name.h"

#include <gtest/gtest.h>

namespace gemel {
namespace {

TEST(MailboxName, MayBeSoLongAndSoDeepAndNoMore) {
  const std::string longest(kMailboxPathBytesMax, 'a');
  EXPECT_TRUE(MailboxName::make("alice", longest));
  EXPECT_EQ(MailboxName::make("alice", longest + "a").error().code, Code::kTooBig);
  std::string deepest = "1";
  for (size_t level = 2; level <= kMailboxDepthMax; ++level) deepest += "/1";
  EXPECT_TRUE(MailboxName::make("alice", deepest));
  EXPECT_EQ(MailboxName::make("alice", deepest + "/1").error().code, Code::kLimit);
  EXPECT_TRUE(check_userid(std::string(kUserIdBytesMax, 'u')));
  EXPECT_EQ(check_userid(std::string(kUserIdBytesMax + 1, 'u')).error().code, Code::kTooBig);
}

}  // namespace
}  // namespace gemel
