// Appending to many, STORE's conditions, COPY and MOVE, what is told of changes.
#include "store/store_fixture.h"

namespace gemel {
namespace {

const UidSet kAll = UidSet::of(Uid(1), Uid(UINT32_MAX));

class StoreMessages : public StoreTest {
 protected:
  UidSet uids(std::string_view text) { return UidSet::parse(text, 100).value(); }
};
GEMEL_ON_BOTH_ENGINES(StoreMessages);

TEST_P(StoreMessages, OneAppendToManyMailboxesIsOneTransactionAndStoresTheBodyOnce) {
  const UniqueId inbox = store.inbox();
  const UniqueId other = store.create("Other");
  const StagedBody body = store.stage("to both");
  const auto appended =
      store->append({{inbox, body, {}, 1}, {other, body, {}, 1}, {inbox, body, {}, 2}}).value();
  EXPECT_EQ(appended[0].uid, Uid(1));
  EXPECT_EQ(appended[2].uid, Uid(2));
  EXPECT_EQ(appended[0].committed.modseq, appended[2].committed.modseq);
  const MailboxView view = store->view(inbox).value();
  EXPECT_EQ(view.holders(body.guid(), 10).value().size(), 3u);
  EXPECT_EQ(view.holders(body.guid(), 2).value().size(), 2u);
  EXPECT_EQ(store->verify({}).value().bodies, 1u);
}

TEST_P(StoreMessages, AnAppendThatFailsForOneMailboxChangesNone) {
  const UniqueId inbox = store.inbox();
  const StagedBody body = store.stage("x");
  const auto appended = store->append({{inbox, body, {}, 1}, {UniqueId{1, 99}, body, {}, 1}});
  EXPECT_EQ(appended.error().code, Code::kNotFound);
  EXPECT_EQ(store.info(inbox).exists, 0u);
  EXPECT_EQ(store.info(inbox).highestmodseq, ModSeq(1));
  const UniqueId gone = store.create("Gone");
  ASSERT_TRUE(store->remove(gone));
  EXPECT_EQ(store->append({{gone, body, {}, 1}}).error().code, Code::kNotFound);
}

TEST_P(StoreMessages, AMailboxTakesSoManyKeywordsAndNoMore) {
  const UniqueId inbox = store.inbox();
  store.append(inbox, "x");
  const UidSet uid = uids("1");
  for (size_t i = 0; i < kMailboxKeywordsMax; ++i)
    ASSERT_TRUE(
        store->store_flags(inbox, uid, FlagOp::kAdd, flag_names({"k" + std::to_string(i)})));
  EXPECT_EQ(store->store_flags(inbox, uid, FlagOp::kAdd, flag_names({"more"})).error().code,
            Code::kLimit);
  EXPECT_TRUE(store->store_flags(inbox, uid, FlagOp::kRemove, flag_names({"K99"})));
  EXPECT_EQ(store.info(inbox).keywords.size(), kMailboxKeywordsMax);
}

TEST_P(StoreMessages, AKeywordTakesThePlaceOfOneThatNoMessageHas) {
  const UniqueId box = store.create("Keywords");
  for (size_t i = 0; i < kMailboxKeywordsMax; ++i)
    store.append(box, "m", flag_names({"$k" + std::to_string(i)}));
  const UidSet seventh = UidSet::of(Uid(7), Uid(7));
  ASSERT_TRUE(store->expunge(box, seventh));
  // It is hidden, and may come back.
  EXPECT_EQ(store->store_flags(box, UidSet::of(Uid(1), Uid(1)), FlagOp::kAdd, flag_names({"$new"}))
                .error()
                .code,
            Code::kLimit);
  ASSERT_TRUE(store->purge_expunged(box, ModSeq(INT64_MAX)));
  const Digest before = store->view(box)->digest_of(UidSet::of(Uid(2), Uid(1000))).value();
  ASSERT_TRUE(
      store->store_flags(box, UidSet::of(Uid(1), Uid(1)), FlagOp::kAdd, flag_names({"$new"})));
  EXPECT_EQ(store.flags(box, 1), "$k0 $new");
  EXPECT_EQ(store.flags(box, 8), "$k7");
  EXPECT_EQ(store.info(box).keywords.size(), kMailboxKeywordsMax);
  EXPECT_EQ(store->view(box)->digest_of(UidSet::of(Uid(2), Uid(1000))).value(), before);
  // Two at once, with room for one: the first one's place is not taken for the second.
  ASSERT_TRUE(store->expunge(box, UidSet::of(Uid(9), Uid(9))));
  ASSERT_TRUE(store->purge_expunged(box, ModSeq(INT64_MAX)));
  EXPECT_EQ(store
                ->store_flags(box, UidSet::of(Uid(1), Uid(1)), FlagOp::kAdd,
                              flag_names({"$newer", "$newest"}))
                .error()
                .code,
            Code::kLimit);
  EXPECT_EQ(store.flags(box, 1), "$k0 $new");
  ASSERT_TRUE(
      store->store_flags(box, UidSet::of(Uid(1), Uid(1)), FlagOp::kAdd, flag_names({"$newer"})));
  EXPECT_EQ(store.flags(box, 1), "$k0 $new $newer");
}

TEST_P(StoreMessages, PruningKeepsWhatTheFlagHistoryNames) {
  const UniqueId box = store.create("Keywords");
  store.append(box, "m", flag_names({"$a", "$b"}));
  ASSERT_TRUE(store->store_flags(box, UidSet::of(Uid(1), Uid(1)), FlagOp::kSet, {}));
  EXPECT_TRUE(store->prune_keywords(box)->empty());
  const ModSeq before = store.info(box).highestmodseq;
  EXPECT_TRUE(store->prune_keywords(box)->empty());
  EXPECT_EQ(store.info(box).highestmodseq, before);  // no change, no modseq
}

TEST_P(StoreMessages, AMessageAboveTheLimitIsTooBig) {
  store.options.message_bytes_max = 100;
  store.open();
  BodyWriter writer = store->stage("default").value();
  EXPECT_TRUE(writer.append(std::string(100, 'x')));
  EXPECT_EQ(writer.append("y").error().code, Code::kTooBig);
  EXPECT_EQ(store->stage("nowhere").error().code, Code::kNotFound);
}

TEST_P(StoreMessages, KeepsWhatPop3NeedsOfAMessage) {
  const UniqueId inbox = store.inbox();
  const auto growth = [&](std::string_view bytes) {
    const MailStore::Appended appended = store.append(inbox, bytes);
    return store->view(inbox).value().record(appended.uid).value().facts.crlf_growth;
  };
  EXPECT_EQ(growth("a\r\nb\r\n"), 0u);
  EXPECT_EQ(growth(""), 0u);
  EXPECT_EQ(growth("a"), 2u);
  EXPECT_EQ(growth("\n\r\n\na\r"), 4u);
  const StagedBody body = store.stage("x");
  ASSERT_TRUE(store->append({{.mailbox = inbox, .body = body, .flags = {}, .uidl = "Old~1"}}));
  EXPECT_EQ(
      store->append({{.mailbox = inbox, .body = body, .flags = {}, .uidl = "a b"}}).error().code,
      Code::kInvalid);
  EXPECT_EQ(store->view(inbox).value().record(Uid(5)).value().facts.uidl, "Old~1");
  const UniqueId other = store.create("Other");
  ASSERT_TRUE(store->copy(inbox, uids("2:5"), other, MailStore::Keep::kCopy));
  const MailboxView copies = store->view(other).value();
  EXPECT_EQ(copies.record(Uid(4)).value().facts.uidl, "");
  EXPECT_EQ(copies.record(Uid(3)).value().facts.crlf_growth, 4u);
}

TEST_P(StoreMessages, AConditionalStoreLeavesNewerOnesAlone) {  // RFC 7162 §3.1.3
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 4);  // modseq 2
  ASSERT_TRUE(store->store_flags(inbox, uids("2"), FlagOp::kAdd, flag_names({"\\Seen"})));
  const auto stored = store->store_flags(inbox, uids("1:3"), FlagOp::kAdd,
                                         flag_names({"\\Flagged"}), {.unchanged_since = ModSeq(2)});
  EXPECT_EQ(stored->modified.text(), "2");
  EXPECT_EQ(stored->committed.modseq, ModSeq(4));
  EXPECT_EQ(store.flags(inbox, 1), "\\Flagged");
  EXPECT_EQ(store.flags(inbox, 2), "\\Seen");
}

TEST_P(StoreMessages, AConditionalStoreMindsOnlyTheFlagsThatItNames) {  // RFC 7162 §3.1.12
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 4);  // modseq 2
  ASSERT_TRUE(store->store_flags(inbox, uids("2:3"), FlagOp::kAdd, flag_names({"\\Seen"})));
  ASSERT_TRUE(store->store_flags(inbox, uids("3"), FlagOp::kRemove, flag_names({"\\Seen"})));
  ASSERT_TRUE(store->store_flags(inbox, uids("4"), FlagOp::kAdd, flag_names({"\\Draft"})));
  const auto change = [&](FlagOp op, Uid there_up_to) {
    const auto stored =
        store->store_flags(inbox, uids("1:4"), op, flag_names({"\\Seen", "New"}),
                           {.unchanged_since = ModSeq(2), .there_up_to = there_up_to});
    return stored->modified.text();
  };
  EXPECT_EQ(change(FlagOp::kSet, Uid(4)), "2:4");
  EXPECT_EQ(change(FlagOp::kAdd, Uid(3)), "1:2,4");  // 4 may have come since
  EXPECT_EQ(store.flags(inbox, 4), "\\Draft");
  EXPECT_EQ(change(FlagOp::kRemove, Uid(4)), "1:3");
  EXPECT_EQ(store.flags(inbox, 3), "\\Seen New");
}

