// Which messages may hold a text: an index of trigrams beside the store, in an engine of its own.
//
// It only ever narrows a search. What it names is still looked at, and so are the messages that it
// does not cover yet, so an answer is the same with it, without it, and while it is being built. It
// is made of the store alone and not replicated: when it is deleted, it is built anew.
//
// For each mailbox, all records up to a uid are covered; they are put in by batches. Each three
// bytes that follow each other in a folded text (search_fold) are hashed to one of 65,536 buckets,
// and for each bucket a batch has a row with the uids of its messages that have such bytes.
//
// Owns     the engine in its directory.
// Threads  any, for every call. add() of one mailbox: one at a time.
// Source   doc/decisions/0050-text-index.md, doc/storage-format.md ("The text index").
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mail/change_set.h"
#include "store/engine.h"

namespace gemel {

/// Texts that are shorter have no trigram, in bytes of their folded form.
inline constexpr size_t kTrigramBytes = 3;
/// Messages in a batch.
inline constexpr size_t kTextBatchMessages = 256;

/// The trigrams of up to kTextBatchMessages messages. Memory: 2 MiB, whatever they hold.
class TextBatch {
 public:
  TextBatch();
  /// In ascending order. From here on, texts are those of `uid`. There must be room.
  void begin_message(Uid uid);
  void add_text(std::string_view folded);
  /// Its texts could not all be read: it may hold anything.
  void add_unknown(Uid uid);
  size_t size() const { return uids_.size(); }

 private:
  friend class TextIndex;
  std::vector<Uid> uids_;
  UidSet unknown_;
  std::vector<uint64_t> bits_;  // by bucket: a bit for each message, by its place
};

class TextIndex {
 public:
  /// Makes the directory where there is none; empties one that another version wrote. Errors:
  /// kBusy, kCorrupt, kIo.
  static Result<std::unique_ptr<TextIndex>> open(EngineOpener& opener, const std::string& path);

  struct Found {
    Uid covered;      // the highest uid for which the index speaks
    UidSet may_hold;  // of those up to it
  };
  /// Nothing where the index can't say: the text is too short, or the mailbox is not covered.
  /// Cost: O(batches × probes), and O(messages that have the rarest probes). Errors: kIo, kCorrupt.
  Result<std::optional<Found>> look(const UniqueId& mailbox, std::string_view folded) const;

  /// What is covered of a mailbox: records up to `up_to`, expunged ones too.
  struct Cover {
    Uid up_to = {};
    std::optional<Digest> distrusted = {};  // see distrust(); then `up_to` is 0
    bool operator==(const Cover&) const = default;
  };
  /// Errors: kIo, kCorrupt.
  Result<Cover> cover_of(const UniqueId& mailbox) const { return cover_of(mailbox, nullptr); }
  /// Covers the mailbox up to `up_to`, with the records above what was covered before. Errors:
  /// kModified, it is distrusted; kIo.
  Result<void> add(const UniqueId& mailbox, const TextBatch& batch, Uid up_to);

  /// Nothing of the mailbox is trusted from now on: what is about to change it may put another body
  /// at a uid (MailStore::Options::before_mend). As long as its digest is `before`, that has not
  /// happened yet, and it must not be covered anew. On disk when it returns. Errors: kIo.
  Result<void> distrust(const UniqueId& mailbox, const Digest& before);
  /// Forgets at most `rows_max` rows of a mailbox, of which nothing is covered from the first call
  /// on; true when none are left, and it may be covered anew. Errors: kModified, its cover is
  /// another than `known`; kIo.
  Result<bool> forget(const UniqueId& mailbox, const Cover& known, size_t rows_max);

  /// The mailboxes that have rows, at most `count_max`, behind `after`. Errors: kIo.
  Result<std::vector<UniqueId>> mailboxes(const UniqueId& after, size_t count_max) const;

 private:
  explicit TextIndex(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}

  static std::string encode(const Cover& cover);
  static Result<Cover> decode(std::string_view bytes);
  Result<Cover> cover_of(const UniqueId& mailbox, const EngineSnapshot* snapshot) const;

  std::shared_ptr<Engine> engine_;
  std::mutex mutex_;  // of writes that look first
};

}  // namespace gemel
