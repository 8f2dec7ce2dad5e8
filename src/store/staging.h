// Bodies between their arrival and the transaction that takes them.
//
// A large body's chunks are written, not synced, as they arrive, under a random stage id that a
// stage row names. The synced batch that puts the body's row makes them durable, for an engine
// keeps the order of its writes, and deletes the stage row; what a crash leaves is found by it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/hash.h"
#include "base/random.h"
#include "mail/line_scan.h"
#include "store/partitions.h"
#include "store/rows.h"

namespace gemel {

/// A Random for many threads.
class SharedRandom {
 public:
  explicit SharedRandom(Random& random) : random_(&random) {}
  std::string bytes(size_t count) {
    const std::lock_guard lock(mutex_);
    return random_->bytes(count);
  }

 private:
  std::mutex mutex_;
  Random* random_;
};

/// Writes the chunks of one stage, lazily. One thread.
class StageWriter {
 public:
  StageWriter(std::shared_ptr<Engine> engine, std::string stage_id)
      : engine_(std::move(engine)), stage_id_(std::move(stage_id)) {}
  Result<void> put(std::string chunk);
  uint32_t chunks() const { return chunks_; }
  const std::string& stage_id() const { return stage_id_; }

 private:
  std::shared_ptr<Engine> engine_;
  std::string stage_id_;
  uint32_t chunks_ = 0;
};

/// The deletes of all chunks of a stage, and of its stage row.
void erase_stage(EngineBatch& batch, std::string_view stage_id, uint32_t chunks);

struct StagedBody::State {
  Guid guid;
  uint64_t size = 0;
  LineScan lines;
  std::string inline_bytes;  // when not chunked
  // Then, made on the thread that brought it:
  std::string row;                     // of the body
  std::optional<std::string> summary;  // see mail/summary.h
  ChunkedBody chunked;                 // stage_id is empty when inline
  uint32_t partition = 0;              // where the chunks are
  std::shared_ptr<Engine> engine;
  std::atomic<bool> taken = false;  // a durable transaction owns the chunks now

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State();
  bool is_chunked() const { return !chunked.stage_id.empty(); }
};

struct BodyWriter::State {
  Partition partition;
  uint32_t partition_number = 0;
  uint64_t bytes_max = 0;
  uint64_t size = 0;
  std::string buffer;
  Sha256Stream hash;
  LineScan lines;
  StageWriter chunks;

  State(Partition where, uint32_t number, uint64_t max, std::string stage_id)
      : partition(std::move(where)),
        partition_number(number),
        bytes_max(max),
        chunks(partition.engine, std::move(stage_id)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  /// Deletes the chunks, unless finish() handed them on.
  ~State();
  bool handed_on = false;
};

}  // namespace gemel
