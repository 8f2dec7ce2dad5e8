// Names that came to mean other mailboxes while both sides had a history of their own.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "sync/split_fixture.h"

namespace gemel::sync {
namespace {

class SplitNames : public SplitFixture, public testing::WithParamInterface<TestLink::Ids> {
 public:
  // The bodies in each of a user's mailboxes.
  using Shown = std::map<std::string, std::multiset<std::string>>;
  static Shown shown(TestStore& store, const std::string& owner = "alice") {
    Shown out;
    const std::vector<MailboxInfo> mailboxes = store->mailboxes(owner).value();
    for (const MailboxInfo& info : mailboxes) {
      auto& in = out[info.name.path];
      store->view(info.id).value().uids().value().for_each(
          [&](Uid uid) { in.insert(store.body(info.id, uid.value)); });
    }
    return out;
  }
  static void swap(TestStore& store, const std::string& a, const std::string& b) {
    const MailboxName between{"alice", "between"};
    ASSERT_TRUE(store->rename({"alice", a}, between));
    ASSERT_TRUE(store->rename({"alice", b}, {"alice", a}));
    ASSERT_TRUE(store->rename(between, {"alice", b}));
  }

 protected:
  SplitNames() : SplitFixture(GetParam()) {}
  void expect_both_show(const Shown& expected, const std::string& owner = "alice") {
    EXPECT_EQ(shown(primary, owner), expected);
    EXPECT_EQ(shown(replica, owner), expected);
  }
  UniqueId make(const std::string& path, std::string_view body) {
    const UniqueId id = primary.create(path);
    primary.append(id, body);
    return id;
  }
  static void make_user_anew(TestStore& store) {
    ASSERT_TRUE(store->delete_user("alice"));
    ASSERT_TRUE(store->create_user("alice", {}));
    store.append(store.inbox(), "of the new one");
    store.append(store.create("box"), "of the new one too");
  }
  // The replica gives a mailbox to the user, and makes another of its name.
  void expect_given_to(const std::string& userid) {
    ASSERT_TRUE(primary->create_user(userid, {}));
    make("box", "old");
    sync();
    split();
    ASSERT_TRUE(replica->rename(named("box"), {userid, "box"}));
    replica.append(replica.create("box"), "new");
    heal();
    expect_both_show({{"INBOX", {"before"}}, {"box", {"new"}}});
    expect_both_show({{"INBOX", {}}, {"box", {"old"}}}, userid);
  }
};

TEST_P(SplitNames, AMailboxThatTheReplicaDeletedAndMadeAnewStaysDeleted) {
  const UniqueId was = make("box", "old");
  sync();
  split();
  ASSERT_TRUE(replica->remove(was));
  replica.append(replica.create("box"), "new");
  heal();
  expect_both_show({{"INBOX", {"before"}}, {"box", {"new"}}});
}

TEST_P(SplitNames, AndOneThatItPurged) {
  const UniqueId was = make("box", "old");
  sync();
  split();
  ASSERT_TRUE(replica->remove(was));
  ASSERT_TRUE(replica->purge_deleted(was));
  replica.append(replica.create("box"), "new");
  heal();
  expect_both_show({{"INBOX", {"before"}}, {"box", {"new"}}});
}

TEST_P(SplitNames, AndOneWhoseFlagsThePrimaryChanged) {
  const UniqueId was = make("box", "old");
  sync();
  split();
  ASSERT_TRUE(
      primary->store_flags(was, UidSet::of(Uid(1), Uid(1)), FlagOp::kAdd, flag_names({"\\Seen"})));
  ASSERT_TRUE(replica->remove(was));
  replica.append(replica.create("box"), "new");
  heal();
  expect_both_show({{"INBOX", {"before"}}, {"box", {"new"}}});
}

TEST_P(SplitNames, WhatItMovedToTheNewOneBeforeIsThere) {
  const UniqueId was = make("box", "old");
  primary.append(was, "moved");
  sync();
  split();
  const UniqueId between = replica.create("between");
  ASSERT_TRUE(replica->copy(was, UidSet::of(Uid(2), Uid(2)), between, MailStore::Keep::kMove));
  ASSERT_TRUE(replica->remove(was));
  ASSERT_TRUE(replica->rename(named("between"), named("box")));
  heal();
  expect_both_show({{"INBOX", {"before"}}, {"box", {"moved"}}});
}

TEST_P(SplitNames, AMailboxThatTheReplicaPutAwayAndMadeAnew) {
  make("box", "old");
  sync();
  split();
  ASSERT_TRUE(replica->rename(named("box"), named("box.1")));
  replica.append(replica.create("box"), "new");
  heal();
  expect_both_show({{"INBOX", {"before"}}, {"box", {"new"}}, {"box.1", {"old"}}});
}

TEST_P(SplitNames, AMailboxThatThePrimaryPutAwayAndMadeAnew) {
  const UniqueId was = make("box", "old");
  sync();
  split();
  ASSERT_TRUE(primary->rename(named("box"), named("box.1")));
  primary.append(primary.create("box"), "new");
  replica.append(was, "of the replica");
  heal();
  expect_both_show({{"INBOX", {"before"}}, {"box", {"new"}}, {"box.1", {"old", "of the replica"}}});
}

TEST_P(SplitNames, AMailboxThatBothPutAwayAndMadeAnew) {
  make("box", "old");
  sync();
  split();
  for (TestStore* store : {&primary, &replica}) {
    ASSERT_TRUE((*store)->rename(named("box"), named("box.1")));
    store->append(store->create("box"), store == &primary ? "new p" : "new r");
  }
  heal();
  expect_both_show({{"INBOX", {"before"}}, {"box", {"new p", "new r"}}, {"box.1", {"old"}}});
}

TEST_P(SplitNames, TheReplicaSwappedTwo) {
  make("a", "in a");
  make("b", "in b");
  sync();
  split();
  swap(replica, "a", "b");
  heal();
  expect_both_show({{"INBOX", {"before"}}, {"a", {"in b"}}, {"b", {"in a"}}});
}

TEST_P(SplitNames, SwappedWhileMailCame) {
  const UniqueId a = make("a", "in a");
  const UniqueId b = make("b", "in b");
  sync();
  split();
  swap(replica, "a", "b");
  primary.append(a, "p");
  replica.append(b, "r");
  heal();
  expect_both_show({{"INBOX", {"before"}}, {"a", {"in b", "r"}}, {"b", {"in a", "p"}}});
}

TEST_P(SplitNames, TheReplicaGaveOneTheNameThatAnotherHad) {
  for (const bool rising : {true, false}) {
    const std::string at = rising ? "u" : "d";
    make(at + "1", at + "in 1");
    make(at + "2", at + "in 2");
    sync();
    split();
    const std::string first = at + (rising ? "2" : "1");
    const std::string second = at + (rising ? "1" : "2");
    ASSERT_TRUE(replica->rename(named(first), named(at + "3")));
    ASSERT_TRUE(replica->rename(named(second), named(first)));
    heal();
    EXPECT_TRUE(shown(primary).contains(first));
    EXPECT_EQ(shown(primary).size(), rising ? 3U : 5U) << at;
    EXPECT_EQ(shown(primary)[first], (std::multiset<std::string>{at + "in " + second.substr(1)}));
  }
}

TEST_P(SplitNames, AUserWhoWasMadeAnewOnTheReplicaGetsNothingOfTheFormer) {
  make("box", "old");
  sync();
  split();
  make_user_anew(replica);
  heal();
  expect_both_show({{"INBOX", {"of the new one"}}, {"box", {"of the new one too"}}});
}

TEST_P(SplitNames, AUserWhoWasMadeAnewOnThePrimaryGetsNothingOfTheFormer) {
  make("box", "old");
  sync();
  split();
  make_user_anew(primary);
  ASSERT_TRUE(replica->put_user_items("alice", {{"subscription/a", "x"}}));
  heal();
  expect_both_show({{"INBOX", {"of the new one"}}, {"box", {"of the new one too"}}});
}

TEST_P(SplitNames, AMailboxThatAnotherUserHasNow) { expect_given_to("bob"); }

TEST_P(SplitNames, AMailboxThatAnEarlierUserHasNow) { expect_given_to("aaa"); }

TEST_P(SplitNames, ANameOfTheGreatestLength) {
  const std::string longest(1000, 'n');
  const UniqueId a = make("a", "in a");
  const UniqueId b = make("b", "in b");
  sync();
  split();
  ASSERT_TRUE(primary->rename(named("a"), named(longest)));
  ASSERT_TRUE(replica->rename(named("b"), named(longest)));
  heal();
  EXPECT_EQ(shown(primary), shown(replica));
  EXPECT_EQ(shown(primary).size(), 3U);
  for (const UniqueId& id : {a, b}) EXPECT_LE(primary.info(id).name.path.size(), 1000U);
}

TEST_P(SplitNames, BothGaveOneNameAway) {
  make("a", "in a");
  make("b", "in b");
  sync();
  split();
  ASSERT_TRUE(primary->rename(named("a"), named("c")));
  ASSERT_TRUE(replica->rename(named("b"), named("c")));
  ASSERT_TRUE(replica->rename(named("a"), named("b")));
  heal();
  EXPECT_EQ(shown(primary), shown(replica));
  EXPECT_EQ(shown(primary).size(), 3U);
}

TEST_P(SplitNames, BothRenamedInbox) {
  split();
  ASSERT_TRUE(primary->rename(named("INBOX"), named("old")));
  ASSERT_TRUE(replica->rename(named("INBOX"), named("old")));
  primary.append(inbox, "p");
  replica.append(inbox, "r");
  heal();
  expect_both_show({{"INBOX", {"p", "r"}}, {"old", {"before"}}});
}

TEST_P(SplitNames, BothDeletedOneAndMadeItAnew) {
  const UniqueId was = make("box", "old");
  sync();
  split();
  ASSERT_TRUE(primary->remove(was));
  ASSERT_TRUE(replica->remove(was));
  primary.append(primary.create("box"), "p");
  replica.append(replica.create("box"), "r");
  heal();
  expect_both_show({{"INBOX", {"before"}}, {"box", {"p", "r"}}});
}

TEST_P(SplitNames, AMergeOfFlagsGoesBeforeItsTwin) {
  const UniqueId was = make("box", "old");
  sync();
  split();
  ASSERT_TRUE(primary->rename(named("box"), named("new")));
  ASSERT_TRUE(
      replica->store_flags(was, UidSet::of(Uid(1), Uid(1)), FlagOp::kAdd, flag_names({"\\Seen"})));
  replica.append(replica.create("new"), "of the replica");
  heal();
  expect_both_show({{"INBOX", {"before"}}, {"new", {"of the replica", "old"}}});
  EXPECT_EQ(primary.flags(was, 1), "\\Seen");
}

TEST_P(SplitNames, AFlagStaysWhereAnOlderOneHasTheName) {
  primary.clock.advance_s(3600);
  const UniqueId was = make("box", "old");
  sync();
  split();
  ASSERT_TRUE(primary->rename(named("box"), named("new")));
  primary.append(was, "p");
  ASSERT_TRUE(
      replica->store_flags(was, UidSet::of(Uid(1), Uid(1)), FlagOp::kAdd, flag_names({"\\Seen"})));
  replica.append(was, "r");
  replica.append(replica.create("new"), "of the replica");
  heal();
  expect_both_show({{"INBOX", {"before"}}, {"new", {"of the replica", "old", "p", "r"}}});
  const MailboxInfo info = primary->find(named("new")).value();
  EXPECT_EQ(info.exists - info.unseen, 1U);
}

TEST_P(SplitNames, AnEmptyOneBecomesAPartOfOneThatWasMerged) {
  const UniqueId was = make("box", "old");
  sync();
  split();
  ASSERT_TRUE(primary->rename(named("box"), named("new")));
  ASSERT_TRUE(
      replica->store_flags(was, UidSet::of(Uid(1), Uid(1)), FlagOp::kAdd, flag_names({"\\Seen"})));
  replica.create("new");
  heal();
  expect_both_show({{"INBOX", {"before"}}, {"new", {"old"}}});
  EXPECT_EQ(primary.flags(was, 1), "\\Seen");
}

TEST_P(SplitNames, AMergeThatBringsMailGoesBeforeItsTwin) {
  const UniqueId was = make("box", "old");
  sync();
  split();
  ASSERT_TRUE(primary->rename(named("box"), named("new")));
  replica.append(was, "r");
  replica.append(replica.create("new"), "of the replica");
  heal();
  expect_both_show({{"INBOX", {"before"}}, {"new", {"of the replica", "old", "r"}}});
}

// Wherever the link is cut, and if the primary crashes there too.
TEST(SplitNamesCut, AtAnyByteIsMended) {
  log::set_level(log::Level::kOff);
  for (uint64_t bytes = 400;; bytes += 61) {
    TestLink link;
    TestStore& primary = link.primary;
    TestStore& replica = link.replica;
    ASSERT_TRUE(primary->create_user("alice", {}));
    for (const char* path : {"a", "b", "box"})
      primary.append(primary.create(path), std::string("in ") + path);
    link.connect();
    ASSERT_TRUE(link.sync().result);
    ASSERT_TRUE(replica->promote());
    SplitNames::swap(replica, "a", "b");
    ASSERT_TRUE(replica->remove(replica->find(MailboxName{"alice", "box"}).value().id));
    replica.append(replica.create("box"), "new");
    primary.append(primary->find(MailboxName{"alice", "a"}).value().id, "p");
    ASSERT_TRUE(replica->demote());
    ASSERT_TRUE(primary->promote(replica->term()));
    link.disconnect("each had its time");
    link.cut_after = bytes;
    link.connect();
    const bool is_through = link.sync().result.has_value();
    if (!is_through) {
      link.cut_after.reset();
      if (bytes % 2 == 0) link.open_channel();
      link.connect();
      EXPECT_TRUE(link.sync().result) << bytes;
    }
    link.expect_in_step();
    const SplitNames::Shown expected{
        {"INBOX", {}}, {"a", {"in b"}}, {"b", {"in a", "p"}}, {"box", {"new"}}};
    EXPECT_EQ(SplitNames::shown(primary), expected) << bytes;
    EXPECT_EQ(SplitNames::shown(replica), expected) << bytes;
    if (is_through || testing::Test::HasFailure()) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Ids, SplitNames,
                         testing::Values(TestLink::Ids::kAlike, TestLink::Ids::kTurned),
                         [](const auto& of) {
                           return std::string(of.param == TestLink::Ids::kAlike ? "A" : "B");
                         });

}  // namespace
}  // namespace gemel::sync
