#include "store/store_fixture.h"

namespace gemel {
namespace {

const UidSet kAll = UidSet::of(Uid(1), Uid(1000));

using Undelete = StoreTest;

TEST_P(Undelete, BringsMessagesBackAsNewOnesAndOnlyOnce) {
  const UniqueId box = store.create("Box");
  store.append(box, "one", flag_names({"\\Seen", "\\Deleted", "$Work"}));
  store.clock.advance_s(10);
  store.append(box, "two");
  const RecordFacts was = store->view(box)->record(Uid(1))->facts;
  ASSERT_TRUE(store->expunge(box, UidSet::of(Uid(1), Uid(1))));
  store.clock.advance_s(10);
  const auto back = store->restore_expunged(box, kAll, box);
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(back->source_uids.text(), "1");
  EXPECT_EQ(back->target_uids.text(), "3");
  EXPECT_EQ(back->bytes, 3U);
  EXPECT_EQ(store.flags(box, 3), "\\Seen $Work");
  EXPECT_EQ(store.body(box, 3), "one");
  const RecordFacts now = store->view(box)->record(Uid(3))->facts;
  EXPECT_EQ(now.internaldate_s, was.internaldate_s);
  EXPECT_EQ(now.savedate_s, store.clock.unix_s());
  EXPECT_EQ(store.uids(box), "2:3");
  // Again: it is there.
  const auto again = store->restore_expunged(box, kAll, box);
  EXPECT_TRUE(again->source_uids.empty());
  EXPECT_EQ(again->there_already.text(), "1");
  EXPECT_EQ(again->committed.modseq, back->committed.modseq);
  // Once more expunged, it can come back once more; one of its two tombstones does.
  ASSERT_TRUE(store->expunge(box, UidSet::of(Uid(3), Uid(3))));
  EXPECT_EQ(store->restore_expunged(box, kAll, box)->source_uids.text(), "1");
}

TEST_P(Undelete, KeepsToTheScopeAndTheSeenSetsOfTheTerms) {
  const UniqueId box = store.create("Box");
  store.append(box, "one", flag_names({"\\Seen", "\\Flagged", "$Work"}));
  ASSERT_TRUE(store->expunge(box, kAll));
  const CopyTerms terms{.target_seen_by = "alice", .scope = {.others = false}};
  ASSERT_TRUE(store->restore_expunged(box, kAll, box, terms));
  EXPECT_EQ(store.flags(box, 2), "");
  EXPECT_EQ(store->view(box, "alice")->uids_with(static_cast<size_t>(SystemFlag::kSeen))->text(),
            "2");
}

TEST_P(Undelete, TakesMessagesToAnotherMailboxAndPartition) {
  const UniqueId box = store.create("Box");
  const UniqueId other = store.create("Other", "archive");
  const std::string large(kBodyChunkBytes + 1, 'x');
  store.append(box, large, flag_names({"$A"}));
  store.append(other, "z", flag_names({"$B"}));
  ASSERT_TRUE(store->expunge(box, kAll));
  ASSERT_TRUE(store->remove(box));  // of a deleted mailbox too
  const auto back = store->restore_expunged(box, kAll, other);
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(back->target_uids.text(), "2");
  EXPECT_EQ(store.body(other, 2), large);
  EXPECT_EQ(store.flags(other, 2), "$A");
  EXPECT_EQ(store->restore_expunged(other, kAll, box).error().code, Code::kNotFound);
}

TEST_P(Undelete, WhatWasFreedIsGone) {
  const UniqueId box = store.create("Box");
  store.append_many(box, 3);
  ASSERT_TRUE(store->expunge(box, kAll));
  ASSERT_TRUE(store->purge_expunged(box, ModSeq(INT64_MAX)));
  EXPECT_TRUE(store->restore_expunged(box, kAll, box)->source_uids.empty());
}

TEST_P(Undelete, CountsForTheQuota) {
  const UniqueId box = store.create("Box");
  store.append(box, "12345");
  ASSERT_TRUE(store->expunge(box, kAll));
  ASSERT_TRUE(store->put_user_items("alice", {{"quota/storage", "4"}}));
  EXPECT_EQ(store->restore_expunged(box, kAll, box).error().code, Code::kOverQuota);
}

GEMEL_ON_BOTH_ENGINES(Undelete);

}  // namespace
}  // namespace gemel
