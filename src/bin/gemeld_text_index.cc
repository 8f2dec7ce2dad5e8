#include "bin/gemeld_text_index.h"

#include <fmt/format.h>

#include <chrono>

#include "base/log.h"

namespace gemel::bin {
namespace {

constexpr std::string_view kFolder = "/text-index";
// Not at once: a start is busy enough.
constexpr auto kFirstDelay = std::chrono::seconds(5);
constexpr auto kDelayAfterFailure = std::chrono::minutes(1);

}  // namespace

Result<std::unique_ptr<TextIndexing>> TextIndexing::open(const std::string& store_path) {
  const std::string path = store_path + std::string(kFolder);
  auto index = TextIndex::open(rocksdb_opener(), path);
  if (!index)
    return fail(index.error().code, fmt::format("text index {}: {}", path, index.error().text));
  return std::unique_ptr<TextIndexing>(new TextIndexing(std::move(*index)));
}

void TextIndexing::remove(const std::string& store_path) {
  rocksdb_opener().remove(store_path + std::string(kFolder));
}

void TextIndexing::start(MailStore& store, uint64_t bytes_per_s) {
  indexer_ = std::make_unique<TextIndexer>(store, *index_, bytes_per_s);
  periodic_ = std::make_unique<Periodic>(kFirstDelay, [this] { return step(); });
}

void TextIndexing::stop() { periodic_.reset(); }

Periodic::Duration TextIndexing::step() {
  const Result<int64_t> wait_ms = indexer_->step();
  if (wait_ms) return pace_.after_turn(Periodic::Duration(*wait_ms));
  log::warn("text index failed error=\"{}\"", wait_ms.error().text);
  return kDelayAfterFailure;
}

}  // namespace gemel::bin
