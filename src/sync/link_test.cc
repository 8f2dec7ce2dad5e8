#include <gtest/gtest.h>

#include "sync/test_link.h"

namespace gemel::sync {
namespace {

class LinkTest : public testing::Test {
 protected:
  LinkTest() {
    EXPECT_TRUE(link.primary->create_user("alice", {}));
    link.connect();
  }
  ~LinkTest() override { link.expect_in_step(); }

  // Brings everything over and gives what that cost.
  Traffic sync() {
    link.take_traffic();
    const SyncReport report = link.sync();
    EXPECT_TRUE(report.result) << report.result.error().text;
    EXPECT_EQ(link.primary->digest().text(), link.replica->digest().text());
    return link.take_traffic();
  }

  TestLink link;
  TestStore& primary = link.primary;
};

TEST_F(LinkTest, BringsANewUserOver) {
  primary.append(primary.inbox(), "hello", flag_names({"\\Seen"}));
  const Traffic first = sync();
  EXPECT_EQ(first.turns, 4U);  // two to log in, one to ask, one to send
  EXPECT_EQ(sync().turns, 0U);
  EXPECT_EQ(link.replica.body(link.replica.inbox(), 1), "hello");
  EXPECT_EQ(link.replica.flags(link.replica.inbox(), 1), "\\Seen");
}

}  // namespace
}  // namespace gemel::sync
