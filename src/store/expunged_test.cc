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
