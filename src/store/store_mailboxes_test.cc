// CREATE, DELETE, RENAME, attributes, users, purging.
#include "store/store_fixture.h"

namespace gemel {
namespace {

const UidSet kAll = UidSet::of(Uid(1), Uid(UINT32_MAX));

class StoreMailboxes : public StoreTest {
 protected:
  std::string paths(MailStore::Which which = MailStore::Which::kLive) {
    std::string out;
    const auto mailboxes = store->mailboxes("alice", which).value();
    for (const MailboxInfo& info : mailboxes)
      out += info.name.path + (info.is_deleted() ? "! " : " ");
    return out;
  }
  Code rename(const std::string& from, const std::string& to, std::string_view partition = {}) {
    const auto done = store->rename({"alice", from}, {"alice", to}, partition);
    return done ? Code{} : done.error().code;
  }
};
GEMEL_ON_BOTH_ENGINES(StoreMailboxes);

TEST_P(StoreMailboxes, CreateMakesTheLevelsAbove) {  // RFC 9051 §6.3.4
  const auto made =
      store->create({.name = {"alice", "A/B/C"}, .attributes = {{"special-use", "\\Sent"}}});
  EXPECT_EQ(made->attributes.at("special-use"), "\\Sent");
  EXPECT_EQ(paths(), "A A/B A/B/C INBOX ");
  EXPECT_EQ(store->create({.name = {"alice", "A/B"}}).error().code, Code::kExists);
  EXPECT_EQ(store->create({.name = {"carol", "A"}}).error().code, Code::kNotFound);
  EXPECT_EQ(store->create({.name = {"alice", "N"}, .partition = "no"}).error().code,
            Code::kNotFound);
  EXPECT_EQ(store->create({.name = {"alice", "a//b"}}).error().code, Code::kInvalid);
}

TEST_P(StoreMailboxes, AUserHasSoManyAndNoMore) {
  store.options.user_mailboxes_max = 4;
  store.open();
  store.create("A/B");
  EXPECT_EQ(store->create({.name = {"alice", "C/D"}}).error().code, Code::kLimit);
  EXPECT_EQ(paths(), "A A/B INBOX ");
  store.create("C");
  EXPECT_EQ(store->create({.name = {"alice", "D"}}).error().code, Code::kLimit);
  EXPECT_EQ(rename("C", "A/C"), Code{});
  // INBOX stays and its mail moves, so this is one more.
  EXPECT_EQ(rename("INBOX", "Old"), Code::kLimit);
  ASSERT_TRUE(store->remove(store->find(MailboxName{"alice", "A/C"})->id));
  store.create("D");
  // Others have their own, and what is shared has no limit.
  for (const std::string owner : {"bob", "shared"})
    for (const std::string path : {"1", "2", "3", "4"}) {
      if (path == "1") ASSERT_TRUE(store->create_user(owner, {}));
      const auto made = store->create({.name = {owner, path}});
      EXPECT_EQ(made.has_value(), path != "4" || owner == "shared") << owner << path;
    }
}

TEST_P(StoreMailboxes, APartitionIsInheritedFromTheLevelAbove) {
  store.create("Far", "archive");
  EXPECT_EQ(store->create({.name = {"alice", "Far/x/y"}})->partition, "archive");
  EXPECT_EQ(store->create({.name = {"alice", "Near"}})->partition, "default");
  ASSERT_TRUE(store->create_user("bob", {}, "archive"));
  EXPECT_EQ(store->create({.name = {"bob", "x"}})->partition, "archive");
}

TEST_P(StoreMailboxes, UidvaliditiesNeverRepeatAndIdsNeverDo) {
  const UniqueId first = store.create("Again");
  const UidValidity validity = store.info(first).uidvalidity;
  ASSERT_TRUE(store->remove(first));
  store.open();
  const UniqueId second = store.create("Again");
  EXPECT_GT(store.info(second).uidvalidity, validity);
  EXPECT_NE(first, second);
}

TEST_P(StoreMailboxes, ADeletedMailboxIsKeptAndComesBack) {
  const UniqueId id = store.create("Old");
  store.create("Old/child");
  store.append(id, "kept");
  ASSERT_TRUE(store->remove(id));
  EXPECT_EQ(paths(), "INBOX Old/child ");
  EXPECT_EQ(paths(MailStore::Which::kDeletedToo), "INBOX Old! Old/child ");
  EXPECT_EQ(store->find(MailboxName{"alice", "Old"}).error().code, Code::kNotFound);
  EXPECT_EQ(store->view(id)->info().exists, 1u);
  EXPECT_EQ(store->remove(id).error().code, Code::kNotFound);
  EXPECT_EQ(store->restore(id, {"alice", "INBOX"}).error().code, Code::kExists);
  ASSERT_TRUE(store->restore(id, {"alice", "New/place"}));
  EXPECT_EQ(paths(), "INBOX New New/place Old/child ");
  EXPECT_EQ(store.body(id, 1), "kept");
  EXPECT_EQ(store->remove(store.inbox()).error().code, Code::kInvalid);
}

TEST_P(StoreMailboxes, RenameTakesAllBelowAlong) {
  const UniqueId id = store.create("A/x/deep");
  store.create("Ab");
  EXPECT_EQ(rename("A", "New/A"), Code{});
  EXPECT_EQ(paths(), "Ab INBOX New New/A New/A/x New/A/x/deep ");
  EXPECT_EQ(store.info(id).name.path, "New/A/x/deep");
  EXPECT_EQ(store.info(id).highestmodseq, ModSeq(2));
  EXPECT_EQ(rename("Ab", "INBOX"), Code::kExists);
  EXPECT_EQ(rename("None", "x"), Code::kNotFound);
  EXPECT_EQ(rename("New", "New/A/y"), Code::kInvalid);
  EXPECT_EQ(rename("New", "New"), Code::kExists);
  EXPECT_EQ(store->rename({"alice", "Ab"}, {"carol", "x"}).error().code, Code::kNotFound);
}

TEST_P(StoreMailboxes, RenamingInboxMovesItsMessages) {  // RFC 9051 §6.3.6
  const UniqueId inbox = store.inbox();
  store.append(inbox, "old mail", flag_names({"Work"}));
  store.create("INBOX/child");
  EXPECT_EQ(rename("INBOX", "Saved"), Code{});
  EXPECT_EQ(paths(), "INBOX INBOX/child Saved ");
  EXPECT_EQ(store.inbox(), inbox);
  EXPECT_EQ(store.uids(inbox), "");
  const UniqueId saved = store->find(MailboxName{"alice", "Saved"})->id;
  EXPECT_EQ(store.body(saved, 1), "old mail");
  EXPECT_EQ(store.flags(saved, 1), "Work");
}

TEST_P(StoreMailboxes, RenameToAnotherPartitionTakesBodiesAlong) {
  const UniqueId id = store.create("A");
  const std::string large(kBodyChunkBytes + 1, 'x');
  store.append(id, "small");
  store.append(id, large);
  store.append(store.inbox(), "small");
  EXPECT_EQ(rename("A", "A", "archive"), Code{});
  EXPECT_EQ(rename("A", "B", "nowhere"), Code::kNotFound);
  store.open();
  EXPECT_EQ(store.info(id).partition, "archive");
  EXPECT_EQ(store.body(id, 1), "small");
  EXPECT_EQ(store.body(id, 2), large);
  EXPECT_EQ(store.body(store.inbox(), 1), "small");
  EXPECT_EQ(rename("A", "B", "default"), Code{});
  EXPECT_EQ(rename("B", "A", "archive"), Code{});
  EXPECT_EQ(store.body(id, 2), large);
}

TEST_P(StoreMailboxes, RenameToAnotherUserMovesTheDigestToo) {
  ASSERT_TRUE(store->create_user("bob", {}));
  store.create("Shared/x");
  ASSERT_TRUE(store->rename({"alice", "Shared"}, {"bob", "Shared"}));
  EXPECT_EQ(paths(), "INBOX ");
  EXPECT_EQ(store->user("bob")->mailboxes, 3u);
  EXPECT_EQ(store->user("alice")->mailboxes, 1u);
}

TEST_P(StoreMailboxes, AttributesAreSetAndRemoved) {
  const UniqueId inbox = store.inbox();
  EXPECT_EQ(store->set_attributes(inbox, {{"acl/bob", "lr"}, {"x", "1"}})->modseq, ModSeq(2));
  EXPECT_EQ(store->set_attributes(inbox, {{"acl/bob", "lr"}, {"none", std::nullopt}})->modseq,
            ModSeq(2));
  EXPECT_EQ(store->set_attributes(inbox, {{"x", std::nullopt}})->modseq, ModSeq(3));
  EXPECT_EQ(store.info(inbox).attributes, (std::map<std::string, std::string>{{"acl/bob", "lr"}}));
}

TEST_P(StoreMailboxes, PurgingExpungedFreesWhatNothingElseHolds) {
  const UniqueId inbox = store.inbox();
  const std::string large(kBodyChunkBytes + 1, 'x');
  store.append(inbox, "one");
  store.append(inbox, large);
  store.append(inbox, "shared");
  store.append(store.create("Other"), "shared");
  ASSERT_TRUE(store->expunge(inbox, UidSet::of(Uid(2), Uid(3))));  // modseq 5
  EXPECT_EQ(store->purge_expunged(inbox, ModSeq(4))->committed.modseq,
            ModSeq(5));  // nothing so old
  EXPECT_EQ(store->verify({}).value().bodies, 3u);
  EXPECT_EQ(store->purge_expunged(inbox, ModSeq(5))->committed.modseq, ModSeq(6));
  EXPECT_EQ(store->verify({}).value().bodies, 2u);
  EXPECT_EQ(store.info(inbox).purged_modseq, ModSeq(5));
  EXPECT_EQ(store.info(inbox).expunged, 0u);
  EXPECT_EQ(store.info(inbox).last_uid, Uid(3));
  const MailboxView view = store->view(inbox).value();
  EXPECT_EQ(view.changes_since(ModSeq(4)).error().code, Code::kGone);
  EXPECT_TRUE(view.changes_since(ModSeq(5)));
  EXPECT_EQ(store.append(inbox, "next").uid, Uid(4));
}

TEST_P(StoreMailboxes, PurgingADeletedMailboxLeavesItsHeader) {
  const UniqueId id = store.create("Old");
  store.append_many(id, 300);
  EXPECT_EQ(store->purge_deleted(id).error().code, Code::kInvalid);
  ASSERT_TRUE(store->remove(id));
  ASSERT_TRUE(store->purge_deleted(id));
  EXPECT_EQ(store.info(id).exists, 0u);
  EXPECT_EQ(store.info(id).purged_modseq, store.info(id).highestmodseq);
  EXPECT_EQ(store->verify({}).value().bodies, 0u);
  EXPECT_EQ(store->verify({}).value().records, 0u);
}

TEST_P(StoreMailboxes, APinKeepsABodyThatNothingHoldsAndItGoesWithThePin) {
  const UniqueId inbox = store.inbox();
  const Guid guid{sha256("pinned")};
  store.append(inbox, "pinned");
  const std::array guids = {guid, Guid{sha256("not there")}};
  auto pinned = store->reserve("default", guids);
  ASSERT_TRUE(pinned);
  EXPECT_EQ(pinned->held, std::vector<Guid>{guid});
  EXPECT_EQ(store->reserve("archive", guids)->held.size(), 0u);
  ASSERT_TRUE(store->expunge(inbox, kAll));
  ASSERT_TRUE(store->purge_expunged(inbox, ModSeq(9)));
  EXPECT_EQ(store->verify({}).value().bodies, 1u);
  pinned->pin.reset();
  store.append(inbox, "something else");  // the committer has looked at what was released by now
  EXPECT_EQ(store->verify({}).value().bodies, 1u);
  EXPECT_EQ(store->reserve("default", guids)->held.size(), 0u);
}

TEST_P(StoreMailboxes, ABodyThatWasPinnedInACrashGoesAtTheNextOpen) {
  const UniqueId inbox = store.inbox();
  store.append(inbox, "pinned");
  const std::array guids = {Guid{sha256("pinned")}};
  const auto pinned = store->reserve("default", guids);
  ASSERT_TRUE(store->expunge(inbox, kAll));
  ASSERT_TRUE(store->purge_expunged(inbox, ModSeq(9)));
  store.open();
  EXPECT_EQ(store->verify({}).value().bodies, 0u);
}

TEST_P(StoreMailboxes, AUserHasItemsWithTombstones) {
  ASSERT_TRUE(store->create_user("bob", {{"quota/storage", "10"}}));
  EXPECT_EQ(store->user("bob")->modseq, ModSeq(1));
  EXPECT_EQ(store->put_user_items("bob", {{"subscription/A", ""}, {"subscription/B", ""}})->modseq,
            ModSeq(2));
  EXPECT_EQ(store->put_user_items("bob", {{"subscription/A", ""}})->modseq, ModSeq(2));
  EXPECT_EQ(store->put_user_items("bob", {{"subscription/A", std::nullopt}})->modseq, ModSeq(3));
  EXPECT_EQ(store->put_user_items("carol", {}).error().code, Code::kNotFound);
  EXPECT_EQ(store->put_user_items("bob", {{"", "x"}}).error().code, Code::kInvalid);
  EXPECT_EQ(store->user_items("bob", kUserItemSubscription)->size(), 1u);
  EXPECT_EQ(store->user_item("bob", "subscription/A").value(), std::nullopt);
  EXPECT_EQ(store->user_item("bob", "quota/storage").value(), "10");
  const auto changes = store->user_changes_since("bob", ModSeq(1)).value();
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].key, "subscription/B");
  EXPECT_TRUE(changes[1].deleted);
}