TEST_P(StoreMessages, ChangesSinceHasWhatChangedAndNoMore) {
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 600);  // three pages, modseq 2
  ASSERT_TRUE(store->store_flags(inbox, uids("300"), FlagOp::kAdd, flag_names({"\\Seen"})));
  ASSERT_TRUE(store->expunge(inbox, uids("5")));
  const MailboxView view = store->view(inbox).value();
  const auto changed = view.changes_since(ModSeq(2)).value();
  ASSERT_EQ(changed.size(), 2u);
  EXPECT_EQ(changed[0].uid, Uid(5));
  EXPECT_TRUE(changed[0].expunged);
  EXPECT_EQ(changed[1].uid, Uid(300));
  EXPECT_EQ(changed[1].modseq, ModSeq(3));
  EXPECT_EQ(view.changes_since(ModSeq(4)).value().size(), 0u);
  EXPECT_EQ(view.changes_since(ModSeq(0)).value().size(), 600u);
  EXPECT_EQ(view.uids_with(static_cast<size_t>(SystemFlag::kSeen)).value().text(), "300");
  EXPECT_EQ(view.uids().value().text(), "1:4,6:600");
  EXPECT_EQ(view.states(uids("4:6")).value().size(), 2u);
  EXPECT_EQ(view.facts(uids("1:600")).value().size(), 600u);
  EXPECT_EQ(view.facts(uids("599:601")).error().code, Code::kNotFound);
  EXPECT_EQ(view.facts(uids("1,3,5:40,500,502:580")).value().size(), 118u);
  EXPECT_EQ(view.facts(uids("1,3,595:600,602,604:605")).error().code, Code::kNotFound);
}

