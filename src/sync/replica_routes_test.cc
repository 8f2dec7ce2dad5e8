#include "sync/replica_routes.h"

#include <gtest/gtest.h>

#include "store/store_fixture.h"
#include "sync/records.h"

namespace gemel::sync {
namespace {

class ReplicaRoutesTest : public testing::Test {
 protected:
  ReplicaRoutesTest() {
    EXPECT_TRUE(store->create_user("alice", {}));
    inbox = store.inbox();
    store.append(inbox, "a letter");
    folder = store.create("folder");
    EXPECT_TRUE(store->copy(inbox, UidSet::of(Uid(1), Uid(1)), folder, MailStore::Keep::kCopy));
  }
  // Of the copy in the folder, where the replica has `known` as its INBOX.
  Route::Kind kind(const ReplicaMailbox& known) {
    ReplicaMemory memory(*store, "standby");
    memory.know(inbox, known);
    ReplicaRoutes routes(*store, memory);
    const MailboxView view = store->view(folder).value();
    std::optional<RecordRow> copy;
    EXPECT_TRUE(each_record(view, view.uids().value(), [&](RecordRow row) { copy = row; }));
    return routes.route(view, *copy)->kind;
  }

  TestStore store{TestStore::On::kMemory};
  UniqueId inbox;
  UniqueId folder;
};

TEST_F(ReplicaRoutesTest, AMessageIsCopiedFromWhereTheReplicaHasIt) {
  ReplicaMailbox known = known_from(store.info(inbox));
  EXPECT_EQ(kind(known), Route::Kind::kCopy);
  known.last_uid = Uid();
  EXPECT_EQ(kind(known), Route::Kind::kInline);
}

// Before a merge that the replica doesn't know of, the uid may have been another message's.
TEST_F(ReplicaRoutesTest, NothingIsCopiedFromAnotherHistory) {
  ReplicaMailbox known = known_from(store.info(inbox));
  known.term = {.epoch = 9, .origin = 9};
  EXPECT_NE(kind(known), Route::Kind::kCopy);
}

}  // namespace
}  // namespace gemel::sync
