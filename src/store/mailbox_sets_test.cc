#include "store/mailbox_sets.h"

#include "base/random.h"
#include "store/partitions.h"
#include "store/store_fixture.h"

namespace gemel {
namespace {

constexpr auto kSeen = static_cast<size_t>(SystemFlag::kSeen);

/// What uids() and uids_with() must give, by reading every page.
void expect_as_scanned(const MailboxView& view) {
  UidSet live;
  UidSet seen;
  const std::vector<RecordState> all = view.states(all_uids()).value();
  for (const RecordState& state : all) {
    live.add(state.uid);
    if (state.flags.has(SystemFlag::kSeen)) seen.add(state.uid);
  }
  EXPECT_EQ(view.uids().value().text(), live.text());
  EXPECT_EQ(view.uids_with(kSeen).value().text(), seen.text());
}

/// Of a store that is closed.
SnapshotReader rows_of(TestStore& store) {
  return SnapshotReader(store.memory.open(store.options.path, EngineOpener::Mode::kCreate).value());
}

TEST(MailboxSets, AreAsTheScanOfEachMomentWhateverHappensBetween) {
  TestStore store(TestStore::On::kMemory);
  ASSERT_TRUE(store->create_user("alice", {}));
  const UniqueId inbox = store.inbox();
  SeededRandom random(7);
  store.append_many(inbox, 600);
  for (int step = 0; step < 200; ++step) {
    SCOPED_TRACE(step);
    const MailboxView before = store->view(inbox).value();
    const Uid first(1 + static_cast<uint32_t>(random.u64() % 600));
    const UidSet some =
        UidSet::of(first, Uid(first.value + static_cast<uint32_t>(random.u64() % 9)));
    switch (random.u64() % 4) {
      case 0:
        ASSERT_TRUE(store->store_flags(inbox, some, FlagOp::kAdd, flag_names({"\\Seen"})));
        break;
      case 1:
        ASSERT_TRUE(store->store_flags(inbox, some, FlagOp::kRemove, flag_names({"\\Seen"})));
        break;
      case 2:
        ASSERT_TRUE(store->expunge(inbox, some));
        break;
      default:
        store.append_many(inbox, 2, flag_names({"\\Seen"}));
    }
    if (step % 3 != 0) expect_as_scanned(store->view(inbox).value());
    expect_as_scanned(before);  // an older moment, once the later one is known
  }
}

TEST(MailboxSets, AreKeptUntilTheMailboxChanges) {
  TestStore store(TestStore::On::kMemory);
  ASSERT_TRUE(store->create_user("alice", {}));
  const UniqueId inbox = store.inbox();
  store.append_many(inbox, 3);
  MailboxSets sets;
  const auto get = [&] {
    const MailboxInfo info = store.info(inbox);
    store.store.reset();
    auto found = sets.get(rows_of(store), info).value();
    store.open();
    return found;
  };
  const auto first = get();
  EXPECT_EQ(get(), first);
  ASSERT_TRUE(
      store->store_flags(inbox, UidSet::of(Uid(2), Uid(2)), FlagOp::kAdd, flag_names({"\\Seen"})));
  EXPECT_EQ(get()->seen.text(), "2");
  // A ground that is not to be trusted is read anew, and gives the same here.
  sets.distrust(inbox, store->find(inbox)->highestmodseq);
  ASSERT_TRUE(store->expunge(inbox, UidSet::of(Uid(2), Uid(2))));
  EXPECT_EQ(get()->live.text(), "1,3");
}

TEST(MailboxSets, TakeNoMoreThanTheirBytes) {
  TestStore store(TestStore::On::kMemory);
  store.store.reset();
  const SnapshotReader rows = rows_of(store);
  MailboxSets sets;
  MailboxInfo info;
  info.highestmodseq = ModSeq(1);
  const auto get = [&](uint64_t number) {
    info.id = {.origin = 1, .number = number};
    return sets.get(rows, info).value();
  };
  const auto first = get(0);
  EXPECT_EQ(get(0), first);
  for (uint64_t number = 1; number < MailboxSets::kBytesMax / 256 + 1; ++number) get(number);
  EXPECT_NE(get(0), first);
}

}  // namespace
}  // namespace gemel
