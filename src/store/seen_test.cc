// \Seen of users who look at mailboxes of others.
#include <gmock/gmock.h>

#include "store/readers.h"
#include "store/seen_edit.h"
#include "store/store_fixture.h"

namespace gemel {
namespace {

const UidSet kAll = UidSet::of(Uid(1), Uid(UINT32_MAX));

class SeenTest : public StoreTest {
 protected:
  SeenTest() {
    EXPECT_TRUE(store->create_user("bob", {}));
    EXPECT_TRUE(store->create_user("carol", {}));
    inbox_ = store.inbox();
    store.append_many(inbox_, 4);
  }
  std::string seen(const std::string& userid) {
    const MailboxView view = store->view(inbox_, userid).value();
    return view.uids_with(static_cast<size_t>(SystemFlag::kSeen)).value().text();
  }
  MailStore::Stored mark(const std::string& userid, const UidSet& uids, FlagOp op = FlagOp::kAdd) {
    return store->store_flags(inbox_, uids, op, flag_names({"\\Seen"}), {.seen_by = userid})
        .value();
  }
  static UidSet uids(uint32_t first, uint32_t last) { return UidSet::of(Uid(first), Uid(last)); }

  UniqueId inbox_;
};
GEMEL_ON_BOTH_ENGINES(SeenTest);

TEST_P(SeenTest, BelongsToEachUser) {
  mark("bob", uids(1, 2));
  mark("", uids(2, 3));
  EXPECT_EQ(seen("bob"), "1:2");
  EXPECT_EQ(seen("carol"), "");
  EXPECT_EQ(seen(""), "2:3");
  mark("bob", uids(1, 1), FlagOp::kRemove);
  EXPECT_EQ(seen("bob"), "2");
  EXPECT_EQ(store->view(inbox_, "bob").value().unseen().value(), 3U);
  EXPECT_EQ(store->view(inbox_).value().unseen().value(), 2U);
}

TEST_P(SeenTest, RaisesTheModseqOfWhatChanges) {
  const ModSeq before = store.info(inbox_).highestmodseq;
  const ModSeq after = mark("bob", uids(2, 2)).committed.modseq;
  EXPECT_EQ(after, next(before));
  const auto changes = store->view(inbox_, "bob").value().changes_since(before).value();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].uid, Uid(2));
  EXPECT_TRUE(changes[0].flags.has(SystemFlag::kSeen));
  EXPECT_EQ(mark("bob", uids(2, 2)).committed.modseq, after);  // nothing changes
  EXPECT_TRUE(store->view(inbox_).value().flips_since(before).value()->empty());
}

TEST_P(SeenTest, IsSetTogetherWithOtherFlags) {
  mark("", uids(1, 1));
  ASSERT_TRUE(store->store_flags(inbox_, kAll, FlagOp::kSet,
                                 flag_names({"\\Seen", "\\Flagged", "Work"}), {.seen_by = "bob"}));
  EXPECT_EQ(seen("bob"), "1:4");
  EXPECT_EQ(store.flags(inbox_, 1), "\\Flagged \\Seen Work");
  EXPECT_EQ(store.flags(inbox_, 2), "\\Flagged Work");
  ASSERT_TRUE(store->store_flags(inbox_, uids(1, 1), FlagOp::kSet, {}, {.seen_by = "bob"}));
  EXPECT_EQ(seen("bob"), "2:4");
  EXPECT_EQ(store.flags(inbox_, 1), "\\Seen");
}

TEST_P(SeenTest, ObeysTheScopeOfAChange) {
  ASSERT_TRUE(store->store_flags(inbox_, kAll, FlagOp::kSet, flag_names({"\\Deleted", "Work"})));
  const FlagNames all = flag_names({"\\Seen", "\\Flagged", "Other"});
  ASSERT_TRUE(store->store_flags(inbox_, uids(1, 1), FlagOp::kSet, all,
                                 {.scope = {.deleted = false, .others = false}}));
  EXPECT_EQ(store.flags(inbox_, 1), "\\Deleted \\Seen Work");
  ASSERT_TRUE(store->store_flags(inbox_, uids(2, 2), FlagOp::kSet, all,
                                 {.scope = {.seen = false, .deleted = false}}));
  EXPECT_EQ(store.flags(inbox_, 2), "\\Flagged \\Deleted Other");
  ASSERT_TRUE(store->store_flags(inbox_, uids(3, 3), FlagOp::kSet, all,
                                 {.scope = {.seen = false, .others = false}}));
  EXPECT_EQ(store.flags(inbox_, 3), "Work");
}

