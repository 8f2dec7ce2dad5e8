// What transactions have written so far, over what the engines hold: reads see it, a rollback drops
// the last transaction's part, and in the end it becomes one batch for each engine.
//
// It remembers rows that one transaction after another reads: pages and items of users, which
// nothing else writes. Up to kRememberedBytesMax; then all are forgotten.
//
// Owns     nothing durable. Threads  one: the committer's.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "store/row_reader.h"

namespace gemel {

/// Engine 0 is the index with the bodies of "default"; the others hold further partitions.
struct Space {
  uint32_t engine = 0;
  Table table = Table::kIndex;
  auto operator<=>(const Space&) const = default;
};

class Overlay final : public RowReader {
 public:
  explicit Overlay(std::vector<std::shared_ptr<Engine>> engines);

  // Rows of the index.
  Result<std::optional<std::string>> get(std::string_view key) const override;
  Result<void> scan(const std::string& lower, const std::string& upper,
                    const Visit& visit) const override;
  void put(std::string key, std::string value) { put_in({}, std::move(key), std::move(value)); }
  void erase(std::string key) { erase_in({}, std::move(key)); }
  /// For rows that are never overwritten while they are there: their deletes cost scans nothing.
  void put_once(std::string key, std::string value);
  void erase_once(std::string key);

  // Rows of any engine and table.
  Result<std::optional<std::string>> get_in(Space space, std::string_view key) const;
  void put_in(Space space, std::string key, std::string value);
  void erase_in(Space space, std::string key);

  /// Undo everything since `savepoint` gave this mark.
  size_t savepoint() const { return undo_.size(); }
  void rollback(size_t mark);

  bool empty() const { return rows_.empty(); }
  size_t size() const { return rows_.size(); }
  /// Of keys and values written.
  size_t bytes() const { return bytes_; }
  /// One batch for each engine; the overlay is empty afterwards, and remembers its rows as written.
  std::vector<EngineBatch> take();
  /// What was taken last was not written, or may not have been.
  void forget();

 private:
  static constexpr size_t kRememberedBytesMax = 8U << 20;
  struct Row {
    std::optional<std::string> value;  // nullopt: deleted
    bool once = false;
    bool in_engine = false;  // for rows written once: it is below, so it must be deleted there
  };
  using Key = std::pair<Space, std::string>;
  struct KeyView {
    Space space;
    std::string_view key;
  };
  struct Less {
    using is_transparent = void;
    static KeyView of(const Key& key) { return {key.first, key.second}; }
    static KeyView of(const KeyView& key) { return key; }
    bool operator()(const auto& a, const auto& b) const {
      const KeyView left = of(a);
      const KeyView right = of(b);
      return left.space != right.space ? left.space < right.space : left.key < right.key;
    }
  };
  using Rows = std::map<Key, Row, Less>;
  /// What one write did. A transaction may write a million rows, so it is small.
  struct Undo {
    Rows::value_type* row = nullptr;        // null: it is in `erased`
    std::unique_ptr<Row> before = nullptr;  // null: the row was not there
    Rows::node_type erased = {};
  };

  void set(Key key, Row row);
  void remember(std::string_view key, const std::optional<std::string>& value) const;

  std::vector<std::shared_ptr<Engine>> engines_;
  Rows rows_;
  std::vector<Undo> undo_;
  size_t bytes_ = 0;
  // As the index has them, or has none.
  mutable std::map<std::string, std::optional<std::string>, std::less<>> remembered_;
  mutable size_t remembered_bytes_ = 0;
};

}  // namespace gemel
