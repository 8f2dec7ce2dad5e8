// The engine in memory: every key keeps its versions, so that a snapshot is a number and a crash
// is the removal of all versions above the last synced one.
#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <utility>

#include "store/engine.h"

namespace gemel {
namespace {

struct Version {
  uint64_t sequence;
  std::shared_ptr<const std::string> value;  // null: deleted
};
using Versions = std::vector<Version>;  // ascending by sequence
using Rows = std::map<std::string, Versions, std::less<>>;

const Version* version_at(const Versions& versions, uint64_t sequence) {
  const auto after = std::ranges::upper_bound(versions, sequence, {}, &Version::sequence);
  return after == versions.begin() ? nullptr : &*std::prev(after);
}

/// When the power goes, by count of writes; shared by all paths.
struct Fuse {
  std::atomic<bool> is_blown = false;
  std::mutex mutex;  // guards all below
  std::optional<uint64_t> writes_left;
  MemoryOpener::LastWrite last = MemoryOpener::LastWrite::kLost;

  enum class Verdict : uint8_t { kWrite, kWriteUnanswered, kLose };
  Verdict next_write() {
    const std::lock_guard lock(mutex);
    if (!writes_left) return Verdict::kWrite;
    if (*writes_left > 0) {
      --*writes_left;
      return Verdict::kWrite;
    }
    is_blown = true;
    return last == MemoryOpener::LastWrite::kLost ? Verdict::kLose : Verdict::kWriteUnanswered;
  }
};

/// One path: what a directory is to the real engine. Outlives engines; any thread.
struct Disk {
  mutable std::mutex mutex;  // guards all below
  std::array<Rows, 2> tables;
  uint64_t sequence = 0;
  uint64_t synced = 0;
  uint64_t generation = 0;  // raised by a crash: engines of an older one are dead
  bool locked = false;
  std::optional<Code> fail_code;
  std::shared_ptr<Fuse> fuse;
  mutable std::multiset<uint64_t> snapshots;

  /// The newest of all rows, as if just written.
  std::shared_ptr<Disk> copy() const {
    auto out = std::make_shared<Disk>();
    out->fail_code = fail_code;
    out->fuse = fuse;
    out->sequence = out->synced = 1;
    for (size_t table = 0; table < tables.size(); ++table)
      for (const auto& [key, versions] : tables[table])
        if (versions.back().value) out->tables[table][key] = {{1, versions.back().value}};
    return out;
  }

  bool is_dead(uint64_t of_generation) const {
    return generation != of_generation || fuse->is_blown;
  }

  Rows& rows(Table table) { return tables[static_cast<size_t>(table)]; }
  const Rows& rows(Table table) const { return tables[static_cast<size_t>(table)]; }

  /// The oldest sequence that anyone may still ask for.
  uint64_t oldest_needed() const {
    return snapshots.empty() ? synced : std::min(synced, *snapshots.begin());
  }

  void put(Table table, std::string_view key, std::shared_ptr<const std::string> value) {
    Rows& all = rows(table);
    auto row = all.find(key);
    if (row == all.end()) {
      if (!value) return;
      row = all.emplace(key, Versions{}).first;
    }
    Versions& versions = row->second;
    versions.push_back({sequence, std::move(value)});
    const uint64_t oldest = oldest_needed();
    const auto needed = std::ranges::upper_bound(versions, oldest, {}, &Version::sequence);
    if (needed != versions.begin()) versions.erase(versions.begin(), std::prev(needed));
    if (versions.size() == 1 && !versions.front().value && versions.front().sequence <= oldest)
      all.erase(row);
  }

  void crash() {
    for (Rows& all : tables) {
      for (auto row = all.begin(); row != all.end();) {
        std::erase_if(row->second, [&](const Version& v) { return v.sequence > synced; });
        row = row->second.empty() ? all.erase(row) : std::next(row);
      }
    }
    ++generation;
    sequence = synced;
    locked = false;
  }
};

class MemorySnapshot final : public EngineSnapshot {
 public:
  /// With disk->mutex held.
  explicit MemorySnapshot(std::shared_ptr<const Disk> disk)
      : disk_(std::move(disk)), sequence_(disk_->sequence) {
    disk_->snapshots.insert(sequence_);
  }
  ~MemorySnapshot() override {
    const std::lock_guard lock(disk_->mutex);
    disk_->snapshots.erase(disk_->snapshots.find(sequence_));
  }
  uint64_t sequence() const { return sequence_; }