TEST_P(StoreMailboxes, CountsAndLimitsEachResource) {
  const UniqueId inbox = store.inbox();
  const auto usage = [&] {
    std::vector<uint64_t> out;
    const std::vector<Quota> quotas = store->quotas("alice").value();
    for (const Quota& quota : quotas) out.push_back(quota.used);
    return out;
  };
  const auto limit = [&](const char* item, const char* value) {
    ASSERT_TRUE(store->put_user_items("alice", {{item, value}}));
  };
  const auto code_of = [](const auto& result) {
    return result ? std::optional<Code>() : std::optional(result.error().code);
  };
  store.append(inbox, "6bytes");
  const UniqueId box = store.create("A/B");
  ASSERT_TRUE(store->set_attributes(box, {{"annotation/shared/comment", "12345"}}));
  ASSERT_TRUE(store->put_user_items("alice", {{"annotation/x/private/comment", "123"}}));
  EXPECT_EQ(usage(), std::vector<uint64_t>({6, 1, 3, 8}));

  limit("quota/messages", "1");
  EXPECT_EQ(code_of(store->append({{inbox, store.stage("x"), {}, 1}})), Code::kOverQuota);
  EXPECT_EQ(store->quotas("alice")->at(1).limit, 1U);
  EXPECT_FALSE(store->quotas("alice")->at(0).limit);
  limit("quota/mailboxes", "3");
  EXPECT_EQ(code_of(store->create({.name = {"alice", "C"}})), Code::kOverQuota);
  limit("quota/annotation-storage", "9");
  EXPECT_EQ(code_of(store->set_attributes(box, {{"annotation/shared/a", "12"}})), Code::kOverQuota);
  EXPECT_EQ(code_of(store->put_user_items("alice", {{"annotation/y/private/a", "12"}})),
            Code::kOverQuota);
  EXPECT_TRUE(store->set_attributes(box, {{"annotation/shared/comment", "123456"}}));
  limit("quota/messages", "what?");  // no limit that can be understood
  EXPECT_TRUE(store->append({{inbox, store.stage("x"), {}, 1}}));

  ASSERT_TRUE(store->remove(box));
  ASSERT_TRUE(store->expunge(inbox, kAll));
  EXPECT_EQ(usage(), std::vector<uint64_t>({0, 0, 2, 3}));
  EXPECT_EQ(store->quotas("nobody").error().code, Code::kNotFound);
}

