// Power cuts under load, on RocksDB: a file system that forgets, at the cut, all that was not
// synced.
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <mutex>
#include <set>
#include <thread>

#include "store/rocksdb_engine.h"
#include "store/store_fixture.h"

namespace gemel {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

IOStatus no_power() { return IOStatus::IOError("the power is cut"); }

/// What would be on the disk. Any thread.
class Durable {
 public:
  bool is_cut() const { return cut_.load(); }
  void cut() { cut_.store(true); }

  void created(const std::string& file) {
    const std::lock_guard lock(mutex_);
    synced_bytes_[file] = 0;
    unsynced_entries_.insert(file);
  }
  void renamed(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    synced_bytes_[to] = synced_bytes_[from];
    synced_bytes_.erase(from);
    unsynced_entries_.erase(from);
  }
  void synced(const std::string& file, uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    synced_bytes_[file] = std::max(synced_bytes_[file], bytes);
  }
  void synced_directory(const std::string& directory) {
    const std::lock_guard lock(mutex_);
    std::erase_if(unsynced_entries_, [&](const std::string& file) {
      return std::filesystem::path(file).parent_path() == std::filesystem::path(directory);
    });
  }
  /// What the next start finds; then the power is back.
  void forget_the_rest() {
    const std::lock_guard lock(mutex_);
    for (const auto& [file, bytes] : synced_bytes_) {
      std::error_code gone;
      if (unsynced_entries_.contains(file))
        std::filesystem::remove(file, gone);
      else if (std::filesystem::exists(file, gone) && std::filesystem::file_size(file) > bytes)
        std::filesystem::resize_file(file, bytes);
    }
    synced_bytes_.clear();
    unsynced_entries_.clear();
    cut_.store(false);
  }

 private:
  std::atomic<bool> cut_ = false;
  std::mutex mutex_;
  std::map<std::string, uint64_t> synced_bytes_;
  std::set<std::string> unsynced_entries_;
};

class CutFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  CutFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name,
          std::shared_ptr<Durable> durable)
      : FSWritableFileOwnerWrapper(std::move(file)),
        name_(std::move(name)),
        durable_(std::move(durable)) {}

  using FSWritableFileOwnerWrapper::Append;
  IOStatus Append(const rocksdb::Slice& bytes, const IOOptions& options,
                  IODebugContext* debug) override {
    if (durable_->is_cut()) return no_power();
    size_ += bytes.size();
    return FSWritableFileOwnerWrapper::Append(bytes, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return note(size_.load(), [&] { return FSWritableFileOwnerWrapper::Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return note(size_.load(), [&] { return FSWritableFileOwnerWrapper::Fsync(options, debug); });
  }

 private:
  template <class Sync>
  IOStatus note(uint64_t size, Sync sync) {
    if (durable_->is_cut()) return no_power();
    IOStatus status = sync();
    if (durable_->is_cut()) return no_power();
    if (status.ok()) durable_->synced(name_, size);
    return status;
  }
  std::string name_;
  std::shared_ptr<Durable> durable_;
  std::atomic<uint64_t> size_ = 0;
};

class CutDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  CutDirectory(std::unique_ptr<rocksdb::FSDirectory> directory, std::string name,
               std::shared_ptr<Durable> durable)
      : FSDirectoryWrapper(std::move(directory)),
        name_(std::move(name)),
        durable_(std::move(durable)) {}
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    if (durable_->is_cut()) return no_power();
    IOStatus status = FSDirectoryWrapper::Fsync(options, debug);
    if (status.ok() && !durable_->is_cut()) durable_->synced_directory(name_);
    return status;
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions&) override {
    return Fsync(options, debug);
  }

 private:
  std::string name_;
  std::shared_ptr<Durable> durable_;
};

class CutFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit CutFileSystem(std::shared_ptr<Durable> durable)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), durable_(std::move(durable)) {}
  const char* Name() const override { return "CutFileSystem"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    if (durable_->is_cut()) return no_power();
    IOStatus status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
    if (!status.ok()) return status;
    durable_->created(name);
    *file = std::make_unique<CutFile>(std::move(*file), name, durable_);
    return status;
  }
  IOStatus NewDirectory(const std::string& name, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* directory,
                        IODebugContext* debug) override {
    IOStatus status = FileSystemWrapper::NewDirectory(name, options, directory, debug);
    if (status.ok())
      *directory = std::make_unique<CutDirectory>(std::move(*directory), name, durable_);
    return status;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    if (durable_->is_cut()) return no_power();
    IOStatus status = FileSystemWrapper::RenameFile(from, to, options, debug);
    if (status.ok()) durable_->renamed(from, to);
    return status;
  }
  IOStatus DeleteFile(const std::string& name, const IOOptions& options,
                      IODebugContext* debug) override {
    if (durable_->is_cut()) return no_power();
    return FileSystemWrapper::DeleteFile(name, options, debug);
  }

 private:
  std::shared_ptr<Durable> durable_;
};

constexpr int kWriters = 4;

/// What one client was told before the power went.
struct Told {
  std::map<uint32_t, std::string> bodies;  // by uid
  std::set<uint32_t> seen;
};

/// Delivers, flags and now and then stages a large body, until a write fails.
Told work(TestStore& store, const UniqueId& mailbox, int writer) {
  Told told;
  for (int i = 0;; ++i) {
    std::string body = std::to_string(writer) + " " + std::to_string(i);
    if (i % 16 == 5) body.resize(kBodyChunkBytes + 1000, 'L');
    auto stage = store->stage(i % 3 == 0 ? "archive" : "default");
    if (!stage || !stage->append(body)) return told;
    auto staged = stage->finish();
    if (!staged) return told;
    const auto appended = store->append({{mailbox, std::move(*staged), {}, 1}});
    if (!appended) return told;
    const Uid uid = appended->front().uid;
    told.bodies[uid.value] = std::move(body);
    if (i % 4 != 0) continue;
    const auto stored =
        store->store_flags(mailbox, UidSet::of(uid, uid), FlagOp::kAdd, flag_names({"\\Seen"}));
    if (!stored) return told;
    told.seen.insert(uid.value);
  }
}

void expect_told(TestStore& store, const UniqueId& mailbox, const Told& told) {
  for (const auto& [uid, body] : told.bodies) {
    const auto record = store->view(mailbox)->record(Uid(uid));
    ASSERT_TRUE(record) << "uid " << uid << " was acknowledged";
    EXPECT_EQ(record->facts.guid.bytes, sha256(body));
    if (told.seen.contains(uid)) {
      EXPECT_TRUE(record->state.flags.has(SystemFlag::kSeen));
    }
  }
}

TEST(PowerCut, WhatWasAcknowledgedSurvivesAndTheRestIsWholeOrNotThere) {
  const auto durable = std::make_shared<Durable>();
  const auto opener = rocksdb_opener_on(std::make_shared<CutFileSystem>(durable));
  TestStore store(TestStore::On::kRocksDb);
  store.store.reset();
  std::filesystem::remove_all(store.options.path);
  std::filesystem::remove_all(store.options.partitions["archive"]);
  store.options.opener = opener.get();
  store.open();
  ASSERT_TRUE(store->create_user("alice", {}));
  std::vector<UniqueId> mailboxes;
  for (int writer = 0; writer < kWriters; ++writer)
    mailboxes.push_back(
        store.create("W" + std::to_string(writer), writer % 2 == 0 ? "default" : "archive"));
  for (int round = 0; round < 4; ++round) {
    SCOPED_TRACE(round);
    std::vector<Told> told(kWriters);
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < kWriters; ++writer)
      writers.emplace_back([&, writer] {
        const auto at = static_cast<size_t>(writer);
        told[at] = work(store, mailboxes[at], writer);
      });
    std::this_thread::sleep_for(std::chrono::milliseconds(150 + 70 * round));
    durable->cut();
    writers.clear();
    store.store.reset();
    durable->forget_the_rest();
    store.open();
    for (size_t writer = 0; writer < kWriters; ++writer)
      expect_told(store, mailboxes[writer], told[writer]);
    store.expect_sound();
  }
}

}  // namespace
}  // namespace gemel
