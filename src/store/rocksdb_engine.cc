// The engine on RocksDB: the only file that includes it.
//
// Both tables are column families of one database, so that one batch changes both. Never disable
// the WAL (only it keeps two families in step), never call RepairDB (it destroys blob files), and
// leave recycle_log_file_num at 0.
#include "store/rocksdb_engine.h"

#include <isa-l/crc.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/utilities/debug.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_batch.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>

#include "base/log.h"
#include "store/engine.h"

// RocksDB's own checksum of log records and blobs, which its package builds for any CPU, by table:
// a fifth of a busy server's time. Its library calls this one instead, since the executable's
// symbols come first (doc/decisions/0055). It must give what the files of both have: CRC-32C, on
// from `crc`.
namespace rocksdb::crc32c {
uint32_t Extend(uint32_t crc, const char* data, size_t size);

uint32_t Extend(uint32_t crc, const char* data, size_t size) {
  constexpr size_t kPiece = size_t{1} << 30;  // ISA-L takes an int
  crc = ~crc;
  for (size_t at = 0; at < size; at += kPiece) {
    // It only reads; its declaration has no const.
    auto* piece = reinterpret_cast<unsigned char*>(const_cast<char*>(data + at));
    crc = crc32_iscsi(piece, static_cast<int>(std::min(kPiece, size - at)), crc);
  }
  return ~crc;
}
}  // namespace rocksdb::crc32c

namespace gemel {
namespace {

constexpr size_t kBlockCacheBytes = 64U << 20;
constexpr size_t kWriteBufferBytes = 32U << 20;
constexpr uint64_t kWalBytesMax = 256U << 20;
// Of the write buffer: 10 bits for each of its rows, so that a row that is not there is not looked
// for.
constexpr double kMemtableBloomRatio = 0.015;
// Places in a memory table of the index that are remembered, 250 bytes each.
constexpr size_t kPlaces = 4096;
constexpr uint64_t kBlobBytesMin = 1024;
constexpr uint64_t kBlobFileBytes = 64U << 20;
// Of what counts in the blob files, about so much is written anew in one turn of reclaim().
constexpr uint64_t kReclaimBytesMax = 1U << 30;
// With one deletion among so many rows, tables are merged, for only that tells what is garbage.
constexpr uint64_t kRowsForADeletion = 8;
constexpr int kFilesOpenMax = 512;
// A file with this many deletions among so many keys is compacted soon: ranges of deleted keys slow
// every scan across them.
constexpr size_t kDeletionWindow = 4096;
constexpr size_t kDeletionTrigger = 1024;

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

Error error_of(const rocksdb::Status& status) {
  Code code = Code::kIo;
  if (status.IsNoSpace()) code = Code::kNoSpace;
  if (status.IsCorruption() || status.IsPathNotFound()) code = Code::kCorrupt;
  std::string text = status.ToString();
  if (status.IsIOError() && text.find("lock") != std::string::npos) code = Code::kBusy;
  for (char& c : text)
    if (c == '\n') c = ' ';
  return {code, std::move(text)};
}

/// How much of a row's key the next rows near it have in common: those of one mailbox, of one user,
/// or the versions of one row. 0: none come near it.
size_t common_bytes(std::string_view key) {
  constexpr size_t kMailbox = 1 + 16;
  switch (key.front()) {
    case 'r':  // the next uid, the next modseq
    case 's':
    case 'f':
      return std::min(kMailbox, key.size());
    case 'j':  // the next number
      return 1;
    case 'i':  // one of the user's slots of remembered deliveries
    case 'k':  // the user's next modseq
      return std::min(key.find('\0'), key.size());
    case 'l':  // by hashes
    case 'z':
    case 'g':
    case 'x':
    case 'y':
    case 'h':
      return 0;
    default:  // written again and again
      return key.size();
  }
}

/// Tells a memory table which rows come near each other: it begins to look for the place of one
/// where the last one of them is, not at the top. That there are few places, by hash, bounds what
/// they take; where two kinds of rows share one, the table looks further.
class NearRows final : public rocksdb::SliceTransform {
 public:
  NearRows() {
    for (size_t i = 0; i < kPlaces; ++i) names_[i] = static_cast<uint16_t>(i);
  }
  const char* Name() const override { return "gemel.NearRows"; }
  bool InDomain(const rocksdb::Slice& key) const override {
    return !key.empty() && common_bytes(view(key)) > 0;
  }
  /// The name of a place; RocksDB keeps the slice, so it is of ours.
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    const std::string_view common = view(key).substr(0, common_bytes(view(key)));
    const uint16_t& name = names_[std::hash<std::string_view>()(common) % kPlaces];
    return {reinterpret_cast<const char*>(&name), sizeof name};
  }