TEST_P(StoreMessages, AViewShowsOneMoment) {
  const UniqueId inbox = store.inbox();
  store.append(inbox, "kept");
  const MailboxView view = store->view(inbox).value();
  ASSERT_TRUE(store->expunge(inbox, kAll));
  ASSERT_TRUE(store->purge_expunged(inbox, ModSeq(3)));
  EXPECT_EQ(view.uids().value().text(), "1");
  const Record record = view.record(Uid(1)).value();
  EXPECT_EQ(view.body(record.facts.guid).value().read_all().value(), "kept");
  EXPECT_EQ(store->view(inbox)->body(record.facts.guid).error().code, Code::kNotFound);
}

TEST_P(StoreMessages, ACopyKeepsFlagsAndDateAndSharesTheBody) {
  const UniqueId inbox = store.inbox();
  const UniqueId other = store.create("Other");
  store.append(other, "already here");
  store.append(inbox, "one", flag_names({"\\Seen", "Work"}));
  store.append(inbox, "two");
  store.clock.advance_s(10);
  const auto copied = store->copy(inbox, kAll, other, MailStore::Keep::kCopy).value();
  EXPECT_EQ(copied.source_uids.text(), "1:2");
  EXPECT_EQ(copied.target_uids.text(), "2:3");
  EXPECT_EQ(copied.uidvalidity, store.info(other).uidvalidity);
  EXPECT_EQ(store.flags(other, 2), "\\Seen Work");
  EXPECT_EQ(store.body(other, 3), "two");
  const RecordFacts from = store->view(inbox)->record(Uid(1))->facts;
  const RecordFacts to = store->view(other)->record(Uid(2))->facts;
  EXPECT_EQ(to.internaldate_s, from.internaldate_s);
  EXPECT_EQ(to.savedate_s, store.clock.unix_s());
  EXPECT_EQ(store.info(inbox).exists, 2u);
}