 private:
  std::shared_ptr<const Disk> disk_;
  uint64_t sequence_;
};

uint64_t sequence_of(const EngineSnapshot& snapshot) {
  return static_cast<const MemorySnapshot&>(snapshot).sequence();
}

Result<void> dead() { return fail(Code::kIo, "the store in memory had a crash"); }

class MemoryCursor final : public EngineCursor {
 public:
  struct Place {
    Table table;
    std::string upper;
    uint64_t sequence;
    uint64_t generation;
  };
  MemoryCursor(std::shared_ptr<const Disk> disk, Place place, const std::string& lower,
               std::shared_ptr<const EngineSnapshot> own)
      : disk_(std::move(disk)), place_(std::move(place)), own_(std::move(own)) {
    const std::lock_guard lock(disk_->mutex);
    settle(disk_->rows(place_.table).lower_bound(lower));
  }
  bool valid() const override { return value_ != nullptr; }
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return *value_; }
  void next() override {
    const std::lock_guard lock(disk_->mutex);
    settle(disk_->rows(place_.table).upper_bound(key_));
  }
  Result<void> status() const override { return dead_ ? dead() : Result<void>{}; }

 private:
  void settle(Rows::const_iterator row) {
    value_ = nullptr;
    dead_ = disk_->is_dead(place_.generation);
    if (dead_) return;
    const auto end = disk_->rows(place_.table).end();
    for (; row != end && row->first < place_.upper; ++row) {
      const Version* version = version_at(row->second, place_.sequence);
      if (version == nullptr || !version->value) continue;
      key_ = row->first;
      value_ = version->value;
      return;
    }
  }

  std::shared_ptr<const Disk> disk_;
  Place place_;
  std::shared_ptr<const EngineSnapshot> own_;
  std::string key_;
  std::shared_ptr<const std::string> value_;
  bool dead_ = false;
};

/// Makes a disk one of the machine's.
using AddDisk = std::function<Result<void>(const std::string& path, std::shared_ptr<Disk>)>;

class MemoryEngine final : public Engine {
 public:
  MemoryEngine(std::shared_ptr<Disk> disk, EngineOpener::Mode mode, AddDisk add_disk)
      : disk_(std::move(disk)),
        mode_(mode),
        generation_(disk_->generation),
        add_disk_(std::move(add_disk)) {}
  ~MemoryEngine() override {
    const std::lock_guard lock(disk_->mutex);
    if (mode_ == EngineOpener::Mode::kCreate && disk_->generation == generation_) {
      disk_->locked = false;
    }
  }

  Result<std::optional<std::string>> get(Table table, std::string_view key,
                                         const EngineSnapshot* snapshot) const override {
    const std::lock_guard lock(disk_->mutex);
    if (disk_->is_dead(generation_)) return std::unexpected(dead().error());
    const Rows& rows = disk_->rows(table);
    const auto row = rows.find(key);
    if (row == rows.end()) return std::nullopt;
    const Version* version =
        version_at(row->second, snapshot ? sequence_of(*snapshot) : disk_->sequence);
    if (version == nullptr || !version->value) return std::nullopt;
    return *version->value;
  }

  std::unique_ptr<EngineCursor> scan(Table table, std::string lower, std::string upper,
                                     const EngineSnapshot* snapshot) const override {
    std::shared_ptr<const EngineSnapshot> own;
    if (snapshot == nullptr) {
      own = this->snapshot();
      snapshot = own.get();
    }
    return std::make_unique<MemoryCursor>(
        disk_, MemoryCursor::Place{table, std::move(upper), sequence_of(*snapshot), generation_},
        lower, std::move(own));
  }

  Result<std::vector<std::string>> keys(Table table, const std::string& lower,
                                        size_t count_max) const override {
    const std::lock_guard lock(disk_->mutex);
    if (disk_->is_dead(generation_)) return std::unexpected(dead().error());
    std::vector<std::string> out;
    const Rows& rows = disk_->rows(table);
    for (auto row = rows.lower_bound(lower); row != rows.end() && out.size() < count_max; ++row)
      if (row->second.back().value) out.push_back(row->first);
    return out;
  }

  std::shared_ptr<const EngineSnapshot> snapshot() const override {
    const std::lock_guard lock(disk_->mutex);
    return std::make_shared<MemorySnapshot>(disk_);
  }

  Result<void> write(const EngineBatch& batch, Durability durability) override {
    const std::lock_guard lock(disk_->mutex);
    if (disk_->is_dead(generation_)) return dead();
    if (mode_ == EngineOpener::Mode::kReadOnly) return fail(Code::kReadOnly, "opened to read only");
    if (disk_->fail_code) return fail(*disk_->fail_code, "a write that is made to fail");
    const Fuse::Verdict verdict = disk_->fuse->next_write();
    if (verdict == Fuse::Verdict::kLose) return dead();
    ++disk_->sequence;
    for (const EngineWrite& write : batch)
      disk_->put(write.table, write.key,
                 write.value ? std::make_shared<const std::string>(*write.value) : nullptr);
    if (durability == Durability::kSynced) disk_->synced = disk_->sequence;
    if (verdict == Fuse::Verdict::kWriteUnanswered) return dead();
    return {};
  }