 private:
  std::array<uint16_t, kPlaces> names_;
};

rocksdb::DBOptions database_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_total_wal_size = kWalBytesMax;
  // Else a log stays for its rows, which fill their memory table more slowly than bodies do, when
  // its bodies are in blob files, and disks have these twice.
  options.atomic_flush = true;
  options.max_open_files = kFilesOpenMax;
  options.track_and_verify_wals_in_manifest = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.keep_log_file_num = 4;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.max_background_jobs = 2;
  return options;
}

rocksdb::ColumnFamilyOptions family_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kLZ4Compression;
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = kMemtableBloomRatio;
  options.write_buffer_size = kWriteBufferBytes;
  return options;
}

rocksdb::ColumnFamilyOptions index_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options = family_options(cache);
  options.memtable_insert_with_hint_prefix_extractor = std::make_shared<NearRows>();
  options.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(kDeletionWindow, kDeletionTrigger));
  return options;
}

rocksdb::ColumnFamilyOptions body_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options = family_options(cache);
  options.enable_blob_files = true;
  options.min_blob_size = kBlobBytesMin;
  options.blob_file_size = kBlobFileBytes;
  options.blob_compression_type = rocksdb::kNoCompression;  // they are packed already
  // Else each compaction would write a quarter of all bodies anew, whether or not there is garbage:
  // see reclaim().
  options.enable_blob_garbage_collection = false;
  return options;
}

/// An open database with its families; closed when the last user goes.
struct Database {
  std::unique_ptr<rocksdb::DB> db;
  std::array<rocksdb::ColumnFamilyHandle*, 2> families{};

  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() {
    if (!db) return;
    for (rocksdb::ColumnFamilyHandle* family : families) db->DestroyColumnFamilyHandle(family);
    if (const rocksdb::Status status = db->Close(); !status.ok())
      log::warn("store close error=\"{}\"", status.ToString());
  }
  rocksdb::ColumnFamilyHandle* family(Table table) const {
    return families[static_cast<size_t>(table)];
  }
};

uint64_t live_bytes(const rocksdb::BlobMetaData& file) {
  return file.total_blob_bytes - file.garbage_blob_bytes;
}

/// Of `files`, the oldest first, how many to reclaim next. RocksDB can only begin with the oldest,
/// so it is those up to the file with which the most is won: garbage, less what counts and has to
/// be written anew. All tables have to be too, for they name them. Of these files as many as have
/// `bytes_max`, at least one. 0: it is not worth it.
size_t files_to_reclaim(const std::vector<rocksdb::BlobMetaData>& files, uint64_t table_bytes,
                        uint64_t bytes_max) {
  size_t fitting = 0;
  size_t worth_it = 0;
  uint64_t live = 0;
  int64_t won = 0;
  auto won_most = static_cast<int64_t>(table_bytes);
  for (size_t i = 0; i < files.size(); ++i) {
    live += live_bytes(files[i]);
    won += static_cast<int64_t>(files[i].garbage_blob_bytes) -
           static_cast<int64_t>(live_bytes(files[i]));
    if (i == 0 || live <= bytes_max) fitting = i + 1;
    if (won > won_most) worth_it = i + 1;
    won_most = std::max(won_most, won);
  }
  return std::min(fitting, worth_it);
}

