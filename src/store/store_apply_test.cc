// What a replica takes, and what it refuses.
#include "store/page.h"
#include "store/replica_fixture.h"

namespace gemel {
namespace {

const UidSet kAll = UidSet::of(Uid(1), Uid(UINT32_MAX));

class StoreApply : public testing::TestWithParam<TestStore::On> {
 protected:
  StoreApply() : store(GetParam(), Role::kReplica) { take_alice(store); }
  ~StoreApply() override { store.expect_sound(); }

  /// From 0 to 3: two messages, at 2 and 3.
  MailboxUpdate first() {
    MailboxUpdate update{.id = kId,
                         .from = {},
                         .to = ModSeq(3),
                         .last_uid = Uid(9),
                         .recent_uid = Uid(0),
                         .purged_modseq = {},
                         .header = header("INBOX"),
                         .items = {}};
    update.items.push_back(append(4, 2, "four"));
    update.items.push_back(append(7, 3, "seven"));
    return update;
  }
  static MailboxHeader header(const std::string& path) {
    return {{"alice", path}, "default", UidValidity(77), 5, 0, {}};
  }
  static MailboxUpdate then(ModSeq from, ModSeq to) {
    return {.id = kId,
            .from = from,
            .to = to,
            .last_uid = Uid(9),
            .recent_uid = {},
            .purged_modseq = {},
            .header = {},
            .items = {}};
  }
  static AppendItem append(uint32_t uid, uint64_t modseq, std::string_view body) {
    return {.uid = Uid(uid),
            .modseq = ModSeq(modseq),
            .created_modseq = ModSeq(modseq),
            .flags = flag_names({"Work"}),
            .expunged = false,
            .internaldate_s = 1,
            .savedate_s = 2,
            .guid = Guid{sha256(body)},
            .size = body.size(),
            .crlf_growth = 2};  // it has no line end
  }
  Result<MailStore::Applied> apply(const MailboxUpdate& update,
                                   std::initializer_list<std::string_view> bodies = {}) {
    std::vector<StagedBody> staged;
    for (const std::string_view body : bodies) staged.push_back(store.stage(body));
    return store->apply(update, std::move(staged)).get();
  }
  void start() { ASSERT_TRUE(apply(first(), {"four", "seven"})); }
  /// `update` after the first one is refused and changes nothing.
  void expect_refused(const MailboxUpdate& update, Code code) {
    const Digest before = store->digest();
    const auto applied = apply(update, {"eight"});
    EXPECT_EQ(applied ? Code{} : applied.error().code, code);
    EXPECT_EQ(store->digest(), before);
  }

