// How many keywords a mailbox takes: of clients, and of updates, which have room for more.
#include <fmt/format.h>

#include "store/replica_fixture.h"

namespace gemel {
namespace {

constexpr size_t kPlaces = kMailboxKeywordPlaces;

UidSet one(uint32_t uid) { return UidSet::of(Uid(uid), Uid(uid)); }

/// k0, k1 and so on: `count` of them from `first` on.
FlagNames keywords(size_t count, size_t first = 0) {
  FlagNames out;
  for (size_t i = first; i < first + count; ++i) EXPECT_TRUE(out.add(fmt::format("k{}", i)));
  return out;
}

/// A replica whose INBOX has two messages: uid 1 with as many keywords as there are places, uid 2
/// with none.
class FullTable : public testing::TestWithParam<TestStore::On> {
 protected:
  FullTable() : store(GetParam(), Role::kReplica) {
    take_alice(store);
    MailboxUpdate first = then();
    first.header = MailboxHeader{{"alice", "INBOX"}, "default", UidValidity(77), 5, 0, {}};
    first.items = {append(1, keywords(kPlaces)), append(2, {})};
    expect_applied(first);
    EXPECT_EQ(names_at(1), kPlaces);
  }
  ~FullTable() override { store.expect_sound(); }

  /// An update that goes on from where the mailbox is, by one modseq.
  MailboxUpdate then() {
    const auto now = store->find(kId);
    const ModSeq from = now ? now->highestmodseq : ModSeq();
    return {.id = kId,
            .from = from,
            .to = next(from),
            .last_uid = Uid(9),
            .recent_uid = {},
            .purged_modseq = {},
            .header = {},
            .items = {}};
  }
  ModSeq to() { return then().to; }
  AppendItem append(uint32_t uid, FlagNames flags) {
    const std::string body = fmt::format("message {}", uid);
    return {.uid = Uid(uid),
            .modseq = to(),
            .created_modseq = to(),
            .flags = std::move(flags),
            .internaldate_s = 1,
            .savedate_s = 2,
            .guid = Guid{sha256(body)},
            .size = body.size(),
            .crlf_growth = 2};  // it has no line end
  }
  StoreItem put(uint32_t uid, FlagOp op, FlagNames flags) {
    return {.uids = one(uid), .modseq = to(), .op = op, .flags = std::move(flags)};
  }
  Result<MailStore::Applied> apply(const MailboxUpdate& update) {
    std::vector<StagedBody> bodies;
    for (uint32_t uid = 1; uid <= 12; ++uid)
      bodies.push_back(store.stage(fmt::format("message {}", uid)));
    return store->apply(update, std::move(bodies)).get();
  }
  void expect_applied(const MailboxUpdate& update) {
    const auto applied = apply(update);
    EXPECT_TRUE(applied) << applied.error().text;
    store.expect_sound();
  }
  void expect_applied(std::vector<ChangeItem> items) {
    MailboxUpdate update = then();
    update.last_uid = Uid(12);
    update.items = std::move(items);
    expect_applied(update);
  }
  size_t names_at(uint32_t uid) {
    const MailboxView view = store->view(kId).value();
    return names_of(view.record(Uid(uid))->state.flags, view.info().keywords).keywords.size();
  }