TEST_P(StoreMailboxes, AQuotaLimitsWhatGrowsAndNothingElse) {
  const UniqueId inbox = store.inbox();
  ASSERT_TRUE(store->put_user_items("alice", {{"quota/storage", "10"}}));
  const StagedBody six = store.stage("6bytes");
  ASSERT_TRUE(store->append({{inbox, six, {}, 1}}));
  EXPECT_EQ(store->append({{inbox, six, {}, 1}}).error().code, Code::kOverQuota);
  EXPECT_EQ(store->copy(inbox, kAll, inbox, MailStore::Keep::kCopy).error().code, Code::kOverQuota);
  EXPECT_TRUE(store->copy(inbox, kAll, store.create("B"), MailStore::Keep::kMove));
  ASSERT_TRUE(store->put_user_items("alice", {{"quota/storage", "1"}}));
  EXPECT_TRUE(store->store_flags(inbox, kAll, FlagOp::kAdd, flag_names({"\\Seen"})));
  EXPECT_EQ(store->append({{inbox, six, {}, 1}}).error().code, Code::kOverQuota);
  ASSERT_TRUE(store->put_user_items("alice", {{"quota/storage", std::nullopt}}));
  EXPECT_TRUE(store->append({{inbox, six, {}, 1}}));
}

TEST_P(StoreMailboxes, ADeletedUserGoesWithMailboxesAndSecrets) {
  ASSERT_TRUE(store->create_user("bob", {{std::string(kUserItemScram), "secret"}}));
  const UniqueId old_inbox = store.inbox("bob");
  ASSERT_TRUE(store->delete_user("bob"));
  EXPECT_EQ(store->user("bob").error().code, Code::kNotFound);
  EXPECT_TRUE(store->user("bob", MailStore::Which::kDeletedToo)->is_deleted());
  EXPECT_EQ(store->users()->size(), 1u);
  EXPECT_EQ(store->users(MailStore::Which::kDeletedToo)->size(), 2u);
  EXPECT_TRUE(store.info(old_inbox).is_deleted());
  EXPECT_EQ(store->delete_user("bob").error().code, Code::kNotFound);
  ASSERT_TRUE(store->create_user("bob", {}));
  EXPECT_EQ(store->user_item("bob", kUserItemScram).value(), std::nullopt);
  EXPECT_NE(store.inbox("bob"), old_inbox);
}

