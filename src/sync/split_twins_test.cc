// Two mailboxes of one name where both sides have the one, and only the replica the other: what the
// replica has expunged in the one or moved to the other stays so when they become one.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "sync/split_fixture.h"

namespace gemel::sync {
namespace {

class SplitTwins : public SplitFixture, public testing::WithParamInterface<bool> {
 protected:
  // The primary renames a box to the name that the replica gives another one, which is the older
  // of the two or not.
  SplitTwins() {
    if (GetParam()) primary.clock.advance_s(3600);
    box = primary.create("box");
    for (const char* body : {"stays", "goes", "moves"}) primary.append(box, body);
    sync();
    split();
    made = replica.create("new");
    replica.append(made, "of the replica");
    EXPECT_TRUE(replica->copy(box, UidSet::of(Uid(3), Uid(3)), made, MailStore::Keep::kMove));
    EXPECT_TRUE(replica->expunge(box, UidSet::of(Uid(2), Uid(2))));
    EXPECT_TRUE(primary->rename(named("box"), named("new")));
  }
  // Of all of alice's mailboxes but INBOX.
  static std::multiset<std::string> shown(TestStore& store) {
    std::multiset<std::string> out;
    const std::vector<MailboxInfo> mailboxes = store->mailboxes("alice").value();
    for (const MailboxInfo& info : mailboxes)
      if (info.id != store.inbox()) out.merge(shown(store, info.id));
    return out;
  }
  static std::multiset<std::string> shown(TestStore& store, const UniqueId& id) {
    std::multiset<std::string> out;
    store->view(id).value().uids().value().for_each(
        [&](Uid uid) { out.insert(store.body(id, uid.value)); });
    return out;
  }
  void expect_both_show(const std::multiset<std::string>& bodies) {
    EXPECT_EQ(shown(primary), bodies);
    EXPECT_EQ(shown(replica), bodies);
  }

  UniqueId box;
  UniqueId made;
};

TEST_P(SplitTwins, WhatWasExpungedStaysSoAndWhatWasMovedIsThereOnce) {
  heal();
  expect_both_show({"stays", "moves", "of the replica"});
  EXPECT_EQ(shown(replica, replica->find(named("new")).value().id), shown(replica));
}

// The replica frees what it expunged before it tells of it.
TEST_P(SplitTwins, WhatWasFreedToo) {
  ASSERT_TRUE(replica->purge_expunged(box, replica.info(box).highestmodseq));
  heal();
  expect_both_show({"stays", "moves", "of the replica"});
}

// The box can't be merged, for a body of it is lost there: the other doesn't wait for it.
TEST_P(SplitTwins, OneThatCantBeMergedKeepsItsName) {
  replica.append(box, "lost");
  const Guid guid{sha256("lost")};
  replica.memory.rot(replica.options.path, {Table::kBody, std::string(guid.view()), std::nullopt});
  ASSERT_TRUE(replica->demote());
  ASSERT_TRUE(primary->promote(replica->term()));
  link.disconnect("each had its time");
  link.connect();
  EXPECT_FALSE(link.sync().result);
  EXPECT_EQ(primary->find(named("new")).value().id, box);
  EXPECT_EQ(primary->find(named("new (2)")).value().id, made);
  EXPECT_EQ(shown(primary, made), (std::multiset<std::string>{"moves", "of the replica"}));
  EXPECT_EQ(shown(replica, made), shown(primary, made));
}

INSTANTIATE_TEST_SUITE_P(TheNewOneIs, SplitTwins, testing::Bool(), [](const auto& of) {
  return std::string(of.param ? "Older" : "Younger");
});

}  // namespace
}  // namespace gemel::sync
