// Messages whose bytes lie in another partition than their mailbox: read, freed, moved, copied,
// lost and cut off at any write.
#include <gtest/gtest.h>

#include "store/store_fixture.h"

namespace gemel {
namespace {

const UidSet kAll = UidSet::of(Uid(1), Uid(100));
const std::string kLarge(2 * kBodyChunkBytes + 5, 'x');

class ArchiveTest : public StoreTest {
 protected:
  std::string archive(const UidSet& uids = kAll) {
    const auto gone = store->archive(inbox, uids, "archive");
    EXPECT_TRUE(gone) << gone.error().text;
    return gone ? gone->text() : "";
  }
  bool is_archived(uint32_t uid) {
    const MailboxView view = store->view(inbox).value();
    return view.is_archived(view.record(Uid(uid)).value().facts.guid).value();
  }
  UniqueId inbox = store.inbox();
};

TEST_P(ArchiveTest, NothingThatIsToldOfTheMailboxChanges) {
  store.append(inbox, "small");
  store.append(inbox, kLarge);
  store.append(inbox, "");
  store.append(inbox, "small");
  const MailboxInfo before = store.info(inbox);
  EXPECT_EQ(archive(UidSet::of(Uid(2), Uid(4))), "2,4");
  EXPECT_EQ(archive(), "");
  const MailboxInfo after = store.info(inbox);
  EXPECT_EQ(after.digest, before.digest);
  EXPECT_EQ(after.highestmodseq, before.highestmodseq);
  EXPECT_EQ(after.partition, "default");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(store.body(inbox, 1), "small");
    EXPECT_EQ(store.body(inbox, 2), kLarge);
    EXPECT_EQ(store.body(inbox, 3), "");
    EXPECT_TRUE(is_archived(1));  // the same bytes as 4
    EXPECT_FALSE(is_archived(3));
    store.expect_sound();
    store.open();
  }
  EXPECT_EQ(store->archive(inbox, kAll, "nowhere").error().code, Code::kNotFound);
  EXPECT_EQ(store->archive(inbox, kAll, "default")->text(), "");
}

TEST_P(ArchiveTest, WhatIsFreedLeavesNothing) {
  store.append(inbox, "small");
  store.append(inbox, kLarge);
  archive();
  ASSERT_TRUE(store->expunge(inbox, kAll));
  const ModSeq all = store.info(inbox).highestmodseq;
  ASSERT_TRUE(store->purge_expunged(inbox, all, 100));
  store.open();
  EXPECT_EQ(store->verify({})->bodies, 0U);
  store.append(inbox, "small");  // comes anew
  EXPECT_EQ(store.body(inbox, 3), "small");
}

TEST_P(ArchiveTest, CopiesShareInItAndMovesEndIt) {
  store.append(inbox, "small");
  store.append(inbox, kLarge);
  archive();
  const UniqueId near = store.create("Near");
  const UniqueId far = store.create("Far", "archive");
  for (const UniqueId& target : {near, far}) {
    ASSERT_TRUE(store->copy(inbox, kAll, target, MailStore::Keep::kCopy, {}));
    EXPECT_EQ(store.body(target, 1), "small");
    EXPECT_EQ(store.body(target, 2), kLarge);
  }
  store.expect_sound();
  ASSERT_TRUE(store->move(near, "archive"));
  ASSERT_TRUE(store->move(inbox, "archive"));
  EXPECT_EQ(store.body(inbox, 2), kLarge);
  ASSERT_TRUE(store->move(inbox, "default"));
  EXPECT_FALSE(is_archived(1));
  EXPECT_EQ(store.body(inbox, 1), "small");
  EXPECT_EQ(store.body(inbox, 2), kLarge);
}

TEST_P(ArchiveTest, ACheckpointHasItWhole) {
  store.append(inbox, kLarge);
  archive();
  const std::string copy = store.options.path + "_copy";
  ASSERT_TRUE(store->checkpoint(copy));
  MailStore::Options options = store.options;
  options.path = copy + "/index";
  options.partitions = {{"archive", copy + "/partition-archive"}};
  {
    const auto opened = MailStore::open(options).value();
    const auto view = opened->view(inbox).value();
    EXPECT_EQ(view.body(view.record(Uid(1))->facts.guid)->read_all().value(), kLarge);
    EXPECT_TRUE(opened->verify({})->problems.empty());
  }
  options.opener->remove(copy);
}

TEST_P(ArchiveTest, ALostOneComesBack) {
  store.append(inbox, "small");
  archive();
  store.options.partitions = {};
  store.open();
  const auto view = store->view(inbox).value();
  const Guid guid = view.record(Uid(1))->facts.guid;
  EXPECT_EQ(view.body(guid).error().code, Code::kCorrupt);
  ASSERT_EQ(store->lost_bodies()->size(), 1U);
  ASSERT_TRUE(store->restore_body(store.stage("small"), "default"));
  EXPECT_EQ(store.body(inbox, 1), "small");
  EXPECT_TRUE(store->lost_bodies()->empty());
}

GEMEL_ON_BOTH_ENGINES(ArchiveTest);

// A power cut after any write, while messages are archived and freed.
TEST(ArchivePowerCut, LeavesEachBodyInOnePlaceOrTheOther) {
  for (uint64_t writes = 1; writes < 60; ++writes) {
    for (const auto last : {MemoryOpener::LastWrite::kLost, MemoryOpener::LastWrite::kWritten}) {
      TestStore store(TestStore::On::kMemory);
      ASSERT_TRUE(store->create_user("alice", {}));
      const UniqueId inbox = store.inbox();
      store.append(inbox, "small");
      store.append(inbox, kLarge);
      store.append(inbox, "kept");
      const UidSet two = UidSet::of(Uid(1), Uid(2));
      store.memory.crash_after(writes, last);
      (void)store->archive(inbox, kAll, "archive");
      (void)store->expunge(inbox, two);
      if (const auto now = store->find(inbox))
        (void)store->purge_expunged(inbox, now->highestmodseq, 9);
      const bool crashed = store.memory.has_crashed();
      store.store.reset();
      store.memory.crash();
      store.open();
      store.expect_sound();
      EXPECT_EQ(store.body(inbox, 3), "kept") << writes;
      if (store.info(inbox).exists == 3) EXPECT_EQ(store.body(inbox, 2), kLarge) << writes;
      if (!crashed) return;
    }
  }
  FAIL() << "it never came to its end";
}

}  // namespace
}  // namespace gemel
