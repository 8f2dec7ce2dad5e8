#include "store/flag_history.h"

#include "base/bytes.h"
#include "store/keys.h"
#include "store/replica_fixture.h"

namespace gemel {
namespace {

const UidSet kAll = UidSet::of(Uid(1), Uid(UINT32_MAX));

UidSet uids(std::string_view text) { return UidSet::parse(text, 100).value(); }

Flags bits(std::initializer_list<size_t> set) {
  Flags out;
  for (const size_t bit : set) out.set(bit);
  return out;
}

class FlagHistory : public StoreTest {
 protected:
  /// "1:30 \Seen,40 \Draft", or "forgotten".
  std::string flips(const UniqueId& id, ModSeq since, TestStore* of = nullptr) {
    const MailboxView view = (of != nullptr ? *of : store)->view(id).value();
    const auto found = view.flips_since(since).value();
    if (!found) return "forgotten";
    std::string out;
    for (const FlagFlips& one : *found)
      out += (out.empty() ? "" : ",") + UidSet::of(one.first, one.last).text() + " " +
             text_of(one.bits, view.info().keywords);
    return out;
  }
  void flag(std::string_view which, FlagOp op, std::initializer_list<std::string_view> names) {
    ASSERT_TRUE(store->store_flags(store.inbox(), uids(which), op, flag_names(names)));
  }
  ModSeq state() { return store.info(store.inbox()).highestmodseq; }
};
GEMEL_ON_BOTH_ENGINES(FlagHistory);

TEST_P(FlagHistory, SaysWhatIsOtherThanItWas) {
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 600);
  const ModSeq before = state();
  EXPECT_EQ(flips(inbox, before), "");
  flag("1:300", FlagOp::kAdd, {"\\Seen", "Work"});
  EXPECT_EQ(flips(inbox, before), "1:300 \\Seen Work");
  flag("200:400", FlagOp::kSet, {"\\Seen"});
  EXPECT_EQ(flips(inbox, before), "1:199 \\Seen Work,200:400 \\Seen");
  EXPECT_EQ(flips(inbox, next(before)), "200:300 Work,301:400 \\Seen");
  EXPECT_EQ(flips(inbox, state()), "");
}

TEST_P(FlagHistory, AFlagThatFlippedBackIsAsItWas) {
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 10);
  const ModSeq before = state();
  flag("3:5", FlagOp::kAdd, {"\\Flagged"});
  flag("4", FlagOp::kRemove, {"\\Flagged"});
  EXPECT_EQ(flips(inbox, before), "3 \\Flagged,5 \\Flagged");
  EXPECT_EQ(flips(inbox, next(before)), "4 \\Flagged");
}

TEST_P(FlagHistory, NewMessagesExpungesAndHeadersFlipNothing) {
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 3, flag_names({"\\Seen"}));
  ASSERT_TRUE(store->expunge(inbox, uids("1")));
  ASSERT_TRUE(store->set_attributes(inbox, {{"annotation/a", "b"}}));
  ASSERT_TRUE(store->copy(inbox, uids("2:3"), inbox, MailStore::Keep::kMove));
  EXPECT_EQ(flips(inbox, ModSeq(1)), "");
  EXPECT_EQ(flips(inbox, ModSeq(0)), "");
}

TEST_P(FlagHistory, SurvivesClosing) {
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 2);
  flag("1:2", FlagOp::kAdd, {"\\Seen"});
  store.open();
  EXPECT_EQ(flips(inbox, ModSeq(2)), "1:2 \\Seen");
}

TEST_P(FlagHistory, GoesWithTheContentOfADeletedMailbox) {
  const UniqueId id = store.create("gone");
  store.append_many(id, 2);
  ASSERT_TRUE(store->store_flags(id, kAll, FlagOp::kAdd, flag_names({"\\Seen"})));
  ASSERT_TRUE(store->remove(id));
  ASSERT_TRUE(store->purge_deleted(id));
  EXPECT_EQ(flips(id, ModSeq(2)), "");
}

