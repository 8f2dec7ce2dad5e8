// The order of messages that SORT asks for.
//
// Threads  one at a time. Reads may wait for the disk.
// Source   RFC 5256 §3 (SORT); RFC 5957 (DISPLAY).
#pragma once

#include <cstdint>
#include <functional>
#include <memory_resource>
#include <string_view>
#include <vector>

#include "imap/bitmap.h"
#include "store/mail_store.h"
#include "wire/tokens.h"

namespace gemel::imap {

/// More keys can't change an order that the first ones leave open.
inline constexpr size_t kSortKeysMax = 10;

struct SortKey {
  enum class Kind : uint8_t {
    kArrival,
    kCc,
    kDate,
    kDisplayFrom,
    kDisplayTo,
    kFrom,
    kRelevancy,  // RFC 6203 §6
    kSize,
    kSubject,
    kTo
  };
  Kind kind;
  bool is_reversed = false;
};

/// `(REVERSE DATE SUBJECT)`, without those whose kind was there before. Errors: kSyntax; kLimit,
/// more than kSortKeysMax.
Result<std::vector<SortKey>> read_sort_keys(wire::Tokenizer& tokens);

bool sorts_by(const std::vector<SortKey>& keys, SortKey::Kind kind);

/// Collects the values of many messages, then orders them. Memory: 20 bytes for each
/// message, and for each of its keys 24 and no more than kComparedKeyBytesMax.
class Sorter {
 public:
  /// `memory` must outlive the sorter and what it gives; it is asked for all that grows with the
  /// messages. `relevance`: of a message, for kRelevancy.
  Sorter(std::vector<SortKey> keys, std::pmr::memory_resource& memory,
         std::function<uint32_t(Uid)> relevance)
      : keys_(std::move(keys)),
        relevance_(std::move(relevance)),
        texts_(&memory),
        rows_(&memory),
        values_(&memory) {}
  /// So many messages are to come.
  void expect(size_t messages);
  /// Reads the headers only if a key needs them. Errors: kIo.
  Result<void> add(const MailboxView& mailbox, const UidSet& uids);
  /// In order; equal ones by UID.
  std::pmr::vector<Uid> sorted() &&;

 private:
  struct Value {
    int64_t number = 0;
    std::string_view text = {};  // in texts_
    auto operator<=>(const Value&) const = default;
  };
  /// The number of the first key is with the row, so that most comparisons look at nothing else.
  struct Row {
    int64_t lead;
    Uid uid;
    uint32_t at;  // in values_: one for each key
  };
  Result<void> add_values(const MailboxView& mailbox, Uid uid, const RecordFacts& facts);
  Value value_of(SortKey::Kind kind, std::string_view header, const RecordFacts& facts);
  Value kept(std::string_view text);
  bool needs_header() const;
  bool is_before(const Row& a, const Row& b) const;

  std::vector<SortKey> keys_;
  std::function<uint32_t(Uid)> relevance_;
  std::pmr::monotonic_buffer_resource texts_;
  std::pmr::vector<Row> rows_;
  std::pmr::vector<Value> values_;
};

}  // namespace gemel::imap