TEST_P(SeenTest, HonoursUnchangedSince) {
  const ModSeq then = store.info(inbox_).highestmodseq;
  mark("bob", uids(2, 2));
  const auto stored = store->store_flags(inbox_, kAll, FlagOp::kAdd, flag_names({"\\Seen"}),
                                         {.unchanged_since = then, .seen_by = "bob"});
  EXPECT_EQ(stored->modified, uids(2, 2));
  EXPECT_EQ(seen("bob"), "1:4");
}

TEST_P(SeenTest, ComesWithAMessage) {
  std::vector<MailStore::Append> messages;
  for (const char* who : {"bob", "bob", ""})
    messages.push_back({.mailbox = inbox_,
                        .body = store.stage("x"),
                        .flags = flag_names({"\\Seen", "\\Draft"}),
                        .seen_by = who});
  ASSERT_TRUE(store->append(std::move(messages)));
  EXPECT_EQ(seen("bob"), "5:6");
  EXPECT_EQ(store.flags(inbox_, 5), "\\Draft");
  EXPECT_EQ(store.flags(inbox_, 7), "\\Seen \\Draft");
}

TEST_P(SeenTest, GoesAlongWithCopies) {
  mark("bob", uids(1, 1));
  mark("", uids(2, 2));
  const UniqueId mine = store->create({.name = {"bob", "Mine"}}).value().id;
  ASSERT_TRUE(
      store->copy(inbox_, uids(1, 2), mine, MailStore::Keep::kCopy, {.source_seen_by = "bob"}));
  EXPECT_EQ(store.flags(mine, 1), "\\Seen");
  EXPECT_EQ(store.flags(mine, 2), "");
  ASSERT_TRUE(store->copy(mine, kAll, inbox_, MailStore::Keep::kMove, {.target_seen_by = "bob"}));
  EXPECT_EQ(seen("bob"), "1,5");
  EXPECT_EQ(seen(""), "2");
  ASSERT_TRUE(store->copy(inbox_, uids(5, 5), mine, MailStore::Keep::kCopy,
                          {.source_seen_by = "bob", .scope = {.seen = false}}));
  EXPECT_EQ(store.flags(mine, 3), "");
}

TEST_P(SeenTest, ForgetsWhatIsExpungedBeforeItGrowsBeyondTheMailbox) {
  mark("bob", kAll);
  ASSERT_TRUE(store->expunge(inbox_, uids(1, 3)));
  store.append_many(inbox_, 1);
  mark("bob", uids(5, 5));
  EXPECT_EQ(seen("bob"), "4:5");
  EXPECT_EQ(store->view(inbox_, "bob")->seen_set().text(), "4:5");
}

TEST(SeenEdit, ClosesTheLowestGapsAtItsLimit) {
  UidSet even;
  for (uint32_t uid = 2; uid <= 2 * kSeenRangesMax; uid += 2) even.add(Uid(uid));
  SeenEdit edit(even);
  EXPECT_EQ(edit.value().ranges().size(), kSeenRangesMax);
  edit.add(Uid(2 * kSeenRangesMax + 2));
  EXPECT_EQ(edit.value().ranges().size(), kSeenRangesMax);
  EXPECT_TRUE(edit.value().contains(Uid(3)));
  EXPECT_FALSE(edit.value().contains(Uid(5)));
}