  static constexpr UniqueId kId{0xabc, 1};
  TestStore store;
};
GEMEL_ON_BOTH_ENGINES(FullTable);

TEST_P(FullTable, AMergeTakesNoMore) {
  MailboxUpdate update = store.mend_of(kId);
  update.items = {StoreItem{.uids = one(2), .modseq = update.to, .flags = keywords(1, kPlaces)}};
  EXPECT_EQ(apply(update).error().code, Code::kLimit);
  EXPECT_EQ(store.flags(kId, 2), "");
}

// No primary has such a mailbox, but between two chunks of an update a replica may.
TEST_P(FullTable, OnTheWayWhatHasNoPlaceIsLeftOut) {
  expect_applied({put(2, FlagOp::kAdd, flag_names({"k7", "new", "\\Seen"}))});
  EXPECT_EQ(store.flags(kId, 2), "\\Seen k7");
  EXPECT_EQ(names_at(1), kPlaces);
}

// Whatever comes first in the update: that the one goes, or that the other comes.
TEST_P(FullTable, AKeywordComesWhereAnotherGoes) {
  const FlagNames fresh = flag_names({"new"});
  const auto expect_new_at_2 = [&] {
    EXPECT_EQ(store.flags(kId, 2), "new");
    EXPECT_EQ(names_at(1), kPlaces - 1);
    EXPECT_EQ(store.info(kId).keywords.size(), kPlaces);
    expect_applied({put(2, FlagOp::kSet, {}), put(1, FlagOp::kSet, keywords(kPlaces))});
    EXPECT_EQ(names_at(1), kPlaces);
  };
  expect_applied({put(1, FlagOp::kRemove, flag_names({"k0"})), put(2, FlagOp::kAdd, fresh)});
  expect_new_at_2();
  expect_applied({put(2, FlagOp::kAdd, fresh), put(1, FlagOp::kRemove, flag_names({"k7"}))});
  expect_new_at_2();
  expect_applied({put(2, FlagOp::kSet, fresh), put(1, FlagOp::kSet, keywords(kPlaces - 1))});
  expect_new_at_2();
}

TEST_P(FullTable, AllKeywordsMakeRoomForOthersAtOnce) {
  expect_applied(
      {put(1, FlagOp::kSet, keywords(kPlaces, 500)), append(10, keywords(kPlaces, 500))});
  EXPECT_EQ(names_at(1), kPlaces);
  EXPECT_EQ(names_at(10), kPlaces);
  EXPECT_TRUE(names_of(store->view(kId)->record(Uid(10))->state.flags, store.info(kId).keywords) ==
              keywords(kPlaces, 500));
}

// The last use goes with a tombstone that the update frees.
TEST_P(FullTable, AKeywordComesWhereAMessageIsFreed) {
  MailboxUpdate update = then();
  update.purged_modseq = update.to;
  update.items = {put(2, FlagOp::kAdd, keywords(kPlaces, 500)),
                  ExpungeItem{.uids = one(1), .modseq = update.to}};
  expect_applied(update);
  EXPECT_EQ(names_at(2), kPlaces);
  EXPECT_EQ(store.uids(kId), "2");
}

TEST_P(FullTable, WhatIsToComeIsTakenBackInTheSameUpdate) {
  expect_applied({put(2, FlagOp::kAdd, flag_names({"a", "b", "c"})),
                  append(10, flag_names({"a", "b"})),
                  put(2, FlagOp::kRemove, flag_names({"A", "c"})), put(10, FlagOp::kSet, {}),
                  put(1, FlagOp::kRemove, flag_names({"k3"}))});
  EXPECT_EQ(store.flags(kId, 2), "b");
  EXPECT_EQ(store.flags(kId, 10), "");
}

TEST_P(FullTable, ACopyHasWhatItsSourceIsToGet) {
  AppendFromItem copy{.uids = one(11),
                      .modseq = to(),
                      .created_modseq = to(),
                      .savedate_s = 2,
                      .source = kId,
                      .source_uids = one(10),
                      .flags = std::nullopt};
  AppendFromItem told = copy;
  told.uids = one(12);
  told.flags = flag_names({"new"});
  expect_applied(
      {append(10, flag_names({"new"})), copy, told, put(1, FlagOp::kRemove, flag_names({"k3"}))});
  for (const uint32_t uid : {10U, 11U, 12U}) EXPECT_EQ(store.flags(kId, uid), "new");
}

// Names that are only left in the replica's own flag history: it forgets that, and knows so.
TEST_P(FullTable, WhatNoMessageHasIsNotInTheWay) {
  const ModSeq before = store.info(kId).highestmodseq;
  expect_applied({put(1, FlagOp::kSet, keywords(1))});
  EXPECT_TRUE(store->view(kId)->flips_since(before).value());
  expect_applied({put(2, FlagOp::kAdd, keywords(kPlaces - 1, 500))});
  EXPECT_EQ(names_at(1), 1U);
  EXPECT_EQ(names_at(2), kPlaces - 1);
  EXPECT_FALSE(store->view(kId)->flips_since(before).value());
  const ModSeq after = store.info(kId).highestmodseq;
  EXPECT_TRUE(store->view(kId)->flips_since(after).value());
  expect_applied({put(2, FlagOp::kRemove, keywords(1, 500))});
  EXPECT_EQ(store->view(kId)->flips_since(after)->value().size(), 1U);
}

TEST_P(FullTable, AKeywordThatIsNotThereIsTakenAwayWithoutAPlace) {
  expect_applied({put(2, FlagOp::kRemove, keywords(50, 500))});
  EXPECT_EQ(names_at(1), kPlaces);
}

// The digest of what came is not that of what had the same bits before.
TEST_P(FullTable, AMendPutsAnotherMessageInTheSamePlaces) {
  MailboxUpdate update = store.mend_of(kId);
  AppendItem other = append(2, keywords(kPlaces, 500));
  other.modseq = other.created_modseq = update.to;
  update.items = {DropItem{.uids = one(1)}, other};
  expect_applied(update);
  EXPECT_EQ(names_at(2), kPlaces);
}

// Promoted: what clients may do with more keywords than they could have given it themselves.
TEST_P(FullTable, ClientsKeepWhatThereIsAndGiveNothingNew) {
  ASSERT_TRUE(store->promote());
  EXPECT_TRUE(store->store_flags(kId, one(2), FlagOp::kAdd, keywords(1)));
  const auto add_new = [&] {
    return store->store_flags(kId, one(2), FlagOp::kAdd, flag_names({"new"}));
  };
  EXPECT_EQ(add_new().error().code, Code::kLimit);
  EXPECT_EQ(store->append({{kId, store.stage("x"), flag_names({"new"}), 1}}).error().code,
            Code::kLimit);
  EXPECT_EQ(names_at(1), kPlaces);
  EXPECT_EQ(names_at(2), 1U);
  // Until fewer than a client's limit are left.
  const MailboxInfo now = store.info(kId);
  MailboxUpdate update = store.mend_of(kId);
  update.items = {StoreItem{.uids = UidSet::of(Uid(1), Uid(2)),
                            .modseq = now.highestmodseq,
                            .flags = keywords(kMailboxKeywordsMax)}};
  ASSERT_TRUE(store->merge({update}, {}).get());
  EXPECT_EQ(add_new().error().code, Code::kLimit);
  update = store.mend_of(kId);
  update.items = {StoreItem{.uids = UidSet::of(Uid(1), Uid(2)),
                            .modseq = now.highestmodseq,
                            .flags = keywords(kMailboxKeywordsMax - 1)}};
  ASSERT_TRUE(store->merge({update}, {}).get());
  EXPECT_TRUE(add_new());
  EXPECT_EQ(names_at(2), kMailboxKeywordsMax);
}

}  // namespace
}  // namespace gemel
