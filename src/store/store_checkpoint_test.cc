// Copies of a running store, and the replicas that begin from them.
#include <fstream>
#include <thread>

#include "store/body_pins.h"
#include "store/replica_fixture.h"

namespace gemel {
namespace {

using On = TestStore::On;

const UidSet kAll = UidSet::of(Uid(1), Uid(UINT32_MAX));

class StoreCheckpoint : public StoreTest {
 protected:
  StoreCheckpoint() : copy_path(test_directory()) {}
  ~StoreCheckpoint() override { std::filesystem::remove_all(copy_path); }
  /// Options of a store at the copy.
  MailStore::Options options_of(const std::string& path) const {
    MailStore::Options options = store.options;
    options.path = path + "/index";
    options.partitions = {{"archive", path + "/partition-archive"}};
    return options;
  }
  std::string copy_path;
};
GEMEL_ON_BOTH_ENGINES(StoreCheckpoint);

TEST_P(StoreCheckpoint, TheCopyIsANewReplicaWithAllThatTheStoreHad) {
  const UniqueId inbox = store.inbox();
  const UniqueId far = store.create("Far", "archive");
  const std::string large(kBodyChunkBytes + 7, 'x');
  store.append(inbox, "near");
  store.append(inbox, large);
  store.append(far, "far");
  ASSERT_TRUE(store->channel_put("standby", {{"position", "7"}}));
  ASSERT_TRUE(store->checkpoint(copy_path));
  const Digest digest = store->digest();
  const JournalSeq head = store->journal_head();
  store.append(inbox, "after");

  const auto copy = MailStore::open(options_of(copy_path)).value();
  EXPECT_EQ(copy->digest(), digest);
  EXPECT_EQ(copy->role(), Role::kReplica);
  EXPECT_EQ(copy->term(), store->term());
  EXPECT_NE(copy->origin(), store->origin());
  EXPECT_EQ(copy->channel_get("standby", "position").value(), std::nullopt);
  EXPECT_EQ(copy->journal_head(), head);
  EXPECT_EQ(copy->remove(far).error().code, Code::kReadOnly);
  const MailboxView view = copy->view(inbox).value();
  EXPECT_EQ(view.info().exists, 2u);
  EXPECT_EQ(view.body(Guid{sha256(large)}).value().read_all().value(), large);
  const MailboxView far_view = copy->view(far).value();
  EXPECT_EQ(far_view.body(Guid{sha256("far")}).value().read_all().value(), "far");
  EXPECT_TRUE(copy->verify({})->problems.empty());
}

TEST_P(StoreCheckpoint, ReadingACopyLeavesItASeed) {
  ASSERT_TRUE(store->checkpoint(copy_path));
  MailStore::Options options = options_of(copy_path);
  options.read_only = true;
  {
    const auto copy = MailStore::open(options).value();
    EXPECT_EQ(copy->role(), Role::kReplica);
    EXPECT_EQ(copy->origin(), store->origin());
  }
  options.read_only = false;
  uint64_t origin = 0;
  {
    const auto copy = MailStore::open(options).value();
    origin = copy->origin();
    EXPECT_NE(origin, store->origin());
  }
  EXPECT_EQ(MailStore::open(options).value()->origin(), origin);  // it begins once
}

TEST_P(StoreCheckpoint, ACopyCanBePromotedAndMakesIdsOfItsOwn) {
  ASSERT_TRUE(store->checkpoint(copy_path));
  const auto copy = MailStore::open(options_of(copy_path)).value();
  ASSERT_TRUE(copy->promote());
  EXPECT_GT(copy->term(), store->term());
  const MailboxInfo made = copy->create({.name = {"alice", "New"}}).value();
  EXPECT_EQ(made.id.origin, copy->origin());
  EXPECT_TRUE(copy->verify({})->problems.empty());
}

TEST_P(StoreCheckpoint, ADirectoryThatIsThereIsLeftAlone) {
  ASSERT_TRUE(store->checkpoint(copy_path));
  EXPECT_EQ(store->checkpoint(copy_path).error().code, Code::kExists);
  EXPECT_TRUE(MailStore::open(options_of(copy_path)));
  const std::string other = test_directory();
  ASSERT_TRUE(store.options.opener->make_directory(other + ".part"));
  EXPECT_EQ(store->checkpoint(other).error().code, Code::kExists);
  store.options.opener->remove(other + ".part");
  EXPECT_TRUE(store->checkpoint(other));
  store.options.opener->remove(other);
}

TEST_P(StoreCheckpoint, AStoreOpenToReadOnlyMakesNone) {
  store.options.read_only = true;
  store.open();
  EXPECT_EQ(store->checkpoint(copy_path).error().code, Code::kReadOnly);
}

TEST_P(StoreCheckpoint, UnderLoadTheCopyIsSound) {
  const UniqueId inbox = store.inbox();
  const UniqueId far = store.create("Far", "archive");
  std::vector<std::jthread> writers;
  std::atomic<bool> done = false;
  for (const UniqueId& id : {inbox, far})
    writers.emplace_back([&, id] {
      for (int i = 0; !done.load() && i < 5000; ++i) {
        store.append(id, "body " + std::to_string(i));
        if (i % 3 == 0) EXPECT_TRUE(store->expunge(id, kAll));
        if (i % 5 == 0) EXPECT_TRUE(store->purge_expunged(id, store.info(id).highestmodseq));
      }
    });
  for (int i = 0; i < 3; ++i) {
    const std::string path = copy_path + std::to_string(i);
    ASSERT_TRUE(store->checkpoint(path));
    const auto copy = MailStore::open(options_of(path)).value();
    for (const MailStore::Problem& problem : copy->verify({})->problems)
      ADD_FAILURE() << problem.invariant << " " << problem.where << ": " << problem.what;
  }
  done = true;
  writers.clear();
  for (int i = 0; i < 3; ++i) store.options.opener->remove(copy_path + std::to_string(i));
}

TEST(StoreCheckpointFaults, AFullDiskLeavesNothingBehind) {
  TestStore store(On::kMemory);
  const std::string path = test_directory();
  store.memory.fail_writes(Code::kNoSpace);
  EXPECT_EQ(store->checkpoint(path).error().code, Code::kNoSpace);
  store.memory.fail_writes(std::nullopt);
  EXPECT_TRUE(store->checkpoint(path));
}

TEST(StoreCheckpointFaults, ACrashAnywhereLeavesNoHalfCopy) {
  for (uint64_t writes = 0; writes < 3; ++writes) {
    TestStore store(On::kMemory);
    ASSERT_TRUE(store->create_user("alice", {}));
    const std::string path = test_directory();
    store.memory.crash_after(writes, MemoryOpener::LastWrite::kLost);
    const auto done = store->checkpoint(path);
    store.memory.crash();
    MailStore::Options options = store.options;
    options.path = path + "/index";
    options.partitions = {{"archive", path + "/partition-archive"}};
    options.read_only = true;
    const auto copy = MailStore::open(options);
    EXPECT_EQ(copy.has_value(), done.has_value());
    if (!copy) EXPECT_EQ(copy.error().code, Code::kNotFound);
  }
}

TEST(StoreCheckpointFiles, EachCopyOfACopyIsAServerOfItsOwn) {
  TestStore store(On::kRocksDb);
  ASSERT_TRUE(store->create_user("alice", {}));
  store.append(store.inbox(), "kept");
  const std::string path = test_directory();
  ASSERT_TRUE(store->checkpoint(path));
  std::filesystem::copy(path, path + "_b", std::filesystem::copy_options::recursive);
  std::set<uint64_t> origins = {store->origin()};
  for (const std::string& directory : {path, path + "_b"}) {
    MailStore::Options options = store.options;
    options.path = directory + "/index";
    options.partitions = {{"archive", directory + "/partition-archive"}};
    const auto copy = MailStore::open(options).value();
    EXPECT_TRUE(origins.insert(copy->origin()).second);
    EXPECT_TRUE(copy->verify({})->problems.empty());
  }
  std::filesystem::remove_all(path);
  std::filesystem::remove_all(path + "_b");
}

TEST(StoreCheckpointFiles, APartitionsNameBecomesOneDirectory) {
  TestStore store(On::kMemory);
  store.options.partitions["a/../b c"] = "elsewhere";
  store.open();
  ASSERT_TRUE(store->checkpoint("copy"));
  EXPECT_TRUE(store.memory.open("copy/partition-a%2F..%2Fb%20c", EngineOpener::Mode::kReadOnly));
}

TEST(BodyPins, WhatIsHeldBackIsReleasedWithTheLastHold) {
  BodyPins pins;
  size_t told = 0;
  pins.on_release([&] { ++told; });
  const BodyPlace place{0, {}};
  {
    const std::shared_ptr<void> first = pins.hold_all();
    const std::shared_ptr<void> second = pins.hold_all();
    EXPECT_TRUE(pins.holds_back(place));
    EXPECT_FALSE(pins.any_released());
  }
  EXPECT_FALSE(pins.holds_back(place));
  EXPECT_EQ(told, 1u);
  EXPECT_EQ(pins.take_released(), std::vector<BodyPlace>{place});
}

}  // namespace
}  // namespace gemel
