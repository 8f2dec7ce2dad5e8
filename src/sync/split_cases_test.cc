// What went wrong between other servers when both sides took changes, as tests.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mail/lineage.h"
#include "sync/records.h"
#include "sync/reunion.h"
#include "sync/split_fixture.h"

namespace gemel::sync {
namespace {

class SplitCases : public SplitFixture {
 protected:
  // The primary's, which is older, and the replica's, with a message each.
  std::pair<UniqueId, UniqueId> make_two_of_one_name() {
    const UniqueId ours = primary.create("x");
    primary.append(ours, "of the primary");
    replica.clock.advance_s(60);
    const UniqueId theirs = replica.create("x");
    replica.append(theirs, "of the replica");
    return {ours, theirs};
  }
  void expunge_what_the_other_moves(TestStore& expunges, TestStore& moves) {
    const UidSet second = UidSet::of(Uid(2), Uid(2));
    expunges.append(inbox, "expunged later");
    const MailboxInfo third = expunges.info(inbox);
    const MailboxView view = expunges->view(inbox).value();
    const auto records = ChangeReader::start(view, ModSeq(), Uid(2)).value().next().value();
    ASSERT_EQ(records.size(), 1U);
    ASSERT_TRUE(expunges->expunge(inbox, second));
    for (const std::string_view body : {"one", "two", "three"}) expunges.append(inbox, body);
    moves.append(inbox, "takes its uid");
    MailboxReunion reunion(state_of(third), moves.info(inbox));
    reunion.take(header_state_of(third));
    for (const ChangedRecord& record : records) reunion.take(record);
    reunion.take(moves.stage("expunged later"));
    reunion.page_over(Uid());
    const Result<United> united = reunion.unite(*moves, moves.clock);
    ASSERT_TRUE(united) << united.error().text;
    ASSERT_TRUE(bodies(moves, inbox).contains("expunged later"));
    ASSERT_FALSE(moves->view(inbox).value().uids().value().contains(Uid(2)));
  }
  void expect_all_but_what_was_expunged() {
    const std::set<std::string> expected = {"before", "takes its uid", "one", "two", "three"};
    EXPECT_EQ(bodies(primary, inbox), expected);
    EXPECT_EQ(bodies(replica, inbox), expected);
  }
  // Of INBOX, where the replica has told all that it has changed since.
  MailboxReunion told_since(ModSeq since) {
    const MailboxView view = replica->view(inbox).value();
    MailboxReunion reunion(state_of(view.info()), primary.info(inbox));
    reunion.take(header_state_of(view.info()));
    const auto records = ChangeReader::start(view, since, Uid(1)).value().next().value();
    for (const ChangedRecord& record : records) reunion.take(record);
    reunion.page_over(Uid());
    return reunion;
  }
};

// R07: a mailbox that only the replica has, and the primary no trace of.
TEST_F(SplitCases, AMailboxOfTheReplicaAloneComesOver) {
  split();
  const UniqueId made = replica.create("theirs");
  replica.append(made, "in it");
  heal();
  EXPECT_EQ(primary->find(named("theirs")).value().id, made);
  EXPECT_EQ(primary.body(made, 1), "in it");
}

// R10: one name, two ids. Both messages end up under the older id, and it stays so.
TEST_F(SplitCases, TwoMailboxesOfOneNameBecomeOneForGood) {
  split();
  const auto [ours, theirs] = make_two_of_one_name();
  heal();
  const auto expect_one = [&](TestStore& store) {
    EXPECT_EQ(store->find(named("x")).value().id, ours);
    EXPECT_EQ(bodies(store, ours), (std::set<std::string>{"of the primary", "of the replica"}));
    EXPECT_EQ(store->mailboxes("alice").value().size(), 2U);
  };
  expect_one(primary);
  expect_one(replica);
  const ModSeq before = primary.info(ours).highestmodseq;
  sync();
  EXPECT_EQ(primary.info(ours).highestmodseq, before);
  expect_one(replica);
}

// The merge is cut off when the two are one here, and the one that goes gets another message there:
// it comes back with that alone.
TEST_F(SplitCases, AMailboxThatBecameAPartOfAnotherComesBackWithoutWhatMoved) {
  split();
  const auto [ours, theirs] = make_two_of_one_name();
  ASSERT_TRUE(replica->demote());
  ASSERT_TRUE(primary->promote(replica->term()));
  link.disconnect("each had its time");
  link.on_bytes = [&](char way, std::string_view bytes) {
    if (way == '<' && bytes.find("OK BODIES") != bytes.npos) EXPECT_TRUE(replica->promote());
  };
  link.connect();
  EXPECT_FALSE(link.sync().result);
  link.on_bytes = [](char, std::string_view) {};
  ASSERT_NE(primary.info(theirs).deleted_s, 0);
  replica.append(theirs, "later");
  heal();
  for (TestStore* store : {&primary, &replica}) {
    EXPECT_EQ(bodies(*store, ours), (std::set<std::string>{"of the primary", "of the replica"}));
    EXPECT_EQ(bodies(*store, theirs), (std::set<std::string>{"later"}));
  }
}

// The one has to be asked for a body first, so that they get to their new names at different times.
TEST_F(SplitCases, MailboxesThatSwappedTheirNamesAreMergedOneAfterTheOther) {
  const UniqueId a = primary.create("a");
  const UniqueId b = primary.create("b");
  sync();
  for (const UniqueId& quick : {a, b}) {
    const UniqueId& slow = quick == a ? b : a;
    const MailboxName was_a = primary.info(a).name;
    const MailboxName was_b = primary.info(b).name;
    split();
    ASSERT_TRUE(primary->rename(was_a, named("between")));
    ASSERT_TRUE(primary->rename(was_b, was_a));
    ASSERT_TRUE(primary->rename(named("between"), was_b));
    ASSERT_TRUE(replica->set_attributes(quick, {{"acl/bob", "lrs"}}));
    replica.append(slow, "of the replica");
    heal();
    EXPECT_EQ(replica.info(a).name, was_b);
    EXPECT_EQ(replica.info(b).name, was_a);
  }
}

// A third server followed the replica up to where its link was cut. All that it has was merged, so
// what the replica took back later stays so, whichever of the others meets it.
TEST_F(SplitCases, AnEarlierStateOfWhatWasMergedBringsNothingBack) {
  const UidSet first = UidSet::of(Uid(1), Uid(1));
  const ModSeq common = primary.info(inbox).highestmodseq;
  const ModSeq user_common = primary->user("alice").value().modseq;
  split();
  replica.append(inbox, "expunged later");
  ASSERT_TRUE(replica->store_flags(inbox, first, FlagOp::kAdd, flag_names({"\\Flagged"})));
  ASSERT_TRUE(replica->put_user_items("alice", {{"subscription/a", "x"}}));
  const MailboxInfo third = replica.info(inbox);
  const UserInfo third_user = replica->user("alice").value();
  const auto third_items = replica->user_changes_since("alice", user_common).value();
  const MailboxView view = replica->view(inbox).value();
  const auto third_records = ChangeReader::start(view, common, Uid(1)).value().next().value();
  ASSERT_EQ(third_records.size(), 2U);
  ASSERT_TRUE(replica->store_flags(inbox, first, FlagOp::kRemove, flag_names({"\\Flagged"})));
  ASSERT_TRUE(replica->expunge(inbox, UidSet::of(Uid(2), Uid(2))));
  ASSERT_TRUE(replica->put_user_items("alice", {{"subscription/a", std::nullopt}}));
  primary.append(inbox, "of the primary");
  ASSERT_TRUE(primary->put_user_items("alice", {{"subscription/b", "x"}}));
  heal();

  for (TestStore* store : {&primary, &replica}) {
    const ModSeq merged = store->info(inbox).highestmodseq;
    if (store == &replica) ASSERT_TRUE(replica->promote());
    MailboxReunion reunion(state_of(third), store->info(inbox));
    reunion.take(header_state_of(third));
    for (const ChangedRecord& record : third_records) reunion.take(record);
    reunion.page_over(Uid());
    const Result<United> united = reunion.unite(**store, store->clock);
    ASSERT_TRUE(united) << united.error().text;
    EXPECT_EQ(united->next, United::Next::kMend);
    EXPECT_EQ(store->info(inbox).highestmodseq, merged);
    EXPECT_EQ(store->flags(inbox, 1), "");
    EXPECT_EQ(bodies(*store, inbox), (std::set<std::string>{"before", "of the primary"}));

    UserReunion user_reunion(state_of(third_user), (*store)->user("alice").value());
    for (const UserItem& item : third_items) user_reunion.take(item);
    user_reunion.page_over();
    ASSERT_TRUE(user_reunion.unite(**store));
    EXPECT_FALSE((*store)->user_item("alice", "subscription/a").value());
    EXPECT_TRUE((*store)->user_item("alice", "subscription/b").value());
  }
}

// One side met a third server, which had a message of the other's as it came, and gave it another
// uid, for its own was taken. The other has expunged it and got more than that since.
TEST_F(SplitCases, WhatAMergeMovedStaysExpungedWhateverCameBehindIt) {
  split();
  ASSERT_TRUE(primary->promote(replica->term()));
  expunge_what_the_other_moves(replica, primary);
  heal();
  expect_all_but_what_was_expunged();
}

TEST_F(SplitCases, AndWhatAMergeOfTheReplicaMoved) {
  split();
  expunge_what_the_other_moves(primary, replica);
  heal();
  expect_all_but_what_was_expunged();
}

// Two others have one history, the one all of it and the other a part, and that one was merged
// while the first was asked.
TEST_F(SplitCases, WhatCameMeanwhileByWayOfAThirdServerIsNoChangeOfOurs) {
  const UidSet first = UidSet::of(Uid(1), Uid(1));
  const ModSeq common = primary.info(inbox).highestmodseq;
  const ModSeq user_common = primary->user("alice").value().modseq;
  const auto user_told = [&](ModSeq since) {
    UserReunion reunion(state_of(replica->user("alice").value()), primary->user("alice").value());
    const auto items = replica->user_changes_since("alice", since).value();
    for (const UserItem& item : items) reunion.take(item);
    reunion.page_over();
    return reunion;
  };
  split();
  ASSERT_TRUE(replica->store_flags(inbox, first, FlagOp::kAdd, flag_names({"\\Flagged"})));
  ASSERT_TRUE(replica->put_user_items("alice", {{"subscription/a", "x"}}));
  const ModSeq part = replica.info(inbox).highestmodseq;
  const ModSeq user_part = replica->user("alice").value().modseq;
  MailboxReunion of_part = told_since(common);
  UserReunion of_user_part = user_told(user_common);
  ASSERT_TRUE(replica->store_flags(inbox, first, FlagOp::kRemove, flag_names({"\\Flagged"})));
  ASSERT_TRUE(replica->put_user_items("alice", {{"subscription/a", std::nullopt}}));
  MailboxReunion of_all = told_since(common);
  UserReunion of_all_of_user = user_told(user_common);
  ASSERT_TRUE(primary->promote(replica->term()));
  ASSERT_TRUE(of_part.unite(*primary, primary.clock));
  ASSERT_TRUE(of_user_part.unite(*primary));
  ASSERT_EQ(primary.flags(inbox, 1), "\\Flagged");

  EXPECT_EQ(of_all.unite(*primary, primary.clock)->next, United::Next::kBodies);
  EXPECT_EQ(of_all.questions(),
            std::vector{fmt::format("CHANGES {} {} 1", inbox.text(), part.value)});
  ASSERT_TRUE(told_since(part).unite(*primary, primary.clock));
  EXPECT_EQ(primary.flags(inbox, 1), "");
  EXPECT_TRUE(of_all_of_user.begins_anew(primary->user("alice").value()));
  EXPECT_EQ(of_all_of_user.questions(),
            std::vector{fmt::format("USERCHANGES alice {}", user_part.value)});
  UserReunion again = user_told(user_part);
  EXPECT_FALSE(again.begins_anew(primary->user("alice").value()));
  ASSERT_TRUE(again.unite(*primary));
  EXPECT_FALSE(primary->user_item("alice", "subscription/a").value());
}

// A side that has nothing new takes over the other's history, and both know it for the same one.
TEST_F(SplitCases, WhatOnlyTheReplicaChangedIsOneHistoryAfterwards) {
  split();
  replica.append(inbox, "of the replica");
  ASSERT_TRUE(replica->put_user_items("alice", {{"subscription/a", "x"}}));
  heal();
  const MailboxInfo ours = primary.info(inbox);
  const MailboxInfo theirs = replica.info(inbox);
  EXPECT_EQ(common_modseq(ours.lineage, ours.highestmodseq, theirs.lineage, theirs.highestmodseq),
            ours.highestmodseq);
  const UserInfo our_user = primary->user("alice").value();
  const UserInfo their_user = replica->user("alice").value();
  EXPECT_EQ(common_modseq(our_user.lineage, our_user.modseq, their_user.lineage, their_user.modseq),
            our_user.modseq);
}

// What an earlier connection had said takes its effect while this one asks for the changes.
TEST_F(SplitCases, AMendThatComesThroughLateIsNoMoreToBeSaid) {
  const UidSet first = UidSet::of(Uid(1), Uid(1));
  const ModSeq common = primary.info(inbox).highestmodseq;
  split();
  ASSERT_TRUE(primary->store_flags(inbox, first, FlagOp::kAdd, flag_names({"\\Seen"})));
  ASSERT_TRUE(replica->store_flags(inbox, first, FlagOp::kAdd, flag_names({"\\Flagged"})));
  link.on_bytes = [&](char way, std::string_view bytes) {
    if (way != '<' || bytes.find("OK MAILBOXES") == bytes.npos) return;
    United united = told_since(common).unite(*primary, primary.clock).value();
    ASSERT_TRUE(replica->apply(*std::move(united.mend), {}).get());
  };
  heal();
  EXPECT_EQ(replica.flags(inbox, 1), "\\Flagged \\Seen");
}

// The primary's user is another one of that name by then, whose INBOX takes a name on the replica.
TEST_F(SplitCases, WhatWaitedForAMailboxGoesOnWhenThatIsOver) {
  const UidSet first = UidSet::of(Uid(1), Uid(1));
  const UniqueId folder = primary.create("f");
  primary.append(folder, "moved from f");
  sync();
  split();
  ASSERT_TRUE(primary->delete_user("alice"));
  ASSERT_TRUE(primary->create_user("alice", {}));
  for (const UniqueId& id : {inbox, folder}) ASSERT_TRUE(primary->purge_deleted(id));
  primary.append(primary.inbox(), "of the other user");
  const UniqueId made = replica.create("c");
  for (const UniqueId& id : {inbox, folder}) {
    replica.append(id, "of the replica " + id.text());
    ASSERT_TRUE(replica->copy(id, first, made, MailStore::Keep::kMove));
  }
  heal();
  EXPECT_EQ(bodies(primary, made), (std::set<std::string>{"before", "moved from f"}));
  for (const UniqueId& id : {inbox, folder})
    EXPECT_EQ(bodies(primary, id), (std::set<std::string>{"of the replica " + id.text()}));
}

// R32: who only asks where the two differ changes neither.
TEST_F(SplitCases, WhereSidesDifferVerifyAndDryRunTouchNeither) {
  split();
  primary.append(inbox, "of the primary");
  replica.append(inbox, "of the replica");
  ASSERT_TRUE(replica->demote());
  ASSERT_TRUE(primary->promote(replica->term()));
  const Digest ours = primary->digest();
  const Digest theirs = replica->digest();
  link.disconnect("each had its time");
  link.connect();
  for (const SyncEffect effect : {SyncEffect::kVerify, SyncEffect::kDryRun}) {
    const SyncReport report = link.sync({.users = {"alice"}, .mailboxes = {}}, effect);
    ASSERT_TRUE(report.result) << report.result.error().text;
    EXPECT_EQ(
        report.actions,
        (std::vector<std::string>{"alice/INBOX: has changed on both sides, would be merged"}));
  }
  EXPECT_EQ(primary->digest(), ours);
  EXPECT_EQ(replica->digest(), theirs);
}

// R33: two messages under one uid, taken while the link was cut.
TEST_F(SplitCases, MessagesUnderOneUidBothGetNewOnes) {
  split();
  const UidValidity uidvalidity = primary.info(inbox).uidvalidity;
  primary.append(inbox, "of the primary");
  replica.append(inbox, "of the replica");
  heal();
  for (TestStore* store : {&primary, &replica}) {
    EXPECT_EQ(store->info(inbox).uidvalidity, uidvalidity);
    EXPECT_EQ(store->uids(inbox), "1,3:4");
    EXPECT_EQ(bodies(*store, inbox),
              (std::set<std::string>{"before", "of the primary", "of the replica"}));
  }
}

// E03: a deleted mailbox with expunged messages that are kept.
TEST_F(SplitCases, WhatADeletedMailboxKeepsIsOnTheReplicaToo) {
  const UniqueId id = primary.create("a");
  primary.append(id, "expunged, then deleted with it");
  ASSERT_TRUE(primary->expunge(id, UidSet::of(Uid(1), Uid(1))));
  ASSERT_TRUE(primary->remove(id));
  sync();
  for (TestStore* store : {&primary, &replica}) {
    EXPECT_NE(store->info(id).deleted_s, 0);
    EXPECT_EQ(store->body(id, 1), "expunged, then deleted with it");
  }
}

}  // namespace
}  // namespace gemel::sync
