// Names that are used again between two syncs: what crosses is meant for ids, not for names.
#include <gtest/gtest.h>

#include "base/log.h"
#include "sync/test_link.h"

namespace gemel::sync {
namespace {

class Cases : public testing::Test {
 protected:
  Cases() {
    log::set_level(log::Level::kOff);
    EXPECT_TRUE(primary->create_user("alice", {}));
    link.connect();
  }

  void sync() {
    const SyncReport report = link.sync();
    ASSERT_TRUE(report.result) << report.result.error().text;
    link.expect_in_step();
  }
  static MailboxName named(const std::string& path) { return {"alice", path}; }
  UniqueId at(TestStore& store, const std::string& path) {
    return store->find(named(path)).value().id;
  }

  TestLink link;
  TestStore& primary = link.primary;
  TestStore& replica = link.replica;
};

// R01: the replica has another mailbox of the name by then.
TEST_F(Cases, ADeletionSparesAnotherMailboxOfTheName) {
  const UniqueId deleted = primary.create("a");
  const UniqueId other = primary.create("b");
  primary.append(other, "to be kept");
  sync();
  ASSERT_TRUE(primary->remove(deleted));
  ASSERT_TRUE(primary->rename(named("b"), named("a")));
  sync();
  // Deleted once more under that name, by what was said of it before.
  ASSERT_TRUE(primary->purge_deleted(deleted));
  sync();
  EXPECT_EQ(at(replica, "a"), other);
  EXPECT_EQ(replica.body(other, 1), "to be kept");
  EXPECT_NE(replica.info(deleted).deleted_s, 0);
}

// R01, as it was reported: the replica was a primary for a while, and has made one of that name.
TEST_F(Cases, ADeletionSparesWhatTheReplicaMadeUnderTheName) {
  const UniqueId deleted = primary.create("a");
  sync();
  ASSERT_TRUE(primary->remove(deleted));
  ASSERT_TRUE(replica->promote());
  ASSERT_TRUE(replica->rename(named("a"), named("z")));
  const UniqueId made = replica.create("a");
  replica.append(made, "to be kept");
  ASSERT_TRUE(replica->demote());
  ASSERT_TRUE(primary->promote(replica->term()));
  link.disconnect("each had its time");
  link.connect();
  link.sync();
  EXPECT_EQ(at(replica, "a"), made);
  EXPECT_EQ(replica.body(made, 1), "to be kept");
}

// R03, R04: a userid is taken by somebody else before the sync.
TEST_F(Cases, AUserOfAFormerUsersNameGetsNothingOfTheirs) {
  const UniqueId before = primary.inbox();
  primary.append(before, "of the former");
  ASSERT_TRUE(primary->put_user_items("alice", {{"subscription/former", "1"}}));
  sync();
  ASSERT_TRUE(primary->delete_user("alice"));
  ASSERT_TRUE(primary->create_user("alice", {}));
  ASSERT_TRUE(primary->put_user_items("alice", {{"subscription/x", "1"}}));
  primary.append(primary.inbox(), "of the new one");
  sync();
  const UniqueId now = replica.inbox();
  EXPECT_NE(now, before);
  EXPECT_EQ(replica.uids(now), "1");
  EXPECT_EQ(replica.body(now, 1), "of the new one");
  EXPECT_EQ(replica->user_item("alice", "subscription/x").value(), "1");
  EXPECT_FALSE(replica->user_item("alice", "subscription/former").value());
}

// R15: a keyword, and no system flag, on what was lost and came back from a copy.
TEST_F(Cases, AMessageFromACopyHasItsKeyword) {
  const UniqueId inbox = primary.inbox();
  const UniqueId backup = primary.create("Backup");
  primary.append(inbox, "message", flag_names({"$Label1"}));
  ASSERT_TRUE(primary->copy(inbox, UidSet::of(Uid(1), Uid(1)), backup, MailStore::Keep::kCopy));
  sync();
  ASSERT_TRUE(primary->expunge(inbox, UidSet::of(Uid(1), Uid(1))));
  sync();
  ASSERT_TRUE(primary->copy(backup, UidSet::of(Uid(1), Uid(1)), inbox, MailStore::Keep::kCopy));
  sync();
  EXPECT_EQ(replica.uids(inbox), "2");
  EXPECT_EQ(replica.flags(inbox, 2), "$Label1");
}

// R25: a chain of renames whose first name is used again, in one sync.
TEST_F(Cases, RenamesInAChainAreFollowed) {
  const UniqueId first = primary.create("a");
  sync();
  ASSERT_TRUE(primary->rename(named("a"), named("b")));
  primary.append(first, "first");
  ASSERT_TRUE(primary->rename(named("b"), named("c")));
  const UniqueId second = primary.create("a");
  primary.append(second, "second");
  const UniqueId third = primary.create("b");
  primary.append(third, "third");
  sync();
  EXPECT_EQ(at(replica, "c"), first);
  EXPECT_EQ(at(replica, "a"), second);
  EXPECT_EQ(at(replica, "b"), third);
  EXPECT_EQ(replica.body(first, 1), "first");
  EXPECT_EQ(replica.body(second, 1), "second");
}

}  // namespace
}  // namespace gemel::sync
