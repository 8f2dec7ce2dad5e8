// Holds in a split brain: what one side still has, and either holds, is freed on neither.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "store/hold.h"
#include "sync/split_fixture.h"

namespace gemel::sync {
namespace {

class SplitHolds : public SplitFixture {
 protected:
  // Bodies of what is expunged and can be brought back.
  static std::multiset<std::string> kept(TestStore& store, const UniqueId& id) {
    std::multiset<std::string> out;
    const MailboxView view = store->view(id).value();
    const auto states =
        view.states(UidSet::of(Uid(1), view.info().last_uid), MailboxView::Include::kExpungedToo);
    for (const RecordState& state : states.value())
      if (state.expunged) out.insert(store.body(id, state.uid.value));
    return out;
  }
  static void free_expunged(TestStore& store, const UniqueId& id) {
    const auto purged = store->purge_expunged(id, ModSeq(INT64_MAX), 1000);
    ASSERT_TRUE(purged) << purged.error().text;
    ASSERT_FALSE(purged->held_until_s);
  }
  static void expunge(TestStore& store, const UniqueId& id, uint32_t uid) {
    ASSERT_TRUE(store->expunge(id, UidSet::of(Uid(uid), Uid(uid))));
  }
  void expect_kept(const std::multiset<std::string>& expected) {
    for (TestStore* store : {&primary, &replica}) {
      EXPECT_EQ(kept(*store, inbox), expected);
      EXPECT_FALSE(store->info(inbox).exists == 0 && expected.empty());
    }
    sync();
    for (TestStore* store : {&primary, &replica}) EXPECT_EQ(kept(*store, inbox), expected);
  }
};

using Kept = std::multiset<std::string>;

// The hold is on the replica alone; the primary has freed what both had hidden, and something that
// lives on the replica.
TEST_F(SplitHolds, OfAMailboxOnTheReplica) {
  primary.append(inbox, "hidden before");
  primary.append(inbox, "lives there");
  expunge(primary, inbox, 2);
  sync();
  split();
  ASSERT_TRUE(replica->hold(inbox, kHoldForever));
  expunge(primary, inbox, 3);
  free_expunged(primary, inbox);
  heal();
  expect_kept({"hidden before", "lives there"});
  EXPECT_EQ(primary->held_until(primary.info(inbox)).value(), kHoldForever);
  EXPECT_EQ(primary.uids(inbox), "1");
}

TEST_F(SplitHolds, OfAMailboxOnThePrimary) {
  primary.append(inbox, "hidden before");
  primary.append(inbox, "lives here");
  expunge(primary, inbox, 2);
  sync();
  split();
  ASSERT_TRUE(primary->hold(inbox, kHoldForever));
  expunge(replica, inbox, 3);
  free_expunged(replica, inbox);
  heal();
  expect_kept({"hidden before", "lives here"});
}

// Nothing of the mailbox itself has changed on the replica.
TEST_F(SplitHolds, OfAUserOnTheReplica) {
  primary.append(inbox, "hidden before");
  expunge(primary, inbox, 2);
  sync();
  split();
  ASSERT_TRUE(replica->hold("alice", kHoldForever));
  free_expunged(primary, inbox);
  heal();
  expect_kept({"hidden before"});
}

TEST_F(SplitHolds, OfAUserOnThePrimary) {
  primary.append(inbox, "hidden before");
  expunge(primary, inbox, 2);
  sync();
  split();
  ASSERT_TRUE(primary->hold("alice", kHoldForever));
  free_expunged(replica, inbox);
  heal();
  expect_kept({"hidden before"});
}

TEST_F(SplitHolds, OfTheServer) {
  primary.append(inbox, "hidden before");
  expunge(primary, inbox, 2);
  sync();
  split();
  ASSERT_TRUE(replica->hold(MailStore::WholeServer(), kHoldForever));
  free_expunged(primary, inbox);
  primary.append(inbox, "new");
  heal();
  expect_kept({"hidden before"});
}

// What each has done to the other's messages, both under a hold of one of them.
TEST_F(SplitHolds, WhereBothHaveChanged) {
  for (const char* text : {"two", "three", "four"}) primary.append(inbox, text);
  sync();
  split();
  ASSERT_TRUE(replica->hold("alice", kHoldForever));
  expunge(primary, inbox, 2);
  free_expunged(primary, inbox);
  expunge(replica, inbox, 3);
  primary.append(inbox, "of the primary");
  replica.append(inbox, "of the replica");
  expunge(replica, inbox, 5);
  heal();
  for (TestStore* store : {&primary, &replica})
    EXPECT_EQ(bodies(*store, inbox), (std::set<std::string>{"before", "four", "of the primary"}));
  const Kept now = kept(primary, inbox);
  for (const char* text : {"two", "three", "of the replica"})
    EXPECT_TRUE(now.contains(text)) << text;
  expect_kept(now);
}

TEST_F(SplitHolds, OfADeletedMailboxThatWasEmptied) {
  const UniqueId id = primary.create("a");
  primary.append(id, "lived in it");
  primary.append(id, "was hidden in it");
  expunge(primary, id, 2);
  ASSERT_TRUE(primary->remove(id));
  sync();
  split();
  ASSERT_TRUE(replica->hold("alice", kHoldForever));
  ASSERT_TRUE(primary->purge_deleted(id, 1000));
  heal();
  for (TestStore* store : {&primary, &replica}) {
    EXPECT_TRUE(store->info(id).is_deleted());
    EXPECT_EQ(kept(*store, id), (Kept{"lived in it", "was hidden in it"}));
  }
}

TEST_F(SplitHolds, WithoutOneWhatOneSideFreedIsGone) {
  primary.append(inbox, "hidden before");
  expunge(primary, inbox, 2);
  sync();
  split();
  ASSERT_TRUE(replica->hold("alice", replica.clock.unix_s() - 1));
  free_expunged(primary, inbox);
  heal();
  expect_kept({});
}

// Of two the longer, though the shorter was said later.
TEST_F(SplitHolds, TheLongerOneStays) {
  const int64_t now_s = primary.clock.unix_s();
  ASSERT_TRUE(primary->hold("alice", now_s + 10));
  ASSERT_TRUE(primary->hold(inbox, now_s + 10));
  sync();
  split();
  for (const UniqueId& id : {inbox}) ASSERT_TRUE(replica->hold(id, now_s + 900));
  ASSERT_TRUE(replica->hold("alice", now_s + 900));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(primary->hold("alice", now_s + 100 + i));
    ASSERT_TRUE(primary->hold(inbox, now_s + 100 + i));
  }
  heal();
  for (TestStore* store : {&primary, &replica}) {
    EXPECT_EQ(store->info(inbox).attributes.at("hold"), hold_text(now_s + 900));
    EXPECT_EQ((*store)->user_item("alice", kUserItemHold).value(), hold_text(now_s + 900));
  }
}

}  // namespace
}  // namespace gemel::sync
