// What a channel says of how far it is, for each user, and of what can't be sent.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "sync/test_link.h"

namespace gemel::sync {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Status : public testing::Test {
 protected:
  Status() {
    log::set_level(log::Level::kOff);
    for (const char* user : {"alice", "bob", "carol"}) EXPECT_TRUE(primary->create_user(user, {}));
    link.connect();
    EXPECT_TRUE(link.run());
  }
  // "USER CHANGES LAG_S" of each user behind, in order.
  std::vector<std::string> behind() {
    std::vector<std::string> out;
    for (const UserLag& lag : link.channel->users_behind())
      out.push_back(lag.userid + " " + std::to_string(lag.changes) + " " +
                    std::to_string(lag.lag_ms / 1000));
    return out;
  }

  TestLink link{ChannelOptions::Mode::kRolling};
  TestStore& primary = link.primary;
  TestStore& replica = link.replica;
};

TEST_F(Status, NobodyIsBehindInStep) {
  EXPECT_THAT(behind(), IsEmpty());
  EXPECT_EQ(link.channel->status().lag_ms, 0);
}

TEST_F(Status, EachUserHasALagOfTheirOwn) {
  link.disconnect("away");
  primary.append(primary.inbox("bob"), "first");
  primary.clock.advance_s(5);
  primary.append(primary.inbox("alice"), "second");
  ASSERT_TRUE(primary->put_user_items("alice", {{"subscription/x", "1"}}));
  primary.clock.advance_s(2);
  EXPECT_THAT(behind(), ElementsAre("bob 1 7", "alice 2 2"));
  const ChannelStatus status = link.channel->status();
  EXPECT_FALSE(status.connected);
  EXPECT_EQ(status.changes_behind, 3u);
  EXPECT_EQ(status.lag_ms, 7000);
  EXPECT_EQ(status.last_error, "away");
  link.connect();
  ASSERT_TRUE(link.run());
  EXPECT_THAT(behind(), IsEmpty());
}

// Where the link is cut in the middle, what went through is not counted any more.
TEST_F(Status, WhatIsThereIsNotCounted) {
  primary.append(primary.inbox("bob"), "first");
  primary.clock.advance_s(3);
  link.cut_after = 20;
  EXPECT_FALSE(link.run());
  EXPECT_THAT(behind(), ElementsAre("bob 1 3"));
  link.connect();
  ASSERT_TRUE(link.run());
  primary.append(primary.inbox("carol"), "second");
  EXPECT_THAT(behind(), ElementsAre("carol 1 0"));
}

TEST_F(Status, WhatIsSetAsideIsNamedWithItsReason) {
  link.disconnect("anew");
  replica.options.partitions.clear();
  replica.open();
  link.connect();
  ASSERT_TRUE(link.run());
  ASSERT_TRUE(primary->create({.name = {"alice", "box"}, .partition = "archive"}));
  ASSERT_TRUE(link.run());
  const ChannelStatus status = link.channel->status();
  ASSERT_EQ(status.set_aside.size(), 1u);
  EXPECT_EQ(status.set_aside[0].entity, "alice/box");
  EXPECT_THAT(status.set_aside[0].reason, HasSubstr("archive"));
  EXPECT_EQ(status.set_aside[0].retry_in_ms, kAsideFirstMs);
  EXPECT_THAT(behind(), ElementsAre("alice 1 0"));
  EXPECT_EQ(link.channel->users_behind()[0].set_aside, 1u);
}

// Not before its time, at pauses that double up to the last; others go on meanwhile, and a restart
// forgets nothing.
TEST_F(Status, WhatIsSetAsideIsTriedAgainAtGrowingPauses) {
  link.disconnect("anew");
  const auto partitions = std::exchange(replica.options.partitions, {});
  replica.open();
  link.connect();
  ASSERT_TRUE(link.run());
  const UniqueId box = primary.create("box", "archive");
  ASSERT_TRUE(link.run());
  size_t tries = 0;
  const std::string made = fmt::format("-{:x} 0+", box.number);  // its UPDATE, from nothing
  link.on_bytes = [&](char way, std::string_view bytes) {
    if (way == '>' && bytes.find(made) != std::string_view::npos) ++tries;
  };
  int64_t pause = kAsideFirstMs;
  for (size_t i = 0; i < 10; ++i, pause = std::min(2 * pause, kAsideLastMs)) {
    SCOPED_TRACE(i);
    ASSERT_EQ(link.channel->status().set_aside.size(), 1u);
    EXPECT_EQ(link.channel->status().set_aside[0].retry_in_ms, pause);
    primary.clock.advance_s(pause / 1000 - 1);
    primary.append(primary.inbox("bob"), "others go on");
    link.sender->timed_out();
    ASSERT_TRUE(link.run());
    EXPECT_EQ(tries, i);
    EXPECT_EQ(replica.info(replica.inbox("bob")).exists, i + 1);
    primary.clock.advance_s(1);
    EXPECT_EQ(link.sender->input_timeout_ms(), 0);
    link.sender->timed_out();
    ASSERT_TRUE(link.run());
    EXPECT_EQ(tries, i + 1);
  }
  link.open_channel_later();
  ASSERT_TRUE(link.run());
  EXPECT_EQ(link.channel->status().set_aside.size(), 1u);
  link.disconnect("configured");
  replica.options.partitions = partitions;
  replica.open();
  link.connect();
  ASSERT_TRUE(link.run());
  primary.clock.advance_s(kAsideFirstMs / 1000);
  link.sender->timed_out();
  ASSERT_TRUE(link.run());
  EXPECT_TRUE(link.channel->status().set_aside.empty());
  EXPECT_TRUE(replica->find(box));
  link.expect_in_step();
}

}  // namespace
}  // namespace gemel::sync
