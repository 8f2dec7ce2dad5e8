// What the store needs of a key-value engine: ordered keys, atomic batches, snapshots, sync.
// RocksDB is the real one; the one in memory forgets, in a simulated crash, what was not synced.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gemel {

/// Two key spaces: small rows, and bodies (large values kept apart from the index).
enum class Table : uint8_t { kIndex, kBody };

class EngineSnapshot {
 public:
  virtual ~EngineSnapshot() = default;
};

struct EngineWrite {
  Table table = Table::kIndex;
  std::string key;
  std::optional<std::string> value;  // nullopt deletes
  bool written_once = false;         // the key is put once and deleted once (allows SingleDelete)
};
using EngineBatch = std::vector<EngineWrite>;

/// Walks keys upwards from where it was opened, up to its end. One thread; short-lived.
class EngineCursor {
 public:
  virtual ~EngineCursor() = default;
  virtual bool valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual void next() = 0;
  virtual Result<void> status() const = 0;  // after valid() is false: the end, or kIo
};

/// Any thread, for every call.
class Engine {
 public:
  virtual ~Engine() = default;
  /// A null snapshot reads the newest.
  virtual Result<std::optional<std::string>> get(
      Table table, std::string_view key, const EngineSnapshot* snapshot = nullptr) const = 0;
  /// Keys in [lower, upper). The snapshot must outlive the cursor.
  virtual std::unique_ptr<EngineCursor> scan(Table table, std::string lower, std::string upper,
                                             const EngineSnapshot* snapshot = nullptr) const = 0;
  /// At most `count_max` keys from `lower` on, of now, ascending, without reading large values:
  /// what rots in them doesn't matter. Errors: kCorrupt, kIo.
  virtual Result<std::vector<std::string>> keys(Table table, const std::string& lower,
                                                size_t count_max) const = 0;
  virtual std::shared_ptr<const EngineSnapshot> snapshot() const = 0;
  /// All or nothing. kSynced: durable when it returns, with all writes before it. Errors: kNoSpace
  /// (may work again later), kIo (no write will work until reopened).
  enum class Durability : uint8_t { kSynced, kLazy };
  virtual Result<void> write(const EngineBatch& batch, Durability durability) = 0;
  /// Makes `directory`, an engine that nobody has open, with all that was durable when it was
  /// called; on disk when it returns, but for the entry in the directory above, which must be
  /// there. Errors: kExists, kNoSpace, kIo.
  virtual Result<void> checkpoint(const std::string& directory) = 0;
  /// Gives the disk the room of large values that were deleted, as soon as more is won than has to
  /// be written anew for it. Blocks, for as long as that takes; calls on other threads go on. Ends
  /// early, with what is done so far, when `stop` is set. Errors: kNoSpace, there is no room for
  /// what is written before the old goes; kIo.
  virtual Result<void> reclaim(std::atomic<bool>& stop) = 0;
  /// Bytes that may still be written to its disk.
  virtual Result<uint64_t> free_bytes() const = 0;
};

using EnginesByName = std::map<std::string, std::shared_ptr<Engine>, std::less<>>;

class EngineOpener {
 public:
  virtual ~EngineOpener() = default;
  enum class Mode : uint8_t { kCreate, kReadOnly };
  /// Errors: kBusy, another process has it; kNotFound (kReadOnly only), kCorrupt, kIo.
  virtual Result<std::shared_ptr<Engine>> open(const std::string& path, Mode mode) = 0;

  // Directories with engines in them.
  /// Errors: kExists, something of that name is there; kIo.
  virtual Result<void> make_directory(const std::string& path) = 0;
  /// With all that is in it, to `to`, which may be an empty directory; on disk when it returns.
  /// Errors: kIo.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  /// With all that is in it; nothing, if it is not there.
  virtual void remove(const std::string& path) = 0;
};

/// RocksDB 7.8, options as doc/storage-format.md says.
EngineOpener& rocksdb_opener();

/// Stores in memory, by path; reopening a path finds what was there. For tests and simulation.
class MemoryOpener final : public EngineOpener {
 public:
  MemoryOpener();
  ~MemoryOpener() override;
  Result<std::shared_ptr<Engine>> open(const std::string& path, Mode mode) override;
  Result<void> make_directory(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  void remove(const std::string& path) override;
  /// As after a power cut: every path falls back to its last synced state. Engines that were open
  /// fail.
  void crash();
  /// So many more writes work, over all paths; the one after is lost, or written without an answer,
  /// and then nothing works until crash().
  enum class LastWrite : uint8_t { kLost, kWritten };
  void crash_after(uint64_t writes, LastWrite last);
  /// Whether that has happened.
  bool has_crashed() const;
  /// A row of the engine at `path` is another from now on, on the disk too, without a trace: rot.
  void rot(const std::string& path, EngineWrite row);
  /// Writes fail from now on with this code, until nullopt.
  void fail_writes(std::optional<Code> code);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gemel
