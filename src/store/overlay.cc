#include "store/overlay.h"

namespace gemel {
namespace {

// What an entry costs beside its bytes, about.
constexpr size_t kEntryBytes = 128;

bool is_remembered(Space space, std::string_view key) {
  return space == Space() && (key.starts_with('p') || key.starts_with('i'));
}

}  // namespace

Overlay::Overlay(std::vector<std::shared_ptr<Engine>> engines) : engines_(std::move(engines)) {}

Result<std::optional<std::string>> Overlay::get(std::string_view key) const {
  return get_in({}, key);
}

Result<std::optional<std::string>> Overlay::get_in(Space space, std::string_view key) const {
  if (const auto row = rows_.find(KeyView{space, key}); row != rows_.end())
    return row->second.value;
  const bool remembers = is_remembered(space, key);
  if (remembers)
    if (const auto row = remembered_.find(key); row != remembered_.end()) return row->second;
  TRY(std::optional<std::string> value, engines_[space.engine]->get(space.table, key));
  if (remembers) remember(key, value);
  return value;
}

void Overlay::remember(std::string_view key, const std::optional<std::string>& value) const {
  if (remembered_bytes_ >= kRememberedBytesMax) {
    remembered_.clear();
    remembered_bytes_ = 0;
  }
  auto row = remembered_.lower_bound(key);
  if (row == remembered_.end() || row->first != key) {
    row = remembered_.emplace_hint(row, key, std::nullopt);
    remembered_bytes_ += kEntryBytes + key.size();
  } else if (row->second) {
    remembered_bytes_ -= row->second->size();
  }
  if (value) remembered_bytes_ += value->size();
  row->second = value;
}

void Overlay::forget() {
  remembered_.clear();
  remembered_bytes_ = 0;
}

Result<void> Overlay::scan(const std::string& lower, const std::string& upper,
                           const Visit& visit) const {
  const auto cursor = engines_[0]->scan(Table::kIndex, lower, upper);
  auto row = rows_.lower_bound(KeyView{{}, lower});
  const auto end = rows_.lower_bound(KeyView{{}, upper});
  while (cursor->valid() || row != end) {
    if (row == end || (cursor->valid() && cursor->key() < row->first.second)) {
      TRY(const bool more, visit(cursor->key(), cursor->value()));
      if (!more) return {};
      cursor->next();
      continue;
    }
    if (cursor->valid() && cursor->key() == row->first.second) cursor->next();
    if (row->second.value) {
      TRY(const bool more, visit(row->first.second, *row->second.value));
      if (!more) return {};
    }
    ++row;
  }
  return cursor->status();
}

void Overlay::put_in(Space space, std::string key, std::string value) {
  bytes_ += key.size() + value.size();
  set({space, std::move(key)}, Row{.value = std::move(value), .once = false, .in_engine = false});
}

void Overlay::erase_in(Space space, std::string key) {
  bytes_ += key.size();
  set({space, std::move(key)}, Row{});
}

void Overlay::put_once(std::string key, std::string value) {
  bytes_ += key.size() + value.size();
  Key full{Space{}, std::move(key)};
  const auto row = rows_.find(full);
  const bool in_engine = row != rows_.end() && row->second.in_engine;
  set(std::move(full), Row{.value = std::move(value), .once = true, .in_engine = in_engine});
}

void Overlay::erase_once(std::string key) {
  bytes_ += key.size();
  Key full{Space{}, std::move(key)};
  const auto row = rows_.find(full);
  const bool only_here = row != rows_.end() && !row->second.in_engine;
  if (only_here)
    undo_.push_back({.erased = rows_.extract(row)});
  else
    set(std::move(full), Row{.value = std::nullopt, .once = true, .in_engine = true});
}

void Overlay::set(Key key, Row row) {
  const auto [at, is_new] = rows_.try_emplace(std::move(key));
  undo_.push_back({.row = &*at});
  if (!is_new) undo_.back().before = std::make_unique<Row>(std::move(at->second));
  at->second = std::move(row);
}

void Overlay::rollback(size_t mark) {
  for (; undo_.size() > mark; undo_.pop_back()) {
    Undo& undo = undo_.back();
    if (undo.row == nullptr)
      rows_.insert(std::move(undo.erased));
    else if (undo.before)
      undo.row->second = std::move(*undo.before);
    else
      rows_.erase(undo.row->first);
  }
}

std::vector<EngineBatch> Overlay::take() {
  std::vector<EngineBatch> batches(engines_.size());
  undo_ = std::vector<Undo>();
  batches.front().reserve(rows_.size());  // nearly all are the index's
  while (!rows_.empty()) {
    auto node = rows_.extract(rows_.begin());
    auto& [space, key] = node.key();
    Row& row = node.mapped();
    // A row written once that is below and was put again: it stays as it is if all it says is its
    // key, else it is written anew.
    if (row.once && row.in_engine && row.value) {
      if (row.value->empty()) continue;
      batches[space.engine].push_back(
          {.table = space.table, .key = key, .value = std::nullopt, .written_once = true});
    }
    if (is_remembered(space, key)) remember(key, row.value);
    batches[space.engine].push_back({.table = space.table,
                                     .key = std::move(key),
                                     .value = std::move(row.value),
                                     .written_once = row.once});
  }
  bytes_ = 0;
  return batches;
}

}  // namespace gemel