  static constexpr UniqueId kId{0xabc, 1};
  TestStore store;
};
GEMEL_ON_BOTH_ENGINES(StoreApply);

TEST_P(StoreApply, ItTakesUidsAndModseqsAsGiven) {
  start();
  const MailboxInfo info = store.info(kId);
  EXPECT_EQ(info.uidvalidity, UidValidity(77));
  EXPECT_EQ(info.last_uid, Uid(9));
  EXPECT_EQ(info.highestmodseq, ModSeq(3));
  EXPECT_EQ(store.uids(kId), "4,7");
  EXPECT_EQ(store.body(kId, 7), "seven");
  EXPECT_EQ(store.inbox(), kId);
  MailboxUpdate update = then(ModSeq(3), ModSeq(9));
  update.items.push_back(StoreItem{kAll & UidSet::of(Uid(4), Uid(4)), ModSeq(5), FlagOp::kAdd,
                                   flag_names({"\\Seen"})});
  update.items.push_back(ExpungeItem{UidSet::of(Uid(7), Uid(7)), ModSeq(9)});
  const auto applied = apply(update);
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->digest, store.info(kId).digest);
  EXPECT_EQ(store.flags(kId, 4), "\\Seen Work");
  EXPECT_EQ(store->view(kId)->record(Uid(4))->state.modseq, ModSeq(5));
  EXPECT_EQ(store.uids(kId), "4");
}

TEST_P(StoreApply, AnotherStateIsModifiedAndNothingIsWritten) {
  expect_refused(then(ModSeq(1), ModSeq(2)), Code::kModified);  // does not exist
  start();
  expect_refused(first(), Code::kModified);
  expect_refused(then(ModSeq(2), ModSeq(5)), Code::kModified);
}

TEST_P(StoreApply, MissingBodiesAreNamedAllAtOnce) {
  const auto applied = apply(first(), {"four"});
  ASSERT_EQ(applied.error().code, Code::kNotFound);
  EXPECT_EQ(applied.error().text, Guid{sha256("seven")}.text());
  EXPECT_EQ(store->find(kId).error().code, Code::kNotFound);
  const auto both = apply(first(), {});
  EXPECT_EQ(both.error().text, Guid{sha256("four")}.text() + " " + Guid{sha256("seven")}.text());
}

TEST_P(StoreApply, WhatWouldBreakAnInvariantIsInvalid) {
  start();
  const ModSeq from(3);
  const ModSeq to(6);
  const auto with = [&](ChangeItem item) {
    MailboxUpdate update = then(from, to);
    update.last_uid = Uid(20);
    update.items.push_back(std::move(item));
    return update;
  };
  const UidSet four = UidSet::of(Uid(4), Uid(4));
  expect_refused(with(append(9, 4, "eight")), Code::kInvalid);   // I2: not above last_uid
  expect_refused(with(append(21, 4, "eight")), Code::kInvalid);  // above the new one
  expect_refused(with(append(10, 7, "eight")), Code::kInvalid);  // I3: above `to`
  expect_refused(with(append(10, 3, "eight")), Code::kInvalid);  // not above `from`
  expect_refused(with(StoreItem{four, ModSeq(7), FlagOp::kSet, {}}), Code::kInvalid);
  expect_refused(with(StoreItem{UidSet::of(Uid(5), Uid(5)), to, FlagOp::kSet, {}}), Code::kInvalid);
  expect_refused(with(StoreItem{UidSet(), to, FlagOp::kSet, {}}), Code::kInvalid);
  expect_refused(with(ExpungeItem{kAll, to}), Code::kInvalid);
  expect_refused(then(from, from), Code::kInvalid);
  MailboxUpdate back = then(from, to);
  back.last_uid = Uid(8);
  expect_refused(back, Code::kInvalid);
  MailboxUpdate other = then(from, to);
  other.header = header("INBOX");
  other.header->uidvalidity = UidValidity(78);
  expect_refused(other, Code::kInvalid);  // I1
  MailboxUpdate twice = with(append(10, 5, "eight"));
  twice.items.push_back(append(10, 6, "eight"));
  expect_refused(twice, Code::kInvalid);
  MailboxUpdate purged = then(from, to);
  purged.purged_modseq = ModSeq(7);
  expect_refused(purged, Code::kInvalid);
  MailboxUpdate recent = then(from, to);
  recent.recent_uid = Uid(10);
  expect_refused(recent, Code::kInvalid);
  AppendItem odd = append(10, 5, "eight");
  odd.created_modseq = ModSeq(6);
  expect_refused(with(odd), Code::kInvalid);
  odd = append(10, 5, "eight");
  odd.size = 1;
  expect_refused(with(odd), Code::kInvalid);
}

TEST_P(StoreApply, AppendFromTakesMessagesOfAnotherMailboxOrItself) {
  start();
  MailboxUpdate other = first();
  other.id = UniqueId{0xabc, 2};
  other.header = header("Other");
  other.header->partition = "archive";
  other.items.clear();
  other.items.push_back(AppendFromItem{.uids = UidSet::of(Uid(1), Uid(2)),
                                       .modseq = ModSeq(2),
                                       .created_modseq = ModSeq(2),
                                       .expunged = false,
                                       .savedate_s = 8,
                                       .source = kId,
                                       .source_uids = UidSet::parse("4,7", 9).value(),
                                       .flags = {}});
  other.items.push_back(AppendFromItem{.uids = UidSet::of(Uid(3), Uid(3)),
                                       .modseq = ModSeq(3),
                                       .created_modseq = ModSeq(3),
                                       .expunged = true,
                                       .savedate_s = 8,
                                       .source = other.id,
                                       .source_uids = UidSet::of(Uid(1), Uid(1)),
                                       .flags = flag_names({"\\Seen"})});
  ASSERT_TRUE(apply(other));
  EXPECT_EQ(store.body(other.id, 2), "seven");
  EXPECT_EQ(store.flags(other.id, 2), "Work");
  EXPECT_EQ(store.flags(other.id, 3), "\\Seen");
  EXPECT_EQ(store.info(other.id).expunged, 1u);
  const RecordFacts facts = store->view(other.id)->record(Uid(1))->facts;
  EXPECT_EQ(facts.internaldate_s, 1);
  EXPECT_EQ(facts.savedate_s, 8);
  MailboxUpdate missing = then(ModSeq(3), ModSeq(4));
  missing.last_uid = Uid(20);
  missing.items.push_back(AppendFromItem{.uids = UidSet::of(Uid(10), Uid(10)),
                                         .modseq = ModSeq(4),
                                         .created_modseq = ModSeq(4),
                                         .expunged = false,
                                         .savedate_s = 8,
                                         .source = other.id,
                                         .source_uids = UidSet::of(Uid(9), Uid(9)),
                                         .flags = {}});
  expect_refused(missing, Code::kNotFound);
}

// As on the primary, which copied one after the other: clients are shown them in that order.
TEST_P(StoreApply, AppendFromGivesKeywordsTheirPlacesInTheOrderOfMessages) {
  start();
  MailboxUpdate flags = then(ModSeq(3), ModSeq(4));
  flags.items.push_back(StoreItem{
      .uids = UidSet::of(Uid(4), Uid(4)), .modseq = ModSeq(4), .flags = flag_names({"Later"})});
  ASSERT_TRUE(apply(flags));
  EXPECT_EQ(store.info(kId).keywords, (std::vector<std::string>{"Work", "Later"}));
  MailboxUpdate other = first();
  other.id = UniqueId{0xabc, 2};
  other.header = header("Other");
  other.items.clear();
  other.items.push_back(AppendFromItem{.uids = UidSet::of(Uid(1), Uid(2)),
                                       .modseq = ModSeq(2),
                                       .created_modseq = ModSeq(2),
                                       .expunged = false,
                                       .savedate_s = 8,
                                       .source = kId,
                                       .source_uids = UidSet::parse("4,7", 9).value(),
                                       .flags = {}});
  ASSERT_TRUE(apply(other));
  EXPECT_EQ(store.info(other.id).keywords, (std::vector<std::string>{"Later", "Work"}));
}

TEST_P(StoreApply, TheLastPageMayBecomeAnotherWithoutAMessageInIt) {
  start();
  MailboxUpdate later = then(ModSeq(3), ModSeq(4));
  later.last_uid = Uid(2 * kPageUids);
  ASSERT_TRUE(apply(later));
  store.expect_sound();
  EXPECT_EQ(store->view(kId)->changes_since(ModSeq(2)).value().size(), 1u);
  MailboxUpdate flagged = then(ModSeq(4), ModSeq(5));
  flagged.last_uid = later.last_uid;
  flagged.items.push_back(
      StoreItem{UidSet::of(Uid(4), Uid(4)), ModSeq(5), FlagOp::kAdd, flag_names({"\\Seen"})});
  ASSERT_TRUE(apply(flagged));
  EXPECT_EQ(store->view(kId)->changes_since(ModSeq(4)).value().size(), 1u);
}

TEST_P(StoreApply, PurgedTombstonesGo) {
  start();
  MailboxUpdate update = then(ModSeq(3), ModSeq(6));
  update.items.push_back(ExpungeItem{UidSet::of(Uid(4), Uid(4)), ModSeq(4)});
  update.items.push_back(ExpungeItem{UidSet::of(Uid(7), Uid(7)), ModSeq(6)});
  update.purged_modseq = ModSeq(4);
  ASSERT_TRUE(apply(update));
  EXPECT_EQ(store.info(kId).expunged, 1u);
  EXPECT_EQ(store->verify({})->bodies, 1u);
}

TEST_P(StoreApply, ADeletedMailboxFreesItsNameAndAPurgeItsRecords) {
  start();
  MailboxUpdate gone = then(ModSeq(3), ModSeq(4));
  gone.header = header("INBOX");
  gone.header->deleted_s = 9;
  ASSERT_TRUE(apply(gone));
  EXPECT_EQ(store->find(MailboxName{"alice", "INBOX"}).error().code, Code::kNotFound);
  EXPECT_EQ(store.info(kId).exists, 2u);
  gone = then(ModSeq(4), ModSeq(5));
  gone.purged_modseq = ModSeq(5);
  ASSERT_TRUE(apply(gone));
  EXPECT_EQ(store.info(kId).exists, 0u);
  EXPECT_EQ(store->verify({})->bodies, 0u);
}

TEST_P(StoreApply, ATakenNameExistsAndARenameOfAllTogetherMaySwap) {
  start();
  MailboxUpdate other = first();
  other.id = UniqueId{0xabc, 2};
  other.items.clear();
  expect_refused(other, Code::kExists);
  other.header = header("Other");
  ASSERT_TRUE(apply(other));
  const RenameItem one{kId,       {"alice", "INBOX"}, {"alice", "Other"},
                       "default", ModSeq(3),          ModSeq(4)};
  const RenameItem two{other.id,  {"alice", "Other"}, {"alice", "INBOX"},
                       "archive", ModSeq(3),          ModSeq(5)};
  EXPECT_EQ(store->apply(std::vector{one}).get().error().code, Code::kExists);
  const auto swapped = store->apply(std::vector{one, two}).get();
  ASSERT_TRUE(swapped) << swapped.error().text;
  EXPECT_EQ(swapped->highestmodseq, ModSeq(5));
  EXPECT_EQ(store.inbox(), other.id);
  EXPECT_EQ(store.info(kId).name.path, "Other");
  EXPECT_EQ(store->apply(std::vector{one}).get().error().code, Code::kModified);
  RenameItem wrong_name = one;
  wrong_name.from = ModSeq(4);
  wrong_name.to = ModSeq(6);
  EXPECT_EQ(store->apply(std::vector{wrong_name}).get().error().code, Code::kModified);
  EXPECT_EQ(store->apply(std::vector<RenameItem>{}).get().error().code, Code::kInvalid);
}

TEST_P(StoreApply, UsersAreTakenAsGiven) {
  const auto applied = store
                           ->apply(UserUpdate{.userid = "alice",
                                              .from = ModSeq(1),
                                              .to = ModSeq(4),
                                              .created_s = 5,
                                              .deleted_s = 0,
                                              .items = {{"a/b", "x", ModSeq(4), false}}})
                           .get();
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->digest, store->user("alice")->data_digest);
  EXPECT_EQ(store->user_item("alice", "a/b").value(), "x");
  UserUpdate again{.userid = "alice",
                   .from = ModSeq(1),
                   .to = ModSeq(9),
                   .created_s = 5,
                   .deleted_s = 0,
                   .items = {}};
  EXPECT_EQ(store->apply(again).get().error().code, Code::kModified);
  again.from = ModSeq(4);
  again.items = {{"a/c", "x", ModSeq(4), false}};
  EXPECT_EQ(store->apply(again).get().error().code, Code::kInvalid);
}