TEST_P(FlagHistory, AReplicaKnowsOnlyTheStatesThatItWasIn) {
  TestReplica replica(GetParam());
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 10);  // 2
  replica.catch_up(store);
  flag("1:5", FlagOp::kAdd, {"\\Seen"});  // 3
  replica.catch_up(store);
  flag("1:3", FlagOp::kAdd, {"Work"});        // 4
  flag("2", FlagOp::kRemove, {"\\Seen"});     // 5
  flag("9", FlagOp::kAdd, {"\\Flagged"});     // 6
  flag("9", FlagOp::kRemove, {"\\Flagged"});  // 7
  // In one step, so that what was between is not known here.
  MailboxUpdate update{.id = inbox,
                       .from = ModSeq(3),
                       .to = ModSeq(7),
                       .last_uid = Uid(10),
                       .recent_uid = Uid(),
                       .purged_modseq = ModSeq(),
                       .header = {},
                       .items = {}};
  const auto stores = [&](std::string_view which, uint64_t modseq, FlagNames names) {
    update.items.push_back(StoreItem{uids(which), ModSeq(modseq), FlagOp::kSet, std::move(names)});
  };
  stores("1,3", 4, flag_names({"\\Seen", "Work"}));
  stores("2", 5, flag_names({"Work"}));
  stores("9", 7, {});
  ASSERT_TRUE(replica.store->apply(update, {}).get());
  EXPECT_EQ(flips(inbox, ModSeq(2), &replica.store),
            "1 \\Seen Work,2 Work,3 \\Seen Work,4:5 \\Seen");
  EXPECT_EQ(flips(inbox, ModSeq(2), &replica.store), flips(inbox, ModSeq(2)));
  EXPECT_EQ(flips(inbox, ModSeq(3), &replica.store), flips(inbox, ModSeq(3)));
  for (const uint64_t between : {4, 5, 6})
    EXPECT_EQ(flips(inbox, ModSeq(between), &replica.store), "forgotten");
  EXPECT_EQ(flips(inbox, ModSeq(7), &replica.store), "");
}

TEST_P(FlagHistory, AMailboxThatCameAsAWholeHasNoPast) {
  TestReplica replica(GetParam());
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 4);
  flag("1", FlagOp::kAdd, {"\\Seen"});
  flag("2", FlagOp::kAdd, {"\\Seen"});
  replica.catch_up(store);
  EXPECT_EQ(flips(inbox, ModSeq(3), &replica.store), "forgotten");
  EXPECT_EQ(flips(inbox, state(), &replica.store), "");
}

TEST(FlagHistoryLength, ReachesBackAsFarAsPromisedAndIsTrimmedBehind) {
  TestStore store(TestStore::On::kMemory);
  ASSERT_TRUE(store->create_user("alice", {}));
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 2);
  const auto flag = [&](FlagOp op) {
    ASSERT_TRUE(store->store_flags(inbox, uids("1"), op, flag_names({"\\Seen"})));
  };
  for (uint64_t i = 0; i < kFlagHistoryModSeqs + 2 * kFlagHistoryTrim; ++i)
    flag(i % 2 == 0 ? FlagOp::kAdd : FlagOp::kRemove);
  const auto flips = [&](uint64_t ago) {
    const MailboxView view = store->view(inbox).value();
    return view.flips_since(ModSeq(view.info().highestmodseq.value - ago)).value();
  };
  EXPECT_EQ(flips(kFlagHistoryModSeqs).value().size(), 0U);
  ASSERT_EQ(flips(kFlagHistoryModSeqs - 1).value().size(), 1U);
  EXPECT_EQ(flips(kFlagHistoryModSeqs - 1)->front(), (FlagFlips{Uid(1), Uid(1), bits({3})}));
  EXPECT_FALSE(flips(kFlagHistoryModSeqs + kFlagHistoryTrim));
  store.expect_sound();  // which finds rows that should have gone
}

TEST(FlagHistoryRow, ReadsBackWhatItWrote) {
  FlagHistoryRow row{.from = ModSeq(95), .flipped = {}};
  row.flipped[bits({3})] = uids("1:100,200");
  row.flipped[bits({0, 64, 127})] = uids("4294967295");
  const FlagHistoryRow back = FlagHistoryRow::decode(ModSeq(100), row.encode(ModSeq(100))).value();
  EXPECT_EQ(back.from, row.from);
  EXPECT_EQ(back.flipped, row.flipped);
}

TEST(FlagHistoryRow, RefusesWhatItCantHaveWritten) {
  const auto refused = [](const std::string& bytes) {
    const auto row = FlagHistoryRow::decode(ModSeq(100), bytes);
    return !row && row.error().code == Code::kCorrupt;
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused(std::string(1, '\0')));                            // no step
  EXPECT_TRUE(refused("\x65"));                                          // from below 0
  EXPECT_TRUE(refused(std::string("\x01\x08\x00\x01", 4)));              // a set that is cut
  EXPECT_TRUE(refused(std::string("\x01\x00\x00\x03\x01\x01\x00", 7)));  // no bits
  EXPECT_FALSE(refused(std::string("\x01\x08\x00\x03\x01\x01\x00", 7)));
}

TEST(FlagHistoryRow, TakesSomeThirtyBytes) {  // as decision 0006 says
  FlagHistoryRow row{.from = ModSeq(1'000'000), .flipped = {}};
  row.flipped[bits({3})] = UidSet::of(Uid(100'000), Uid(100'000));
  EXPECT_LE(row.encode(ModSeq(1'000'001)).size(), 10U);
}

}  // namespace
}  // namespace gemel
