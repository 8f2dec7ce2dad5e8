// Builds the text index, at a set pace, mailbox after mailbox, and clears what is of no use.
//
// A mailbox is covered by whole batches only; what is behind the last one is read by each search,
// so a small mailbox has no rows at all.
//
// Owns     where it is in the pass under way. Memory: a batch, and a piece of one message.
// Threads  step() on one; status() on any.
// Source   doc/operations.md, "The text index".
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "store/mail_store.h"
#include "store/text_index.h"

namespace gemel {

struct TextIndexStatus {
  uint64_t bytes_per_s = 0;  // 0: there is no index
  uint64_t messages = 0;     // of the store, as the last pass found them
  uint64_t covered = 0;
};

class TextIndexer {
 public:
  /// From the end of a pass to the next one, at least: a millisecond more for each mailbox, so that
  /// many of them don't keep the disk busy.
  static constexpr int64_t kRestMs = 30'000;
  /// A batch of large messages is closed early, so that not much is ever left to be read.
  static constexpr uint64_t kBatchBytes = 16 << 20;
  /// Rows forgotten in one step.
  static constexpr size_t kForgetRows = 10'000;

  /// The store and the index must outlive this. `bytes_per_s`: above 0.
  TextIndexer(MailStore& store, TextIndex& index, uint64_t bytes_per_s)
      : store_(store), index_(index), bytes_per_s_(bytes_per_s) {}

  /// Does a piece, a batch at most; gives the milliseconds until the next call, from 1 on. Errors:
  /// of the store and the index; the next call goes on behind.
  Result<int64_t> step();
  TextIndexStatus status() const;

 private:
  enum class Stage : uint8_t { kCover, kClear, kRest };
  struct Batch {
    UidSet uids = {};
    std::vector<RecordFacts> facts = {};
    bool is_whole = false;
  };

  Result<int64_t> next_mailboxes();
  Result<uint64_t> cover(const UniqueId& id);
  Result<uint64_t> forget(const UniqueId& id, const TextIndex::Cover& cover);
  Result<Batch> next_batch(const MailboxView& mailbox, const UidSet& beyond) const;
  Result<uint64_t> put(const MailboxView& mailbox, const Batch& batch);
  Result<void> put_message(TextBatch& batch, const MailboxView& mailbox, Uid uid,
                           const Guid& guid) const;
  Result<void> put_texts(TextBatch& batch, const MailboxView& mailbox, const Guid& guid) const;
  void leave(const MailboxInfo& mailbox, uint64_t beyond);
  Result<int64_t> clear_dropped();
  int64_t end_pass();

  MailStore& store_;
  TextIndex& index_;
  const uint64_t bytes_per_s_;
  Stage stage_ = Stage::kCover;
  std::string userid_;               // whose mailboxes are under way
  std::vector<UniqueId> mailboxes_;  // those still to be looked at
  int64_t looked_at_ = 0;            // mailboxes in this pass
  UniqueId cleared_;                 // dropped mailboxes are cleared up to it
  TextIndexStatus under_way_;
  mutable std::mutex mutex_;
  TextIndexStatus status_;  // guarded by mutex_
};

}  // namespace gemel