TEST(SeenEdit, TakesBackWhatItDid) {
  SeenEdit edit(UidSet::of(Uid(1), Uid(3)));
  EXPECT_FALSE(edit.add(Uid(2)));
  EXPECT_TRUE(edit.remove(Uid(2)));
  EXPECT_TRUE(edit.add(Uid(2)));
  EXPECT_TRUE(edit.add(Uid(9)));
  EXPECT_TRUE(edit.remove(Uid(9)));
  EXPECT_FALSE(edit.changed());
}

TEST_P(SeenTest, TellsWhoReadsAMailbox) {
  const auto readers = [&](std::string_view after = {}, size_t count_max = SIZE_MAX) {
    std::vector<std::string> out;
    const auto all = readers_of(*store, store.info(inbox_), after, count_max).value();
    for (const Reader& reader : all) out.push_back(reader.user.userid + " " + reader.seen.value);
    return out;
  };
  const auto grant = [&](const std::string& identifier, std::optional<std::string> rights) {
    ASSERT_TRUE(store->set_attributes(inbox_, {{std::string(kAttributeAcl) + identifier, rights}}));
  };
  mark("bob", uids(1, 2));
  mark("carol", uids(3, 3));
  grant("alice", "lrs");
  EXPECT_FALSE(is_shared(store.info(inbox_)));
  EXPECT_THAT(readers(), testing::IsEmpty());
  grant("bob", "lrs");
  grant("nobody", "lrs");
  grant("bob", std::nullopt);
  EXPECT_TRUE(is_shared(store.info(inbox_)));
  EXPECT_THAT(readers(), testing::ElementsAre("bob 1:2"));
  grant("-carol", "s");
  EXPECT_THAT(readers(), testing::ElementsAre("bob 1:2", "carol 3"));
  EXPECT_THAT(readers("bob"), testing::ElementsAre("carol 3"));
  grant("anyone", "lrs");
  ASSERT_TRUE(store->create_user("dora", {}));
  EXPECT_THAT(readers(), testing::ElementsAre("bob 1:2", "carol 3"));
  EXPECT_THAT(readers("", 1), testing::ElementsAre("bob 1:2"));
  EXPECT_THAT(readers("bob", 1), testing::ElementsAre("carol 3"));
}

TEST_P(SeenTest, ComesWithAMerge) {
  mark("bob", uids(1, 1));
  ASSERT_TRUE(store->delete_user("carol"));
  MailboxUpdate update = store.mend_of(inbox_);
  update.to = next(update.to);
  const std::vector<AlsoSeen> also = {
      {"bob", inbox_, uids(1, 3)}, {"carol", inbox_, uids(1, 3)}, {"nobody", inbox_, uids(1, 3)}};
  const ModSeq before = store->user("bob")->modseq;
  ASSERT_TRUE(store->merge({update}, {}, also).get());
  EXPECT_EQ(seen("bob"), "1:3");
  EXPECT_EQ(store->user("bob")->modseq, next(before));
}

// As on a replica to which a set came, and the messages did not.
TEST_P(SeenTest, NamesNothingThatIsNotThereWhenATermBegins) {
  const UniqueId elsewhere{.origin = 7, .number = 7};
  mark("carol", uids(2, 4));
  ASSERT_TRUE(store->put_user_items(
      "bob", {{seen_item_key(inbox_), "2,4:9"}, {seen_item_key(elsewhere), "1"}}));
  const ModSeq of_carol = store->user("carol")->modseq;
  ASSERT_TRUE(store->promote());
  EXPECT_EQ(store->user_item("bob", seen_item_key(inbox_)).value(), "2,4");
  EXPECT_EQ(store->user_item("bob", seen_item_key(elsewhere)).value(), "1");
  EXPECT_EQ(seen("carol"), "2:4");
  EXPECT_EQ(store->user("carol")->modseq, of_carol);
}

TEST_P(SeenTest, NeedsAUser) {
  EXPECT_EQ(
      store->store_flags(inbox_, kAll, FlagOp::kAdd, flag_names({"\\Seen"}), {.seen_by = "nobody"})
          .error()
          .code,
      Code::kNotFound);
}

}  // namespace
}  // namespace gemel
