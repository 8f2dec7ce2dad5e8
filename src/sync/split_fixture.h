// What the tests of split brains share: a primary and its replica in step, each with a time of its
// own, and one again.
#pragma once

#include <set>
#include <string>

#include "sync/test_link.h"

namespace gemel::sync {

class SplitFixture : public LinkFixture {
 protected:
  explicit SplitFixture(TestLink::Ids ids = TestLink::Ids::kRandom) : LinkFixture(ids) {
    link.connect();
    inbox = primary.inbox();
    primary.append(inbox, "before");
    sync();
  }

  void sync() {
    const SyncReport report = link.sync();
    ASSERT_TRUE(report.result) << report.result.error().text;
    link.expect_in_step();
  }
  void split() { ASSERT_TRUE(replica->promote()); }
  // The replica is one again, and the primary begins a term above it.
  void heal() {
    ASSERT_TRUE(replica->demote());
    ASSERT_TRUE(primary->promote(replica->term()));
    link.disconnect("each had its time");
    link.connect();
    sync();
  }
  static std::set<std::string> bodies(TestStore& store, const UniqueId& id) {
    std::set<std::string> out;
    const MailboxView view = store->view(id).value();
    const UidSet uids = view.uids().value();
    uids.for_each([&](Uid uid) { out.insert(store.body(id, uid.value)); });
    EXPECT_EQ(out.size(), uids.size());
    return out;
  }

  UniqueId inbox;
};

}  // namespace gemel::sync