// Nobody who goes through the users would find it.
TEST_P(StoreApply, AMailboxComesBehindItsUser) {
  MailboxUpdate early = first();
  early.header->name.owner = "bob";
  EXPECT_EQ(apply(early, {"four", "seven"}).error().code, Code::kUnavailable);
  ASSERT_TRUE(store
                  ->apply(UserUpdate{.userid = "bob",
                                     .from = {},
                                     .to = ModSeq(2),
                                     .created_s = 1,
                                     .deleted_s = 0,
                                     .items = {}})
                  .get());
  ASSERT_TRUE(apply(early, {"four", "seven"}));
  EXPECT_EQ(store->user("bob")->mailboxes, 1u);
}

TEST_P(StoreApply, UpdatesUnderWayTakeEffectInOrder) {
  std::vector<std::future<Result<MailStore::Applied>>> under_way;
  under_way.push_back(store->apply(first(), {store.stage("four"), store.stage("seven")}));
  for (uint64_t modseq = 3; modseq < 40; ++modseq)
    under_way.push_back(store->apply(then(ModSeq(modseq), ModSeq(modseq + 1)), {}));
  for (auto& one : under_way) EXPECT_TRUE(one.get());
  EXPECT_EQ(store.info(kId).highestmodseq, ModSeq(40));
}

