// Who may write, and who is believed: terms told in login, and after it.
#include <gtest/gtest.h>

#include "sync/test_link.h"

namespace gemel::sync {
namespace {

constexpr Term kFirst{1, 10};
constexpr Term kSecond{2, 20};

TEST(Meeting, FollowsFromWhatEachEndSaysOfItself) {
  const Standing primary{Role::kPrimary, kSecond, 20};
  const Standing replica{Role::kReplica, kSecond, 30};
  const Standing older{Role::kPrimary, kFirst, 10};
  EXPECT_EQ(meet(primary, replica, IsSource::kNo), Meeting::kGoOn);
  EXPECT_EQ(meet(replica, {Role::kReplica, kSecond, 40}, IsSource::kNo),
            Meeting::kGoOn);  // a chain
  EXPECT_EQ(meet(replica, primary, IsSource::kNo), Meeting::kApart);
  EXPECT_EQ(meet(replica, {Role::kReplica, kSecond, 40}, IsSource::kYes), Meeting::kApart);
  const Standing demoted{Role::kReplica, kSecond, 20};
  EXPECT_EQ(meet(demoted, replica, IsSource::kYes), Meeting::kGoOn);  // it may have more than they
  EXPECT_EQ(meet(replica, demoted, IsSource::kNo), Meeting::kApart);
  EXPECT_EQ(meet(older, replica, IsSource::kNo), Meeting::kStale);
  EXPECT_EQ(meet(primary, {Role::kReplica, kFirst, 10}, IsSource::kNo), Meeting::kGoOn);
  EXPECT_EQ(meet(primary, {Role::kReplica, kSecond, 20}, IsSource::kNo),
            Meeting::kApart);  // itself
  EXPECT_EQ(meet({Role::kReplica, Term(), 30}, {Role::kReplica, Term(), 40}, IsSource::kNo),
            Meeting::kApart);  // two that know of nothing
}

class Terms : public testing::Test {
 protected:
  Terms() {
    link.channel_options.on_standing = [this] { ++told; };
    link.receiver_options.on_standing = [this] {
      ++told;
      link.upstreams.wake_all();
    };
    link.open_channel();
    EXPECT_TRUE(link.primary->create_user("alice", {}));
    link.connect();
    EXPECT_TRUE(link.run());
  }
  bool writes(TestStore& store) {
    return store->put_user_items("alice", {{"subscription/x", "1"}}).has_value();
  }