TEST_P(StoreMessages, AMoveIsOneTransactionInBoth) {
  const UniqueId inbox = store.inbox();
  const UniqueId other = store.create("Other");
  store.append_many(inbox, 3);
  const auto moved = store->copy(inbox, uids("2:3"), other, MailStore::Keep::kMove).value();
  EXPECT_EQ(store.uids(inbox), "1");
  EXPECT_EQ(store.uids(other), "1:2");
  EXPECT_EQ(moved.source.modseq, ModSeq(3));
  EXPECT_EQ(moved.committed.modseq, ModSeq(2));
  EXPECT_EQ(store.info(inbox).expunged, 2u);
}

TEST_P(StoreMessages, AMoveIntoTheMailboxItselfGivesNewUids) {
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 2);
  const auto moved = store->copy(inbox, kAll, inbox, MailStore::Keep::kMove).value();
  EXPECT_EQ(moved.target_uids.text(), "3:4");
  EXPECT_EQ(store.uids(inbox), "3:4");
  EXPECT_EQ(moved.committed.modseq, moved.source.modseq);
}

TEST_P(StoreMessages, CopiesAcrossPartitionsCopyBodiesLargeOnesToo) {
  const UniqueId inbox = store.inbox();
  const UniqueId archive = store.create("Archive", "archive");
  const std::string large(2 * kBodyChunkBytes + 5, 'L');
  store.append(inbox, "small");
  store.append(inbox, large);
  ASSERT_TRUE(store->copy(inbox, kAll, archive, MailStore::Keep::kCopy));
  ASSERT_TRUE(store->expunge(inbox, kAll));
  ASSERT_TRUE(store->purge_expunged(inbox, ModSeq(9)));
  store.open();
  EXPECT_EQ(store.body(archive, 1), "small");
  EXPECT_EQ(store.body(archive, 2), large);
}

TEST_P(StoreMessages, ABodyStagedForOnePartitionMayGoToAnother) {
  const UniqueId archive = store.create("Archive", "archive");
  const std::string large(kBodyChunkBytes + 5, 'L');
  {
    const StagedBody staged = store.stage(large, "default");
    ASSERT_TRUE(store->append({{archive, staged, {}, 1}, {store.inbox(), staged, {}, 1}}));
  }
  store.open();
  EXPECT_EQ(store.body(archive, 1), large);
  EXPECT_EQ(store.body(store.inbox(), 1), large);
}

TEST_P(StoreMessages, RecentIsToldOnceAndMadeDurableWithTheNextTransaction) {
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 2);
  EXPECT_EQ(store->claim_recent(inbox).value().text(), "1:2");
  EXPECT_EQ(store->claim_recent(inbox).value().text(), "");
  EXPECT_EQ(store.info(inbox).recent_uid, Uid(0));
  store.append(inbox, "three");
  EXPECT_EQ(store.info(inbox).recent_uid, Uid(2));
  store.open();
  EXPECT_EQ(store->claim_recent(inbox).value().text(), "3");
}

TEST_P(StoreMessages, DigestsOfRangesAddUpToTheRecordsPart) {
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 500, flag_names({"Work"}));
  ASSERT_TRUE(store->expunge(inbox, uids("3,400")));
  const MailboxView view = store->view(inbox).value();
  Digest sum = view.digest_of(uids("1:250")).value();
  sum += view.digest_of(uids("251:500")).value();
  EXPECT_EQ(sum, view.digest_of(kAll).value());
  EXPECT_EQ(view.digest_of(uids("501:900")).value(), Digest());
}

TEST_P(StoreMessages, TheFirstUidIsThatOfTheFirstLiveMessage) {
  const UniqueId inbox = store.inbox();
  EXPECT_FALSE(store->view(inbox)->first_uid().value());
  store.append_many(inbox, 600);
  EXPECT_EQ(store->view(inbox)->first_uid().value(), Uid(1));
  ASSERT_TRUE(store->expunge(inbox, uids("1:599")));
  EXPECT_EQ(store->view(inbox)->first_uid().value(), Uid(600));
  ASSERT_TRUE(store->expunge(inbox, uids("600")));
  EXPECT_FALSE(store->view(inbox)->first_uid().value());
}

}  // namespace
}  // namespace gemel
