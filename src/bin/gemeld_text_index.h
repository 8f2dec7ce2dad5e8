// The text index of this server, and the thread that builds it.
#pragma once

#include <memory>

#include "bin/gemeld_pace.h"
#include "bin/gemeld_periodic.h"
#include "store/text_indexer.h"

namespace gemel::bin {

class TextIndexing {
 public:
  /// The index in the folder "text-index" of the store's. Errors: of TextIndex::open.
  static Result<std::unique_ptr<TextIndexing>> open(const std::string& store_path);
  /// Takes it away where there is one: nobody would tell it what is mended meanwhile.
  static void remove(const std::string& store_path);

  const TextIndex& index() const { return *index_; }
  /// See TextIndex.
  Result<void> distrust(const UniqueId& mailbox, const Digest& before) {
    return index_->distrust(mailbox, before);
  }
  /// Begins to build it. The store must outlive this, or what stop() waits for.
  void start(MailStore& store, uint64_t bytes_per_s);
  /// Returns when the step under way is done.
  void stop();
  /// Any thread; once start() has returned.
  TextIndexStatus status() const { return indexer_->status(); }

 private:
  explicit TextIndexing(std::unique_ptr<TextIndex> index) : index_(std::move(index)) {}
  Periodic::Duration step();

  std::unique_ptr<TextIndex> index_;
  std::unique_ptr<TextIndexer> indexer_;
  Pace pace_;
  std::unique_ptr<Periodic> periodic_;  // last: its turns use the others
};

}  // namespace gemel::bin