/// Whether so many rows are deletions that what they deleted is not known for garbage yet.
bool hides_garbage(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                   const rocksdb::ColumnFamilyMetaData& tables) {
  uint64_t rows = 0;
  uint64_t deletions = 0;
  db.GetIntProperty(family, rocksdb::DB::Properties::kNumEntriesActiveMemTable, &rows);
  db.GetIntProperty(family, rocksdb::DB::Properties::kNumDeletesActiveMemTable, &deletions);
  for (const rocksdb::LevelMetaData& level : tables.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      rows += file.num_entries;
      deletions += file.num_deletions;
    }
  }
  return deletions > 0 && deletions * kRowsForADeletion >= rows;
}

/// As RocksDB's own lists of versions number them (db/dbformat.h: ValueType).
bool is_deletion(int type) {
  constexpr int kDeletion = 0;
  constexpr int kSingleDeletion = 7;
  return type == kDeletion || type == kSingleDeletion;
}

class RocksSnapshot final : public EngineSnapshot {
 public:
  explicit RocksSnapshot(std::shared_ptr<const Database> database)
      : database_(std::move(database)), snapshot_(database_->db->GetSnapshot()) {}
  ~RocksSnapshot() override { database_->db->ReleaseSnapshot(snapshot_); }
  const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  std::shared_ptr<const Database> database_;
  const rocksdb::Snapshot* snapshot_;
};

rocksdb::ReadOptions read_options(const EngineSnapshot* snapshot) {
  rocksdb::ReadOptions options;
  if (snapshot != nullptr) options.snapshot = static_cast<const RocksSnapshot&>(*snapshot).get();
  return options;
}

class RocksCursor final : public EngineCursor {
 public:
  RocksCursor(std::shared_ptr<const Database> database, Table table, const std::string& lower,
              std::string upper, const EngineSnapshot* snapshot)
      : database_(std::move(database)), upper_(std::move(upper)), upper_slice_(slice(upper_)) {
    rocksdb::ReadOptions options = read_options(snapshot);
    options.iterate_upper_bound = &upper_slice_;
    iterator_.reset(database_->db->NewIterator(options, database_->family(table)));
    iterator_->Seek(slice(lower));
  }
  bool valid() const override { return iterator_->Valid(); }
  std::string_view key() const override { return view(iterator_->key()); }
  std::string_view value() const override { return view(iterator_->value()); }
  void next() override { iterator_->Next(); }
  Result<void> status() const override {
    if (const rocksdb::Status status = iterator_->status(); !status.ok())
      return std::unexpected(error_of(status));
    return {};
  }

 private:
  std::shared_ptr<const Database> database_;
  std::string upper_;
  rocksdb::Slice upper_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

class RocksEngine final : public Engine {
 public:
  RocksEngine(std::shared_ptr<Database> database, std::string path)
      : database_(std::move(database)), path_(std::move(path)) {}

