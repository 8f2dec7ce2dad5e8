#include "store/engine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

namespace gemel {
namespace {

using Mode = EngineOpener::Mode;
using Durability = Engine::Durability;

std::string fresh_directory() {
  static int count = 0;
  std::string path = testing::TempDir() + "gemel_engine_" + std::to_string(::getpid()) + "_" +
                     std::to_string(count++);
  std::filesystem::remove_all(path);
  return path;
}

EngineBatch puts(const std::vector<std::pair<std::string, std::string>>& rows) {
  EngineBatch batch;
  for (const auto& [key, value] : rows) batch.push_back({Table::kIndex, key, value});
  return batch;
}

std::string keys_of(EngineCursor& cursor) {
  std::string out;
  for (; cursor.valid(); cursor.next()) out += std::string(cursor.key()) + " ";
  EXPECT_TRUE(cursor.status());
  return out;
}

class EngineTest : public testing::TestWithParam<bool> {
 protected:
  EngineTest() : path_(fresh_directory()) { open(); }
  ~EngineTest() override { std::filesystem::remove_all(path_); }
  void open() { engine_ = opener().open(path_, Mode::kCreate).value(); }
  EngineOpener& opener() {
    if (GetParam()) return rocksdb_opener();
    return memory_;
  }
  MemoryOpener memory_;
  std::string path_;
  std::shared_ptr<Engine> engine_;
};

TEST_P(EngineTest, ABatchIsReadBackAcrossAReopen) {
  ASSERT_TRUE(engine_->write(puts({{"a", "1"}, {"b", "2"}}), Durability::kSynced));
  engine_.reset();
  open();
  EXPECT_EQ(engine_->get(Table::kIndex, "a").value(), "1");
  EXPECT_EQ(engine_->get(Table::kIndex, "b").value(), "2");
  EXPECT_EQ(engine_->get(Table::kBody, "a").value(), std::nullopt);
}

TEST_P(EngineTest, ASnapshotKeepsWhatWasThere) {
  ASSERT_TRUE(engine_->write(puts({{"a", "1"}, {"b", "1"}}), Durability::kLazy));
  const auto snapshot = engine_->snapshot();
  ASSERT_TRUE(engine_->write({{Table::kIndex, "a", std::nullopt}, {Table::kIndex, "b", "2"}},
                             Durability::kSynced));
  ASSERT_TRUE(engine_->write(puts({{"c", "3"}}), Durability::kSynced));
  EXPECT_EQ(engine_->get(Table::kIndex, "a", snapshot.get()).value(), "1");
  EXPECT_EQ(engine_->get(Table::kIndex, "a").value(), std::nullopt);
  EXPECT_EQ(keys_of(*engine_->scan(Table::kIndex, "a", "z", snapshot.get())), "a b ");
  EXPECT_EQ(keys_of(*engine_->scan(Table::kIndex, "a", "z")), "b c ");
}

TEST_P(EngineTest, AScanStopsBeforeItsUpperKey) {
  ASSERT_TRUE(engine_->write(puts({{"a", ""}, {"b", ""}, {"c", ""}}), Durability::kSynced));
  EXPECT_EQ(keys_of(*engine_->scan(Table::kIndex, "a", "c")), "a b ");
  EXPECT_EQ(keys_of(*engine_->scan(Table::kIndex, "aa", "b")), "");
}

TEST_P(EngineTest, AKeyWrittenOnceCanBeDeletedAndPutAgain) {
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(engine_->write({{Table::kIndex, "k", "v", true}}, Durability::kSynced));
    EXPECT_EQ(engine_->get(Table::kIndex, "k").value(), "v");
    ASSERT_TRUE(engine_->write({{Table::kIndex, "k", std::nullopt, true}}, Durability::kSynced));
    EXPECT_EQ(engine_->get(Table::kIndex, "k").value(), std::nullopt);
  }
}

TEST_P(EngineTest, ASecondOpenIsBusyAndAReaderNeedsAStore) {
  EXPECT_EQ(opener().open(path_, Mode::kCreate).error().code, Code::kBusy);
  EXPECT_EQ(opener().open(path_ + "_missing", Mode::kReadOnly).error().code, Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path_ + "_missing"));
}

TEST_P(EngineTest, AReaderReadsAStoppedStoreAndCannotWrite) {
  ASSERT_TRUE(engine_->write(puts({{"a", "1"}}), Durability::kSynced));
  engine_.reset();
  const auto reader = opener().open(path_, Mode::kReadOnly).value();
  EXPECT_EQ(reader->get(Table::kIndex, "a").value(), "1");
  EXPECT_FALSE(reader->write(puts({{"a", "2"}}), Durability::kSynced));
}

INSTANTIATE_TEST_SUITE_P(Both, EngineTest, testing::Bool(),
                         [](const auto& param) { return param.param ? "RocksDb" : "Memory"; });

TEST(MemoryEngine, ACrashForgetsWhatWasNotSyncedAndKillsOpenEngines) {
  MemoryOpener opener;
  const auto engine = opener.open("x", Mode::kCreate).value();
  ASSERT_TRUE(engine->write(puts({{"a", "1"}, {"gone", "1"}}), Durability::kLazy));
  ASSERT_TRUE(engine->write(puts({{"b", "1"}}), Durability::kSynced));
  ASSERT_TRUE(engine->write({{Table::kIndex, "gone", std::nullopt}, {Table::kIndex, "a", "2"}},
                            Durability::kLazy));
  opener.crash();
  EXPECT_EQ(engine->get(Table::kIndex, "a").error().code, Code::kIo);
  EXPECT_FALSE(engine->write(puts({{"c", "1"}}), Durability::kSynced));
  const auto after = opener.open("x", Mode::kCreate).value();
  EXPECT_EQ(after->get(Table::kIndex, "a").value(), "1");
  EXPECT_EQ(after->get(Table::kIndex, "b").value(), "1");
  EXPECT_EQ(after->get(Table::kIndex, "gone").value(), "1");
}

TEST(MemoryEngine, WritesFailAsToldUntilToldOtherwise) {
  MemoryOpener opener;
  const auto engine = opener.open("x", Mode::kCreate).value();
  opener.fail_writes(Code::kNoSpace);
  EXPECT_EQ(engine->write(puts({{"a", "1"}}), Durability::kSynced).error().code, Code::kNoSpace);
  EXPECT_EQ(engine->free_bytes().value(), 0u);
  opener.fail_writes(std::nullopt);
  EXPECT_TRUE(engine->write(puts({{"a", "1"}}), Durability::kSynced));
}

}  // namespace
}  // namespace gemel
