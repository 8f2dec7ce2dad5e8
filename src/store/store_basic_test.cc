// Users, mailboxes, appending, reading.
#include "store/store_fixture.h"

namespace gemel {
namespace {

class StoreBasic : public StoreTest {};
GEMEL_ON_BOTH_ENGINES(StoreBasic);

TEST_P(StoreBasic, ANewUserHasAnInbox) {
  const MailboxInfo inbox = store->find(MailboxName{"alice", "INBOX"}).value();
  EXPECT_EQ(inbox.partition, "default");
  EXPECT_EQ(inbox.highestmodseq, ModSeq(1));
  EXPECT_EQ(inbox.uidnext(), Uid(1));
  EXPECT_EQ(inbox.uidvalidity, UidValidity(1'700'000'000));
  EXPECT_EQ(inbox.id.origin, store->origin());
  EXPECT_EQ(store->user("alice").value().mailboxes, 1u);
  EXPECT_EQ(store->create_user("alice", {}).error().code, Code::kExists);
  EXPECT_EQ(store->create_user("a/b", {}).error().code, Code::kInvalid);
}

TEST_P(StoreBasic, AnAppendedMessageIsReadBackAfterAReopen) {
  const UniqueId inbox = store.inbox();
  const auto appended =
      store.append(inbox, "Subject: x\r\n\r\nhello", flag_names({"\\Seen", "$Work"}));
  EXPECT_EQ(appended.uid, Uid(1));
  EXPECT_EQ(appended.committed.modseq, ModSeq(2));
  store.open();
  const MailboxView view = store->view(inbox).value();
  EXPECT_EQ(view.info().exists, 1u);
  EXPECT_EQ(view.info().unseen, 0u);
  EXPECT_EQ(view.info().bytes, 19u);
  EXPECT_EQ(view.info().highestmodseq, ModSeq(2));
  EXPECT_EQ(store.flags(inbox, 1), "\\Seen $Work");
  EXPECT_EQ(store.body(inbox, 1), "Subject: x\r\n\r\nhello");
  const Record record = view.record(Uid(1)).value();
  EXPECT_EQ(record.facts.guid.bytes, sha256("Subject: x\r\n\r\nhello"));
  EXPECT_EQ(record.facts.created_modseq, ModSeq(2));
  EXPECT_EQ(record.facts.savedate_s, store.clock.unix_s());
  EXPECT_EQ(view.record(Uid(2)).error().code, Code::kNotFound);
}

TEST_P(StoreBasic, ALargeBodyIsChunkedAndReadInParts) {
  std::string body;
  for (int i = 0; body.size() < 3 * kBodyChunkBytes + 77; ++i) body += std::to_string(i) + " ";
  store.append(store.inbox(), body);
  store.open();
  EXPECT_EQ(store.body(store.inbox(), 1), body);
  const MailboxView view = store->view(store.inbox()).value();
  const Body stored = view.body(view.record(Uid(1)).value().facts.guid).value();
  EXPECT_EQ(stored.size(), body.size());
  EXPECT_EQ(stored.read(kBodyChunkBytes - 3, 6).value(), body.substr(kBodyChunkBytes - 3, 6));
  EXPECT_EQ(stored.read(body.size() - 2, 100).value(), body.substr(body.size() - 2));
  EXPECT_EQ(stored.read(body.size(), 1).value(), "");
}

TEST_P(StoreBasic, FlagsAreSetAddedAndRemoved) {
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 3);
  auto stored = store->store_flags(inbox, UidSet::of(Uid(1), Uid(9)), FlagOp::kAdd,
                                   flag_names({"\\Seen", "Work"}));
  EXPECT_EQ(stored.value().committed.modseq, ModSeq(3));
  EXPECT_EQ(store.flags(inbox, 2), "\\Seen Work");
  ASSERT_TRUE(store->store_flags(inbox, UidSet::of(Uid(2), Uid(2)), FlagOp::kRemove,
                                 flag_names({"work", "unknown"})));
  EXPECT_EQ(store.flags(inbox, 2), "\\Seen");
  ASSERT_TRUE(store->store_flags(inbox, UidSet::of(Uid(3), Uid(3)), FlagOp::kSet,
                                 flag_names({"\\Deleted"})));
  EXPECT_EQ(store.flags(inbox, 3), "\\Deleted");
  EXPECT_EQ(store.info(inbox).unseen, 1u);
  EXPECT_EQ(store.info(inbox).deleted, 1u);
  EXPECT_EQ(store.info(inbox).keywords, std::vector<std::string>{"Work"});
}

TEST_P(StoreBasic, AChangeThatChangesNothingTakesNoModseq) {
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 2, flag_names({"\\Seen"}));
  const JournalSeq head = store->journal_head();
  const auto stored =
      store->store_flags(inbox, UidSet::of(Uid(1), Uid(2)), FlagOp::kAdd, flag_names({"\\Seen"}));
  EXPECT_EQ(stored.value().committed.modseq, ModSeq(2));
  EXPECT_EQ(store->journal_head(), head);
  EXPECT_EQ(stored.value().committed.journal, head);
  EXPECT_EQ(store->expunge(inbox, UidSet::of(Uid(7), Uid(9))).value().committed.modseq, ModSeq(2));
}

TEST_P(StoreBasic, AWatchIsToldOfWhatIsDurable) {
  const UniqueId inbox = store.inbox();
  std::vector<Published> seen;
  {
    const Watch watch = store->watch(inbox, [&](const Published& one) { seen.push_back(one); });
    store.append(inbox, "a");
    store.create("Other");
  }
  store.append(inbox, "b");
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(std::get<UniqueId>(seen[0].entity), inbox);
  EXPECT_EQ(seen[0].highestmodseq, ModSeq(2));
}

TEST_P(StoreBasic, AWatchIsToldToWhomAMailboxAppears) {
  std::vector<std::vector<std::string>> told;
  const Watch watch = store->watch_all([&](const Published& one) {
    if (std::holds_alternative<UniqueId>(one.entity)) told.push_back(one.appeared_to);
  });
  using Names = std::vector<std::string>;
  const auto is_told = [&](const Names& names) {
    const std::vector<Names> was = std::exchange(told, {});
    return was == std::vector<Names>{names};
  };
  const UniqueId plans = store.create("Plans");
  EXPECT_TRUE(is_told({"alice"}));
  ASSERT_TRUE(store->set_attributes(plans, {{"comment", "x"}}));
  EXPECT_TRUE(is_told({}));
  ASSERT_TRUE(store->set_attributes(plans, {{"acl/bob", "r"}}));
  EXPECT_TRUE(is_told({"alice", "bob"}));
  store.append(plans, "a");
  EXPECT_TRUE(is_told({}));
  ASSERT_TRUE(store->set_attributes(plans, {{"acl/bob", "lr"}}));
  EXPECT_TRUE(is_told({"alice", "bob"}));
  ASSERT_TRUE(store->rename({"alice", "Plans"}, {"alice", "Schemes"}));
  EXPECT_TRUE(is_told({"alice", "bob"}));
  ASSERT_TRUE(store->remove(plans));
  EXPECT_TRUE(is_told({}));
  ASSERT_TRUE(store->restore(plans, {"alice", "Plans"}));
  EXPECT_TRUE(is_told({"alice", "bob"}));
}

TEST_P(StoreBasic, ARenameToItsOwnNameMovesInboxToAnotherPartition) {
  const UniqueId inbox = store.inbox();
  store.append(inbox, "Subject: x\r\n\r\nhello");
  const MailboxName name{"alice", "INBOX"};
  ASSERT_TRUE(store->rename(name, name, "archive"));
  EXPECT_EQ(store->find(name).value().id, inbox);
  EXPECT_EQ(store->find(name).value().partition, "archive");
  EXPECT_EQ(store.body(inbox, 1), "Subject: x\r\n\r\nhello");
  EXPECT_EQ(store->rename(name, name).error().code, Code::kExists);
}

}  // namespace
}  // namespace gemel