  Result<std::optional<std::string>> get(Table table, std::string_view key,
                                         const EngineSnapshot* snapshot) const override {
    std::string value;
    const rocksdb::Status status =
        database_->db->Get(read_options(snapshot), database_->family(table), slice(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return std::unexpected(error_of(status));
    return value;
  }

  std::unique_ptr<EngineCursor> scan(Table table, std::string lower, std::string upper,
                                     const EngineSnapshot* snapshot) const override {
    return std::make_unique<RocksCursor>(database_, table, lower, std::move(upper), snapshot);
  }

  // Each version of a key comes by itself, the newest first, and so do deletions.
  Result<std::vector<std::string>> keys(Table table, const std::string& lower,
                                        size_t count_max) const override {
    std::vector<std::string> out;
    std::string from = lower;
    std::string last;
    while (out.size() < count_max) {
      std::vector<rocksdb::KeyVersion> versions;
      const rocksdb::Status status = rocksdb::GetAllKeyVersions(
          database_->db.get(), database_->family(table), slice(from), {}, count_max, &versions);
      if (!status.ok()) return std::unexpected(error_of(status));
      for (const rocksdb::KeyVersion& version : versions) {
        if (version.user_key == last && !last.empty()) continue;
        last = version.user_key;
        if (!is_deletion(version.type)) out.push_back(last);
      }
      if (versions.size() < count_max) break;
      from = last + '\0';
    }
    if (out.size() > count_max) out.resize(count_max);
    return out;
  }

  std::shared_ptr<const EngineSnapshot> snapshot() const override {
    return std::make_shared<RocksSnapshot>(database_);
  }

  Result<void> write(const EngineBatch& batch, Durability durability) override {
    if (full_.load()) {  // after a full disk the database takes no write until it is resumed
      if (const rocksdb::Status status = database_->db->Resume(); !status.ok())
        return std::unexpected(Error{Code::kNoSpace, "the disk was full: " + status.ToString()});
      full_.store(false);
    }
    rocksdb::WriteBatch rows;
    if (const rocksdb::Status status = fill(rows, batch); !status.ok())
      return std::unexpected(error_of(status));
    rocksdb::WriteOptions options;
    options.sync = durability == Durability::kSynced;
    const rocksdb::Status status = database_->db->Write(options, &rows);
    if (status.ok()) return {};
    if (status.IsNoSpace()) full_.store(true);
    return std::unexpected(error_of(status));
  }

  // The memory tables are flushed, so that the copy has short logs; all other files are linked.
  Result<void> checkpoint(const std::string& directory) override {
    if (database_->db->GetEnv()->FileExists(directory).ok())
      return fail(Code::kExists, directory + " is there");
    rocksdb::Checkpoint* raw = nullptr;
    rocksdb::Status status = rocksdb::Checkpoint::Create(database_->db.get(), &raw);
    const std::unique_ptr<rocksdb::Checkpoint> maker(raw);
    if (status.ok()) status = maker->CreateCheckpoint(directory, 0);
    if (!status.ok()) return std::unexpected(error_of(status));
    return {};
  }

  Result<void> reclaim(std::atomic<bool>& stop) override {
    rocksdb::ColumnFamilyMetaData tables = body_tables();
    if (hides_garbage(*database_->db, database_->family(Table::kBody), tables)) {
      TRY_OK(rewrite_tables(stop, 0));
      tables = body_tables();
    }
    while (!stop.load()) {
      // What is written anew is there twice for a while.
      TRY(const uint64_t free, free_bytes());
      const std::vector<rocksdb::BlobMetaData>& files = tables.blob_files;
      const size_t count =
          files_to_reclaim(files, tables.size, std::min(kReclaimBytesMax, free / 2));
      if (count == 0) break;
      if (live_bytes(files.front()) + tables.size > free / 2)
        return fail(Code::kNoSpace, "the disk is too full to give back room of freed bodies");
      const uint64_t oldest = files.front().blob_file_number;
      // RocksDB rounds the share of the files down to a number of them.
      TRY_OK(rewrite_tables(
          stop, (static_cast<double>(count) + 0.5) / static_cast<double>(files.size())));
      tables = body_tables();
      // A snapshot may still need them: the next call has them.
      if (!tables.blob_files.empty() && tables.blob_files.front().blob_file_number == oldest) break;
    }
    return {};
  }

  Result<uint64_t> free_bytes() const override {
    struct statvfs disk{};
    if (::statvfs(path_.c_str(), &disk) != 0) return fail(Code::kIo, "statvfs fails on " + path_);
    return uint64_t{disk.f_bavail} * disk.f_frsize;
  }

 private:
  rocksdb::Status fill(rocksdb::WriteBatch& rows, const EngineBatch& batch) const {
    for (const EngineWrite& write : batch) {
      rocksdb::ColumnFamilyHandle* family = database_->family(write.table);
      rocksdb::Status status;
      if (write.value)
        status = rows.Put(family, slice(write.key), slice(*write.value));
      else if (write.written_once)
        status = rows.SingleDelete(family, slice(write.key));
      else
        status = rows.Delete(family, slice(write.key));
      if (!status.ok()) return status;
    }
    return rocksdb::Status::OK();
  }

  /// Blob files: the oldest first.
  rocksdb::ColumnFamilyMetaData body_tables() const {
    rocksdb::ColumnFamilyMetaData out;
    database_->db->GetColumnFamilyMetaData(database_->family(Table::kBody), &out);
    std::ranges::sort(out.blob_files, {}, &rocksdb::BlobMetaData::blob_file_number);
    return out;
  }

  /// Merges all tables of bodies; what they have in the oldest `share` of the blob files is written
  /// to new ones.
  Result<void> rewrite_tables(std::atomic<bool>& stop, double share) {
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;  // deliveries need the other compactions
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    options.blob_garbage_collection_policy = share > 0
                                                 ? rocksdb::BlobGarbageCollectionPolicy::kForce
                                                 : rocksdb::BlobGarbageCollectionPolicy::kDisable;
    options.blob_garbage_collection_age_cutoff = std::min(share, 1.0);
    options.canceled = &stop;
    const rocksdb::Status status =
        database_->db->CompactRange(options, database_->family(Table::kBody), nullptr, nullptr);
    if (status.ok() || status.IsIncomplete() || stop.load()) return {};
    return std::unexpected(error_of(status));
  }

  std::shared_ptr<Database> database_;
  std::string path_;
  std::atomic<bool> full_ = false;
};

class RocksOpener final : public EngineOpener {
 public:
  /// Null: the machine's own.
  explicit RocksOpener(std::shared_ptr<rocksdb::FileSystem> file_system = nullptr) {
    if (file_system) env_ = rocksdb::NewCompositeEnv(std::move(file_system));
  }
  Result<std::shared_ptr<Engine>> open(const std::string& path, Mode mode) override {
    std::error_code error;
    const bool exists = std::filesystem::exists(path + "/CURRENT", error);
    if (mode == Mode::kReadOnly && !exists) return fail(Code::kNotFound, "no store at " + path);
    if (mode == Mode::kCreate) {
      std::filesystem::create_directories(path, error);
      if (error) return fail(Code::kIo, "can't make " + path + ": " + error.message());
    }
    const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(kBlockCacheBytes);
    const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
        {rocksdb::kDefaultColumnFamilyName, index_options(cache)}, {"body", body_options(cache)}};
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* raw = nullptr;
    rocksdb::DBOptions options = database_options();
    if (env_) options.env = env_.get();
    const rocksdb::Status status =
        mode == Mode::kReadOnly
            ? rocksdb::DB::OpenForReadOnly(options, path, families, &handles, &raw)
            : rocksdb::DB::Open(options, path, families, &handles, &raw);
    if (!status.ok()) return std::unexpected(error_of(status));
    auto database = std::make_shared<Database>();
    database->db.reset(raw);
    std::ranges::copy(handles, database->families.begin());
    return std::make_shared<RocksEngine>(std::move(database), path);
  }

  Result<void> make_directory(const std::string& path) override {
    if (env().FileExists(path).ok()) return fail(Code::kExists, path + " is there");
    return as_result(env().CreateDir(path));
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    TRY_OK(sync_directory(from));
    TRY_OK(as_result(env().RenameFile(from, to)));
    return sync_directory(std::filesystem::path(to).parent_path());
  }

  void remove(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) log::warn("not removed path=\"{}\" error=\"{}\"", path, error.message());
  }

 private:
  rocksdb::Env& env() const { return env_ ? *env_ : *rocksdb::Env::Default(); }
  static Result<void> as_result(const rocksdb::Status& status) {
    if (!status.ok()) return std::unexpected(error_of(status));
    return {};
  }
  Result<void> sync_directory(const std::filesystem::path& path) const {
    std::unique_ptr<rocksdb::Directory> directory;
    TRY_OK(as_result(env().NewDirectory(path.empty() ? "." : path.string(), &directory)));
    return as_result(directory->Fsync());
  }

  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace

EngineOpener& rocksdb_opener() {
  static RocksOpener opener;
  return opener;
}

std::unique_ptr<EngineOpener> rocksdb_opener_on(std::shared_ptr<rocksdb::FileSystem> file_system) {
  return std::make_unique<RocksOpener>(std::move(file_system));
}

}  // namespace gemel