TEST_P(StoreMailboxes, TheJournalHasEachOnceAtItsLastChange) {
  const UniqueId inbox = store.inbox();
  const UniqueId other = store.create("Other");
  const JournalSeq before = store->journal_head();
  store.append(inbox, "1");
  store.append(other, "2");
  store.append(inbox, "3");
  const auto entries = store->journal_since(before, 10).value();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(std::get<UniqueId>(entries[0].entity), other);
  EXPECT_EQ(std::get<UniqueId>(entries[1].entity), inbox);
  EXPECT_EQ(entries[1].seq, store->journal_head());
  EXPECT_EQ(store->journal_since(JournalSeq(), 1)->size(), 1u);
  EXPECT_EQ(store->journal_since(JournalSeq(), 99)->size(), 3u);
}

TEST_P(StoreMailboxes, AChannelRemembersAndForgets) {
  ASSERT_TRUE(store->channel_put("near", {{"position", "7"}, {"m1", "x"}}));
  ASSERT_TRUE(store->channel_put("nearer", {{"position", "8"}}));
  EXPECT_EQ(store->channel_get("near", "position").value(), "7");
  ASSERT_TRUE(store->channel_forget("near"));
  EXPECT_EQ(store->channel_get("near", "m1").value(), std::nullopt);
  EXPECT_EQ(store->channel_get("nearer", "position").value(), "8");
}

TEST_P(StoreMailboxes, WhatAServerRemembersOfItsOwnIsReadByPrefixAndErased) {
  ASSERT_TRUE(store->channel_put("own", {{"a1", "1"}, {"b1", "2"}, {"b2", "3"}, {"c1", "4"}}));
  ASSERT_TRUE(store->channel_put("ownb", {{"b9", "no"}}));
  using Rows = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(*store->channel_scan("own", "b", "", 9), (Rows{{"b1", "2"}, {"b2", "3"}}));
  EXPECT_EQ(*store->channel_scan("own", "b", "b1", 9), (Rows{{"b2", "3"}}));
  EXPECT_EQ(store->channel_scan("own", "", "", 9)->size(), 4u);
  EXPECT_EQ(store->channel_scan("own", "", "", 3)->size(), 3u);
  ASSERT_TRUE(store->channel_erase("own", {"b1", "c1", "not there"}));
  EXPECT_EQ(*store->channel_scan("own", "", "", 9), (Rows{{"a1", "1"}, {"b2", "3"}}));
}

}  // namespace
}  // namespace gemel
