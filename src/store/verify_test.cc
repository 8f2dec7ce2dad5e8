// Verify in steps, while the store goes on.
#include <thread>

#include "store/store_fixture.h"

namespace gemel {
namespace {

using On = TestStore::On;

const UidSet kAll = UidSet::of(Uid(1), Uid(UINT32_MAX));

class Verify : public StoreTest {};
GEMEL_ON_BOTH_ENGINES(Verify);

TEST_P(Verify, TakesManySmallStepsForALargeMailbox) {
  const UniqueId inbox = store.inbox();
  for (int i = 0; i < 4; ++i) store.append_many(inbox, 3000);
  const auto under_way = store->begin_verify({});
  uint64_t steps = 1;
  uint64_t records = 0;
  for (bool more = true; more; ++steps) {
    more = under_way->step().value();
    EXPECT_LE(under_way->report().records - records, 5000u);
    records = under_way->report().records;
  }
  EXPECT_GE(steps, 5u);
  EXPECT_EQ(records, 12'000u);
  EXPECT_EQ(under_way->report().bodies, 3000u);
  EXPECT_EQ(under_way->where(), "done");
  EXPECT_TRUE(under_way->report().problems.empty());
}

TEST_P(Verify, SaysWhereItIs) {
  store.append(store.inbox(), "one");
  const auto under_way = store->begin_verify({});
  EXPECT_EQ(under_way->where(), "mailbox");
  store.create("Other");
  EXPECT_TRUE(under_way->step());
}

TEST_P(Verify, FindsNothingWrongWhileTheStoreIsWrittenTo) {
  const UniqueId inbox = store.inbox();
  const UniqueId far = store.create("Far", "archive");
  const std::string large(kBodyChunkBytes + 1, 'L');
  store.append_many(inbox, 500);
  std::atomic<bool> done = false;
  std::vector<std::jthread> writers;
  for (const UniqueId& id : {inbox, far})
    writers.emplace_back([&, id] {
      for (int i = 0; !done.load() && i < 5000; ++i) {
        store.append(id, i % 20 == 0 ? large + std::to_string(i) : std::to_string(i));
        if (i % 2 == 0)
          EXPECT_TRUE(store->store_flags(id, kAll, FlagOp::kAdd, flag_names({"\\Seen"})));
        if (i % 3 == 0) EXPECT_TRUE(store->expunge(id, UidSet::of(Uid(1), Uid(400))));
        if (i % 5 == 0) EXPECT_TRUE(store->purge_expunged(id, store.info(id).highestmodseq));
        if (i % 7 == 0)
          EXPECT_TRUE(store->set_attributes(
              id, {{"acl/bob", i % 2 == 0 ? std::nullopt : std::optional("lr")}}));
        if (i % 11 == 0) EXPECT_TRUE(store->put_user_items("alice", {{"a", std::to_string(i)}}));
      }
    });
  for (int i = 0; i < 5; ++i) store.expect_sound();
  done = true;
}

}  // namespace
}  // namespace gemel
