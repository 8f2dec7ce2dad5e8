#include "store/hold.h"
#include "store/store_fixture.h"

namespace gemel {
namespace {

constexpr int64_t kDay = 86'400;

TEST(Hold, IsTextAndBackAndForEverWhereItCantBeRead) {
  EXPECT_EQ(hold_text(1'800'000'000), "1800000000");
  EXPECT_EQ(parse_hold("1800000000"), 1'800'000'000);
  EXPECT_EQ(parse_hold(hold_text(kHoldForever)), kHoldForever);
  for (const char* broken : {"", "tomorrow", "-1", "99999999999999999999"})
    EXPECT_EQ(parse_hold(broken), kHoldForever) << broken;
}

class HoldTest : public StoreTest {
 protected:
  HoldTest() {
    box = store.create("Box");
    store.append_many(box, 3);
    EXPECT_TRUE(store->expunge(box, UidSet::of(Uid(1), Uid(1))));
    gone = store.create("Gone");
    store.append_many(gone, 2);
    EXPECT_TRUE(store->remove(gone));
  }
  /// Purges all that can be, and says how many messages went.
  uint64_t purged() {
    const auto tombstones = store->purge_expunged(box, ModSeq(INT64_MAX));
    const auto mailbox = store->purge_deleted(gone);
    EXPECT_TRUE(tombstones && mailbox);
    return tombstones->messages + mailbox->messages;
  }
  UniqueId box;
  UniqueId gone;
};

TEST_P(HoldTest, OnOneMailboxKeepsWhatIsHiddenThere) {
  ASSERT_TRUE(store->hold(box, store.clock.unix_s() + kDay));
  EXPECT_EQ(store->held_until(store.info(box)).value(), store.clock.unix_s() + kDay);
  EXPECT_EQ(store->held_until(store.info(gone)).value(), std::nullopt);
  EXPECT_EQ(purged(), 2U);  // of Gone
  EXPECT_EQ(store->purge_expunged(box, ModSeq(INT64_MAX))->held_until_s,
            store.clock.unix_s() + kDay);
  store.clock.advance_s(kDay);
  EXPECT_EQ(purged(), 1U);
}

TEST_P(HoldTest, OnAUserKeepsDeletedMailboxesToo) {
  ASSERT_TRUE(store->hold("alice", kHoldForever));
  store.clock.advance_s(1000 * kDay);
  EXPECT_EQ(purged(), 0U);
  ASSERT_TRUE(store->hold("alice", std::nullopt));
  EXPECT_EQ(purged(), 3U);
  EXPECT_EQ(store->hold("nobody", kHoldForever).error().code, Code::kNotFound);
}

TEST_P(HoldTest, OnTheServerKeepsEverythingAndTheLongestCounts) {
  ASSERT_TRUE(store->hold(MailStore::WholeServer(), store.clock.unix_s() + 2 * kDay));
  ASSERT_TRUE(store->hold(box, store.clock.unix_s() + kDay));
  store.clock.advance_s(kDay);
  EXPECT_EQ(purged(), 0U);
  store.clock.advance_s(kDay);
  EXPECT_EQ(purged(), 3U);
}

TEST_P(HoldTest, StaysOnWhatADeletedUserLeaves) {
  ASSERT_TRUE(store->hold("alice", kHoldForever));
  ASSERT_TRUE(store->put_user_items("alice", {{"subscription/x", "1"}}));
  ASSERT_TRUE(store->delete_user("alice"));
  EXPECT_EQ(store->purge_deleted(box)->messages, 0U);
  EXPECT_EQ(store->purge_deleted(gone)->messages, 0U);
  // It can be lifted without the user.
  ASSERT_TRUE(store->hold("alice", std::nullopt));
  EXPECT_EQ(store->purge_deleted(box)->messages, 3U);
}

TEST_P(HoldTest, GoesAlongToAnotherOwner) {
  ASSERT_TRUE(store->create_user("bob", {}));
  ASSERT_TRUE(store->hold("alice", store.clock.unix_s() + kDay));
  ASSERT_TRUE(store->rename({"alice", "Box"}, {"bob", "Box"}));
  ASSERT_TRUE(store->restore(gone, {"bob", "Gone"}));
  ASSERT_TRUE(store->remove(gone));
  EXPECT_EQ(purged(), 0U);
  store.clock.advance_s(kDay);
  EXPECT_EQ(purged(), 3U);
}

TEST_P(HoldTest, ARuleHidesNothingThatIsHeldButAClientMay) {
  ASSERT_TRUE(store->hold(box, kHoldForever));
  const UidSet all = UidSet::of(Uid(1), Uid(9));
  EXPECT_TRUE(store->expunge(box, all, {.holds = ExpungeTerms::Holds::kSpare})->uids.empty());
  EXPECT_EQ(store->expunge(box, all)->uids.text(), "2:3");
  EXPECT_EQ(purged(), 2U);  // of Gone
  EXPECT_EQ(store.info(box).expunged, 3U);
}

TEST_P(HoldTest, ExpungePassesOverWhatChangedSince) {
  const ModSeq since = store.info(box).highestmodseq;
  ASSERT_TRUE(
      store->store_flags(box, UidSet::of(Uid(3), Uid(3)), FlagOp::kAdd, flag_names({"\\Flagged"})));
  const auto done = store->expunge(box, UidSet::of(Uid(1), Uid(9)), {.unchanged_since = since});
  EXPECT_EQ(done->uids.text(), "2");
  EXPECT_EQ(done->bytes, std::string("message 1").size());
}

GEMEL_ON_BOTH_ENGINES(HoldTest);

using PurgePortions = StoreTest;

TEST_P(PurgePortions, TombstonesGoByWholeTransactionsTheOldestFirst) {
  const UniqueId box = store.create("Box");
  store.append_many(box, 10);
  ASSERT_TRUE(store->expunge(box, UidSet::of(Uid(6), Uid(9))));
  ASSERT_TRUE(store->expunge(box, UidSet::of(Uid(1), Uid(2))));
  ASSERT_TRUE(store->expunge(box, UidSet::of(Uid(3), Uid(3))));
  auto done = store->purge_expunged(box, ModSeq(INT64_MAX), 1);
  EXPECT_EQ(done->messages, 4U);  // one EXPUNGE, though more than asked for
  EXPECT_FALSE(done->is_done);
  store.expect_sound();
  done = store->purge_expunged(box, ModSeq(INT64_MAX), 3);
  EXPECT_EQ(done->messages, 3U);
  EXPECT_TRUE(done->is_done);
  EXPECT_EQ(store.info(box).expunged, 0U);
}

TEST_P(PurgePortions, ADeletedMailboxGoesInPortions) {
  const UniqueId box = store.create("Box");
  store.append_many(box, 10);
  ASSERT_TRUE(store->expunge(box, UidSet::of(Uid(4), Uid(4))));
  ASSERT_TRUE(store->remove(box));
  uint64_t messages = 0;
  uint64_t bytes = 0;
  for (bool is_done = false; !is_done;) {
    const auto purged = store->purge_deleted(box, 3);
    ASSERT_TRUE(purged);
    ASSERT_LE(purged->messages, 3U);
    messages += purged->messages;
    bytes += purged->bytes;
    is_done = purged->is_done;
    store.expect_sound();
  }
  EXPECT_EQ(messages, 10U);
  EXPECT_EQ(bytes, 10 * std::string("message 0").size());
  const MailboxInfo info = store.info(box);
  EXPECT_EQ(info.exists + info.expunged, 0U);
  EXPECT_EQ(info.purged_modseq, info.highestmodseq);
}

GEMEL_ON_BOTH_ENGINES(PurgePortions);

}  // namespace
}  // namespace gemel
