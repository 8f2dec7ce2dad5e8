#include "store/text_index.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/bytes.h"
#include "base/check.h"
#include "store/bitmap.h"
#include "store/keys.h"

namespace gemel {
namespace {

constexpr size_t kBuckets = 1 << 16;
constexpr size_t kWords = kTextBatchMessages / 64;  // for each bucket
// More trigrams of one text than these narrow little.
constexpr size_t kProbesMax = 12;
// With so few left, reading them costs less than another probe.
constexpr uint64_t kEnough = 16;

// Rows: "v" the version; "c" mailbox: what is covered; "p" mailbox, bucket, first uid of the batch:
// uids; "u" mailbox, first uid: unknown ones.
constexpr std::string_view kVersionKey = "v";
constexpr std::string_view kVersion = "2";
constexpr char kCoverRow = 'c';
constexpr char kPostingRow = 'p';
constexpr char kUnknownRow = 'u';

std::string row_key(char kind, const UniqueId& mailbox) { return kind + mailbox.key(); }

std::string posting_key(const UniqueId& mailbox, uint32_t bucket) {
  std::string out = row_key(kPostingRow, mailbox);
  out += static_cast<char>(bucket >> 8);
  out += static_cast<char>(bucket & 0xff);
  return out;
}

uint32_t bucket_of(const char* bytes) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])); };
  const uint32_t trigram = byte(0) << 16 | byte(1) << 8 | byte(2);
  return trigram * 0x9e3779b1U >> 16;  // Knuth's multiplicative hash; the upper bits are mixed
}

/// Different buckets of a text, evenly spread over it.
std::vector<uint32_t> probes_of(std::string_view folded) {
  const size_t trigrams = folded.size() - kTrigramBytes + 1;
  const size_t count = std::min(trigrams, kProbesMax);
  std::vector<uint32_t> out;
  for (size_t i = 0; i < count; ++i) {
    const size_t at = count == 1 ? 0 : i * (trigrams - 1) / (count - 1);
    const uint32_t bucket = bucket_of(folded.data() + at);
    if (std::ranges::find(out, bucket) == out.end()) out.push_back(bucket);
  }
  return out;
}

/// The uids in the rows from `prefix` on.
Result<Bitmap> uids_in(const Engine& engine, const std::string& prefix,
                       const EngineSnapshot& snapshot) {
  Bitmap out;
  std::vector<uint32_t> uids;
  const auto cursor = engine.scan(Table::kIndex, prefix, key::end_of(prefix), &snapshot);
  for (; cursor->valid(); cursor->next()) {
    Decoder in(cursor->value());
    uids.clear();
    for (uint64_t uid = 0; !in.at_end() && in.ok();) {
      uid += in.varint();
      uids.push_back(static_cast<uint32_t>(uid));
    }
    if (!in.ok()) return fail(Code::kCorrupt, "a row of the text index can't be read");
    out.addMany(uids.size(), uids.data());
  }
  TRY_OK(cursor->status());
  return out;
}

}  // namespace

TextBatch::TextBatch() : bits_(kBuckets * kWords) {}

void TextBatch::begin_message(Uid uid) {
  CHECK(uids_.size() < kTextBatchMessages);
  uids_.push_back(uid);
}

void TextBatch::add_text(std::string_view folded) {
  const size_t place = uids_.size() - 1;
  const size_t word = place / 64;
  const uint64_t bit = uint64_t{1} << (place % 64);
  for (size_t i = 0; i + kTrigramBytes <= folded.size(); ++i)
    bits_[bucket_of(folded.data() + i) * kWords + word] |= bit;
}

void TextBatch::add_unknown(Uid uid) { unknown_.add(uid); }

Result<std::unique_ptr<TextIndex>> TextIndex::open(EngineOpener& opener, const std::string& path) {
  TRY(std::shared_ptr<Engine> engine, opener.open(path, EngineOpener::Mode::kCreate));
  TRY(const auto version, engine->get(Table::kIndex, kVersionKey));
  if (version && *version != kVersion) {
    engine.reset();
    opener.remove(path);
    TRY(engine, opener.open(path, EngineOpener::Mode::kCreate));
  }
  TRY_OK(engine->write({{.key = std::string(kVersionKey), .value = std::string(kVersion)}},
                       Engine::Durability::kSynced));
  return std::unique_ptr<TextIndex>(new TextIndex(std::move(engine)));
}

std::string TextIndex::encode(const Cover& cover) {
  std::string out;
  put_be32(out, cover.up_to.value);
  if (cover.distrusted) {
    put_be64(out, cover.distrusted->high);
    put_be64(out, cover.distrusted->low);
  }
  return out;
}

Result<TextIndex::Cover> TextIndex::decode(std::string_view bytes) {
  constexpr size_t kPlain = 4;
  constexpr size_t kDistrusted = 20;
  if (bytes.size() != kPlain && bytes.size() != kDistrusted)
    return fail(Code::kCorrupt, "a row of the text index can't be read");
  Cover out{.up_to = Uid(get_be32(bytes))};
  if (bytes.size() == kDistrusted)
    out.distrusted = Digest{.low = get_be64(bytes.substr(12)), .high = get_be64(bytes.substr(4))};
  return out;
}

