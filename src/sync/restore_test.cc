// Bodies that one of the two has lost come back from the other.
#include <gtest/gtest.h>

#include "store/rows.h"
#include "sync/test_link.h"

namespace gemel::sync {
namespace {

constexpr std::string_view kBody = "Subject: a\r\n\r\nto be found again\r\n";

class Restore : public LinkFixture {
 protected:
  Restore() {
    inbox = primary.inbox();
    primary.append(inbox, kBody);
    primary.append(inbox, "another");
    link.connect();
    sync();
  }
  // Damages the body, which a read finds.
  void lose(TestStore& store) {
    const Guid guid{sha256(kBody)};
    store.memory.rot(store.options.path, {Table::kBody, std::string(guid.view()), std::nullopt});
    EXPECT_FALSE(store->view(inbox)->body(guid));
    EXPECT_EQ(store->lost_bodies()->size(), 1U);
  }
  void sync() {
    const SyncReport report = link.sync();
    ASSERT_TRUE(report.result) << report.result.error().text;
  }
  void expect_whole() {
    for (TestStore* store : {&primary, &replica}) {
      EXPECT_EQ(store->body(inbox, 1), kBody);
      EXPECT_TRUE((*store)->lost_bodies()->empty());
    }
    link.expect_in_step();
  }

  UniqueId inbox;
};

TEST_F(Restore, WhatTheReplicaHasLostIsSentAgain) {
  lose(replica);
  primary.append(inbox, "new");
  sync();
  expect_whole();
}

TEST_F(Restore, AReplicaThatComesBackSaysAtOnceThatItHasLostOne) {
  link.disconnect("restart");
  lose(replica);
  link.connect();
  sync();
  expect_whole();
}

TEST_F(Restore, WhatThePrimaryHasLostComesBackFromTheReplica) {
  lose(primary);
  sync();
  expect_whole();
}

TEST_F(Restore, WhatBothHaveLostStaysLostAndStopsNothing) {
  lose(primary);
  lose(replica);
  primary.append(inbox, "new");
  sync();
  for (TestStore* store : {&primary, &replica}) {
    EXPECT_EQ((*store)->lost_bodies()->size(), 1U);
    EXPECT_EQ(store->body(inbox, 3), "new");
  }
}

}  // namespace
}  // namespace gemel::sync