  Result<void> checkpoint(const std::string& directory) override {
    std::shared_ptr<Disk> copy;
    {
      const std::lock_guard lock(disk_->mutex);
      if (disk_->is_dead(generation_)) return dead();
      if (disk_->fail_code) return fail(*disk_->fail_code, "a write that is made to fail");
      copy = disk_->copy();
    }
    return add_disk_(directory, std::move(copy));
  }

  Result<void> reclaim(std::atomic<bool>& /*stop*/) override { return {}; }

  Result<uint64_t> free_bytes() const override {
    const std::lock_guard lock(disk_->mutex);
    return disk_->fail_code == Code::kNoSpace ? 0 : uint64_t{1} << 40;
  }

 private:
  std::shared_ptr<Disk> disk_;
  EngineOpener::Mode mode_;
  uint64_t generation_;
  AddDisk add_disk_;
};

}  // namespace

struct MemoryOpener::State {
  std::mutex mutex;  // guards all below
  std::set<std::string> directories;
  std::map<std::string, std::shared_ptr<Disk>> disks;
  std::optional<Code> fail_code;
  std::shared_ptr<Fuse> fuse = std::make_shared<Fuse>();
};

MemoryOpener::MemoryOpener() : state_(std::make_unique<State>()) {}
MemoryOpener::~MemoryOpener() = default;

Result<std::shared_ptr<Engine>> MemoryOpener::open(const std::string& path, Mode mode) {
  const std::lock_guard lock(state_->mutex);
  auto found = state_->disks.find(path);
  if (found == state_->disks.end()) {
    if (mode == Mode::kReadOnly) return fail(Code::kNotFound, "no store at " + path);
    found = state_->disks.emplace(path, std::make_shared<Disk>()).first;
    found->second->fail_code = state_->fail_code;
    found->second->fuse = state_->fuse;
  }
  const std::shared_ptr<Disk>& disk = found->second;
  const std::lock_guard disk_lock(disk->mutex);
  if (mode == Mode::kCreate && std::exchange(disk->locked, true))
    return fail(Code::kBusy, "another has the store open: " + path);
  return std::make_shared<MemoryEngine>(
      disk, mode, [this](const std::string& to, std::shared_ptr<Disk> copy) -> Result<void> {
        const std::lock_guard all_lock(state_->mutex);
        if (!state_->disks.emplace(to, std::move(copy)).second)
          return fail(Code::kExists, to + " is there");
        return {};
      });
}

Result<void> MemoryOpener::make_directory(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  if (state_->disks.contains(path) || !state_->directories.insert(path).second)
    return fail(Code::kExists, path + " is there");
  return {};
}

Result<void> MemoryOpener::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(state_->mutex);
  if (state_->directories.erase(from) == 0) return fail(Code::kIo, "there is no " + from);
  state_->directories.insert(to);
  std::map<std::string, std::shared_ptr<Disk>> moved;
  for (auto& [path, disk] : state_->disks)
    moved.emplace(path.starts_with(from + "/") ? to + path.substr(from.size()) : path, disk);
  state_->disks = std::move(moved);
  return {};
}

void MemoryOpener::remove(const std::string& path) {
  const std::lock_guard lock(state_->mutex);
  state_->directories.erase(path);
  std::erase_if(state_->disks, [&](const auto& disk) {
    return disk.first == path || disk.first.starts_with(path + "/");
  });
}

void MemoryOpener::rot(const std::string& path, EngineWrite row) {
  const std::lock_guard lock(state_->mutex);
  Disk& disk = *state_->disks.at(path);
  const std::lock_guard disk_lock(disk.mutex);
  Rows& rows = disk.rows(row.table);
  if (!row.value) {
    rows.erase(row.key);
    return;
  }
  rows[row.key] = {{0, std::make_shared<const std::string>(std::move(*row.value))}};
}

void MemoryOpener::crash() {
  const std::lock_guard lock(state_->mutex);
  {
    const std::lock_guard fuse_lock(state_->fuse->mutex);
    state_->fuse->writes_left.reset();
    state_->fuse->is_blown = false;
  }
  for (auto& [path, disk] : state_->disks) {
    const std::lock_guard disk_lock(disk->mutex);
    disk->crash();
  }
}

void MemoryOpener::crash_after(uint64_t writes, LastWrite last) {
  const std::lock_guard lock(state_->fuse->mutex);
  state_->fuse->writes_left = writes;
  state_->fuse->last = last;
}

bool MemoryOpener::has_crashed() const { return state_->fuse->is_blown; }

void MemoryOpener::fail_writes(std::optional<Code> code) {
  const std::lock_guard lock(state_->mutex);
  state_->fail_code = code;
  for (auto& [path, disk] : state_->disks) {
    const std::lock_guard disk_lock(disk->mutex);
    disk->fail_code = code;
  }
}

}  // namespace gemel