Result<TextIndex::Cover> TextIndex::cover_of(const UniqueId& mailbox,
                                             const EngineSnapshot* snapshot) const {
  TRY(const auto row, engine_->get(Table::kIndex, row_key(kCoverRow, mailbox), snapshot));
  if (!row) return Cover();
  return decode(*row);
}

Result<std::optional<TextIndex::Found>> TextIndex::look(const UniqueId& mailbox,
                                                        std::string_view folded) const {
  if (folded.size() < kTrigramBytes) return std::nullopt;
  const auto snapshot = engine_->snapshot();
  TRY(const Cover cover, cover_of(mailbox, snapshot.get()));
  if (cover.distrusted || !cover.up_to) return std::nullopt;
  std::optional<Bitmap> left;
  for (const uint32_t bucket : probes_of(folded)) {
    TRY(const Bitmap uids, uids_in(*engine_, posting_key(mailbox, bucket), *snapshot));
    left = left ? *left & uids : uids;
    if (left->cardinality() <= kEnough) break;
  }
  TRY(const Bitmap unknown, uids_in(*engine_, row_key(kUnknownRow, mailbox), *snapshot));
  return Found{.covered = cover.up_to, .may_hold = uid_set_of(*left | unknown)};
}

Result<void> TextIndex::add(const UniqueId& mailbox, const TextBatch& batch, Uid up_to) {
  EngineBatch rows;
  const uint32_t first = batch.uids_.empty() ? 0 : batch.uids_.front().value;
  for (uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
    std::string uids;
    uint32_t before = 0;
    for (size_t word = 0; word < kWords; ++word) {
      for (uint64_t bits = batch.bits_[bucket * kWords + word]; bits != 0; bits &= bits - 1) {
        const uint32_t uid =
            batch.uids_[word * 64 + static_cast<size_t>(std::countr_zero(bits))].value;
        put_varint(uids, uid - before);
        before = uid;
      }
    }
    if (uids.empty()) continue;
    std::string row = posting_key(mailbox, bucket);
    put_be32(row, first);
    rows.push_back({.key = std::move(row), .value = std::move(uids)});
  }
  if (!batch.unknown_.empty()) {
    std::string row = row_key(kUnknownRow, mailbox);
    put_be32(row, batch.unknown_.first().value);
    std::string uids;
    uint32_t before = 0;
    batch.unknown_.for_each([&](Uid uid) {
      put_varint(uids, uid.value - before);
      before = uid.value;
    });
    rows.push_back({.key = std::move(row), .value = std::move(uids)});
  }
  rows.push_back({.key = row_key(kCoverRow, mailbox), .value = encode({.up_to = up_to})});
  const std::lock_guard lock(mutex_);
  TRY(const Cover cover, cover_of(mailbox));
  if (cover.distrusted) return fail(Code::kModified, "the mailbox is being mended");
  // What a crash takes is built again, and it takes the cover with it.
  return engine_->write(rows, Engine::Durability::kLazy);
}

Result<void> TextIndex::distrust(const UniqueId& mailbox, const Digest& before) {
  const std::lock_guard lock(mutex_);
  return engine_->write(
      {{.key = row_key(kCoverRow, mailbox), .value = encode({.up_to = {}, .distrusted = before})}},
      Engine::Durability::kSynced);
}

Result<bool> TextIndex::forget(const UniqueId& mailbox, const Cover& known, size_t rows_max) {
  const std::lock_guard lock(mutex_);
  TRY(const Cover cover, cover_of(mailbox));
  if (cover != known) return fail(Code::kModified, "the mailbox has just been changed");
  EngineBatch rows;
  for (const char kind : {kPostingRow, kUnknownRow}) {
    const std::string prefix = row_key(kind, mailbox);
    const auto cursor = engine_->scan(Table::kIndex, prefix, key::end_of(prefix));
    for (; cursor->valid() && rows.size() < rows_max; cursor->next())
      rows.push_back({.key = std::string(cursor->key()), .value = std::nullopt});
    TRY_OK(cursor->status());
  }
  // Its cover goes last: by it what is left of the others is found again.
  const bool is_last = rows.size() < rows_max;
  std::optional<std::string> left;
  if (!is_last) left = encode({.up_to = {}, .distrusted = cover.distrusted});
  rows.push_back({.key = row_key(kCoverRow, mailbox), .value = std::move(left)});
  TRY_OK(engine_->write(rows, Engine::Durability::kLazy));
  return is_last;
}

Result<std::vector<UniqueId>> TextIndex::mailboxes(const UniqueId& after, size_t count_max) const {
  std::vector<UniqueId> out;
  const auto cursor = engine_->scan(Table::kIndex, row_key(kCoverRow, after) + '\0',
                                    key::end_of(std::string(1, kCoverRow)));
  for (; cursor->valid() && out.size() < count_max; cursor->next())
    out.push_back(UniqueId::from_key(cursor->key().substr(1)));
  TRY_OK(cursor->status());
  return out;
}

}  // namespace gemel