  int told = 0;
  TestLink link{ChannelOptions::Mode::kRolling};
  TestStore& primary = link.primary;
  TestStore& replica = link.replica;
};

TEST_F(Terms, AReplicaFollowsItsSender) {
  EXPECT_EQ(replica->term(), primary->term());
  ASSERT_EQ(link.upstreams.list().size(), 1U);
  EXPECT_EQ(link.upstreams.list()[0].channel, "standby");
  EXPECT_EQ(link.upstreams.list()[0].standing, standing_of(*primary));
  EXPECT_TRUE(link.upstreams.contains(primary->origin()));
  primary.clock.advance_s(20);
  replica.clock.advance_s(20);
  EXPECT_EQ(link.upstreams.list()[0].heard_ms, 20'000);
  link.sender->timed_out();  // its heartbeat
  ASSERT_TRUE(link.run());
  EXPECT_EQ(link.upstreams.list()[0].heard_ms, 0);
  link.disconnect("over");
  EXPECT_TRUE(link.upstreams.list().empty());
}

TEST_F(Terms, AStalePrimaryStepsBackAtOnce) {
  ASSERT_TRUE(replica->promote());
  link.upstreams.wake_all();
  link.run();
  EXPECT_EQ(primary->role(), Role::kReplica);
  EXPECT_EQ(primary->heard(), replica->term());
  EXPECT_FALSE(writes(primary));
  EXPECT_TRUE(writes(replica));
  EXPECT_EQ(told, 2);  // that the replica has a term, and that the primary's is over
  EXPECT_EQ(link.channel->status().last_error,
            "the other end says goodbye: this server is the primary now");
  link.connect();
  EXPECT_FALSE(link.run());
  EXPECT_TRUE(link.channel->status().is_apart);
}

TEST_F(Terms, AStalePrimaryThatWasAwayHearsInLogin) {
  link.disconnect("the primary is off");
  ASSERT_TRUE(replica->promote());
  ASSERT_TRUE(writes(replica));
  EXPECT_TRUE(writes(primary));  // it can't know
  link.connect();
  EXPECT_FALSE(link.run());
  EXPECT_EQ(primary->role(), Role::kReplica);
  EXPECT_FALSE(writes(primary));
  EXPECT_EQ(link.channel->status().last_error,
            "the other end is in a later term, " + text_of(replica->term()));
}

TEST_F(Terms, AnUpdateToWhoWasPromotedIsRefusedAsStale) {
  ASSERT_TRUE(replica->promote());
  ASSERT_TRUE(writes(primary));
  link.run();
  EXPECT_EQ(primary->role(), Role::kReplica);
  EXPECT_FALSE(replica->user_item("alice", "subscription/x").value());
}

TEST_F(Terms, APrimaryThatIsSentALaterTermIsAReplica) {
  link.disconnect("cut");
  ASSERT_TRUE(replica->promote());
  ASSERT_TRUE(primary->promote(replica->term()));
  EXPECT_EQ(replica->role(), Role::kPrimary);
  link.connect();
  EXPECT_TRUE(link.run());
  EXPECT_EQ(replica->role(), Role::kReplica);
  EXPECT_EQ(replica->term(), primary->term());
  ASSERT_TRUE(writes(primary));
  ASSERT_TRUE(link.run());
  link.expect_in_step();
}

TEST_F(Terms, NothingIsBelievedBeforeTheLoginIsDone) {
  link.disconnect("cut");
  ASSERT_TRUE(replica->promote());
  const Term before = replica->term();
  link.channel_options.password = "a guess";
  link.open_channel();
  ASSERT_TRUE(primary->promote(before));
  link.connect();
  EXPECT_FALSE(link.run());
  EXPECT_EQ(replica->role(), Role::kPrimary);
  EXPECT_EQ(replica->heard(), before);
}

TEST_F(Terms, ADemotedServerSendsWhatIsLeftAndTellsItsRole) {
  link.channel->pause();
  ASSERT_TRUE(writes(primary));
  ASSERT_TRUE(primary->demote());
  EXPECT_FALSE(writes(primary));
  link.channel->resume();
  link.channel->renew();
  EXPECT_FALSE(link.run());  // it ends, to log in anew
  link.expect_in_step();
  EXPECT_EQ(link.channel->next_attempt_ms(), 0);
  link.connect();
  EXPECT_TRUE(link.run());
  EXPECT_EQ(link.upstreams.list()[0].standing.role, Role::kReplica);
}

TEST_F(Terms, WhoWasPromotedNeedNotLookAtTheWhole) {
  primary.append(primary.inbox(), "hello");
  ASSERT_TRUE(link.run());
  link.disconnect("over");
  ASSERT_TRUE(primary->channel_forget("standby"));
  link.open_channel();
  link.take_traffic();
  link.connect();
  ASSERT_TRUE(link.run());
  EXPECT_EQ(link.take_traffic().turns, 2U);  // the login
  primary.append(primary.inbox(), "one more");
  ASSERT_TRUE(link.run());
  EXPECT_EQ(link.take_traffic().turns, 2U);  // where is it, and the message
  primary.append(primary.inbox(), "and one more");
  ASSERT_TRUE(link.run());
  EXPECT_EQ(link.take_traffic().turns, 1U);
  link.expect_in_step();
}

}  // namespace
}  // namespace gemel::sync
