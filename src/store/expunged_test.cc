// What was expunged: seen as a mailbox of its own, and copied back.
#include "store/store_fixture.h"

namespace gemel {
namespace {

const UidSet kAll = UidSet::of(Uid(1), Uid(UINT32_MAX));

class StoreExpunged : public StoreTest {
 protected:
  StoreExpunged() {
    store.append(inbox, "one", flag_names({"\\Seen", "\\Deleted", "$Work"}));
    store.append(inbox, "two");
    store.append(inbox, "three");
    EXPECT_TRUE(store->expunge(inbox, UidSet::of(Uid(1), Uid(1))));
    EXPECT_TRUE(store->expunge(inbox, UidSet::of(Uid(3), Uid(3))));
  }

  UniqueId inbox = store.inbox();
};
GEMEL_ON_BOTH_ENGINES(StoreExpunged);

TEST_P(StoreExpunged, IsShownAsIfItWereLive) {
  const MailboxView view = store->view_expunged(inbox).value();
  EXPECT_EQ(view.uids()->text(), "1,3");
  EXPECT_EQ(view.info().exists, 2u);
  EXPECT_EQ(view.info().unseen, 1u);
  EXPECT_EQ(view.info().bytes, 8u);
  const std::vector<RecordState> states = view.states(kAll).value();
  ASSERT_EQ(states.size(), 2u);
  EXPECT_FALSE(states[0].expunged);
  EXPECT_EQ(view.body(view.record(Uid(3))->facts.guid)->read_all().value(), "three");
}

TEST_P(StoreExpunged, HasAnotherUidvalidityWhenItChanges) {
  const MailboxView before = store->view_expunged(inbox).value();
  ASSERT_TRUE(store->expunge(inbox, kAll));  // a lower uid than the highest that was shown
  const MailboxView after = store->view_expunged(inbox).value();
  EXPECT_GT(after.info().uidvalidity.value, before.info().uidvalidity.value);
}

// RFC 9051 §2.3.1.1: a client's cache of the one must not pass for the other's.
TEST_P(StoreExpunged, HasOneUidvalidityOfItsOwnForEachMailboxThatHadTheName) {
  const MailboxName name{"alice", "Box"};
  std::vector<uint32_t> seen;
  for (int i = 0; i < 3; ++i) {
    const UniqueId box = store->create({.name = name})->id;
    for (int count = 0; count < 9 - 3 * i; ++count) store.append(box, "one");
    EXPECT_TRUE(store->expunge(box, kAll));
    seen.push_back(store->view_expunged(box)->info().uidvalidity.value);
    if (i == 0)
      EXPECT_TRUE(store->rename(name, {"alice", "Other"}));
    else
      EXPECT_TRUE(store->remove(box));
  }
  EXPECT_LT(seen[0], seen[1]);
  EXPECT_LT(seen[1], seen[2]);
}

// RFC 8508: both or nothing.
TEST_P(StoreExpunged, WhatReplacesAMessageComesInTheTransactionInWhichThatGoes) {
  const auto replace = [&](Uid old) {
    return store->append({{.mailbox = inbox,
                           .body = store.stage("new"),
                           .flags = {},
                           .internaldate_s = 1,
                           .replaces = BodyHolder{inbox, old}}});
  };
  const auto done = replace(Uid(2)).value();
  EXPECT_EQ(store->view(inbox)->uids()->text(), "4");
  EXPECT_EQ(store.info(inbox).highestmodseq, done[0].committed.modseq);
  EXPECT_EQ(replace(Uid(2)).error().code, Code::kGone);
  EXPECT_EQ(store->view(inbox)->uids()->text(), "4");
}

}  // namespace
}  // namespace gemel