// A merge decides of the user behind the mailboxes; the server that merged may be lost in between.
TEST_P(StoreApply, APromotionBringsBackWhomALiveMailboxBelongsTo) {
  const auto deleted = [&](const std::string& userid) {
    return store
        ->apply(UserUpdate{.userid = userid,
                           .from = {},
                           .to = ModSeq(2),
                           .created_s = 1,
                           .deleted_s = 5,
                           .items = {}})
        .get();
  };
  ASSERT_TRUE(deleted("bob"));
  ASSERT_TRUE(deleted("carol"));
  MailboxUpdate mailbox = first();
  mailbox.header->name = {"bob", "INBOX"};
  ASSERT_TRUE(apply(mailbox, {"four", "seven"}));
  EXPECT_EQ(store->user("bob").error().code, Code::kNotFound);
  ASSERT_TRUE(store->promote());
  EXPECT_EQ(store->user("bob")->modseq, ModSeq(3));
  EXPECT_EQ(store->user("carol").error().code, Code::kNotFound);
}

TEST_P(StoreApply, EachRoleTakesItsOwnWritesOnly) {
  start();
  EXPECT_EQ(store->create_user("bob", {}).error().code, Code::kReadOnly);
  EXPECT_EQ(store->expunge(kId, kAll).error().code, Code::kReadOnly);
  ASSERT_TRUE(store->promote());
  EXPECT_EQ(store->role(), Role::kPrimary);
  expect_refused(then(ModSeq(3), ModSeq(4)), Code::kReadOnly);
  EXPECT_TRUE(store->expunge(kId, kAll));
}

}  // namespace
}  // namespace gemel
