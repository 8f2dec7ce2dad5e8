// What only the engine on RocksDB has: room to give back, and a checksum of its own.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <set>
#include <thread>

#include "store/engine.h"

namespace rocksdb::crc32c {
uint32_t Extend(uint32_t crc, const char* data, size_t size);
}

namespace gemel {
namespace {

using Durability = Engine::Durability;

constexpr size_t kValueBytes = 1 << 20;

class RocksDbEngine : public testing::Test {
 protected:
  RocksDbEngine()
      : path_(testing::TempDir() + "gemel_rocksdb_" + std::to_string(::getpid())),
        engine_(rocksdb_opener().open(path_, EngineOpener::Mode::kCreate).value()) {}
  ~RocksDbEngine() override {
    engine_.reset();
    std::filesystem::remove_all(path_);
  }

  void put(int from, int to) {
    for (int i = from; i < to; ++i) {
      std::string value(kValueBytes, '\0');
      for (size_t at = 0; at < value.size(); at += sizeof(uint64_t)) {
        const uint64_t random = random_();
        memcpy(value.data() + at, &random, sizeof random);
      }
      ASSERT_TRUE(engine_->write({{Table::kBody, key(i), std::move(value)}}, Durability::kLazy));
    }
  }
  void erase(int from, int to) {
    for (int i = from; i < to; ++i)
      ASSERT_TRUE(engine_->write({{Table::kBody, key(i), std::nullopt}}, Durability::kLazy));
  }
  void reclaim() {
    std::atomic<bool> stop = false;
    ASSERT_TRUE(engine_->reclaim(stop));
  }
  void expect_there(int from, int to) const {
    for (int i = from; i < to; ++i) {
      const auto value = engine_->get(Table::kBody, key(i));
      ASSERT_TRUE(value && *value) << i;
      EXPECT_EQ((*value)->size(), kValueBytes);
    }
  }
  std::set<std::string> files(std::string_view extension) const {
    std::set<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      if (entry.path().extension() == extension) out.insert(entry.path().filename());
    return out;
  }
  std::set<std::string> blob_files() const { return files(".blob"); }
  uint64_t bytes_of(std::string_view extension) const {
    uint64_t out = 0;
    for (const std::string& name : files(extension)) {
      std::error_code gone;  // since it was listed
      const auto size = std::filesystem::file_size(std::filesystem::path(path_) / name, gone);
      if (!gone) out += size;
    }
    return out;
  }
  // RocksDB deletes files on a thread of its own.
  void expect_at_most(uint64_t bytes, std::string_view extension = ".blob") const {
    constexpr int kTries = 1000;
    for (int i = 0; i < kTries && bytes_of(extension) > bytes; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_LE(bytes_of(extension), bytes);
  }
  // Spread over all tables, as guids are.
  static std::string key(int i) {
    return std::to_string(i * 7919 % 1000) + "/" + std::to_string(i);
  }

  std::string path_;
  std::shared_ptr<Engine> engine_;
  std::mt19937_64 random_{1};
};

TEST_F(RocksDbEngine, ALogGoesWhenItsBodiesAreInFilesThoughItHasRowsToo) {
  ASSERT_TRUE(engine_->write({{Table::kIndex, "row", "value"}}, Durability::kLazy));
  put(0, 100);
  expect_at_most(70 * kValueBytes, ".log");
  expect_there(0, 100);
}

TEST_F(RocksDbEngine, GivesBackTheRoomOfLargeValuesThatWereDeleted) {
  put(0, 100);
  erase(0, 70);
  reclaim();
  expect_at_most(40 * kValueBytes);
  expect_there(70, 100);
}

TEST_F(RocksDbEngine, GivesBackWhatIsDeletedLaterToo) {
  put(0, 100);
  erase(0, 5);
  reclaim();
  erase(5, 90);
  reclaim();
  expect_at_most(20 * kValueBytes);
  expect_there(90, 100);
}

TEST_F(RocksDbEngine, LeavesWhatStaysWhereItIsForALittleGarbage) {
  put(0, 100);
  erase(0, 20);
  reclaim();
  const std::set<std::string> before = blob_files();
  ASSERT_GE(before.size(), 2U);
  put(100, 140);
  erase(100, 110);
  reclaim();
  const std::set<std::string> after = blob_files();
  for (const std::string& name : before) EXPECT_TRUE(after.contains(name)) << name;
  expect_there(20, 100);
  expect_there(110, 140);
}

TEST_F(RocksDbEngine, LeavesAloneWhatLiesBehindAllThatIsWorthIt) {
  put(0, 100);
  for (int i = 0; i < 100; i += 10) erase(i + 1, i + 10);
  const size_t files_with_garbage = blob_files().size();
  put(200, 300);
  const std::set<std::string> before = blob_files();
  ASSERT_GT(before.size(), files_with_garbage);
  reclaim();
  expect_at_most(150 * kValueBytes);
  EXPECT_TRUE(blob_files().contains(*before.rbegin()));
  for (int i = 0; i < 100; i += 10) expect_there(i, i + 1);
  expect_there(200, 300);
}

// The oldest files are full of what stays, and in the way.
TEST_F(RocksDbEngine, GivesBackRoomBehindWhatStays) {
  put(0, 40);
  put(100, 260);
  for (int i = 100; i < 260; i += 10) erase(i + 1, i + 10);
  reclaim();
  expect_at_most(80 * kValueBytes);
  expect_there(0, 40);
  for (int i = 100; i < 260; i += 10) expect_there(i, i + 1);
}

TEST_F(RocksDbEngine, ReclaimsNothingWhenItIsToldToStop) {
  put(0, 100);
  erase(0, 90);
  reclaim();
  put(100, 200);
  erase(100, 190);
  std::atomic<bool> stop = true;
  ASSERT_TRUE(engine_->reclaim(stop));
  EXPECT_GT(bytes_of(".blob"), 60 * kValueBytes);
  reclaim();
  expect_at_most(40 * kValueBytes);
  expect_there(190, 200);
}

// RFC 3720 appendix B.4.
TEST(RocksDbChecksum, IsCrc32c) {
  using rocksdb::crc32c::Extend;
  const std::string zeros(32, '\0');
  const std::string ones(32, '\xff');
  std::string rising;
  for (char c = 0; c < 32; ++c) rising += c;
  EXPECT_EQ(Extend(0, zeros.data(), zeros.size()), 0x8a9136aaU);
  EXPECT_EQ(Extend(0, ones.data(), ones.size()), 0x62a8ab43U);
  EXPECT_EQ(Extend(0, rising.data(), rising.size()), 0x46dd794eU);
  EXPECT_EQ(Extend(Extend(0, rising.data(), 13), rising.data() + 13, rising.size() - 13),
            0x46dd794eU);
  EXPECT_EQ(Extend(5, rising.data(), 0), 5U);
}

// Else the engine would go on with its own, which is right too, and five times slower.
TEST(RocksDbChecksum, IsOursForItsLibraryToo) {
  void* called = dlsym(RTLD_DEFAULT, "_ZN7rocksdb6crc32c6ExtendEjPKcm");
  ASSERT_NE(called, nullptr);
  Dl_info where{};
  ASSERT_NE(dladdr(called, &where), 0);
  EXPECT_EQ(std::string_view(where.dli_fname).find("librocksdb"), std::string_view::npos)
      << where.dli_fname;
}

}  // namespace
}  // namespace gemel
