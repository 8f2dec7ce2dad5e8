#include "store/row_reader.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "store/keys.h"

namespace gemel {
namespace {

/// Up to so many neighbours are got one by one; more are cheaper by a scan.
constexpr uint32_t kGetsMax = 4;
/// A gap that is cheaper to read across than to seek over.
constexpr uint32_t kGapMax = 8;

using VisitPageRow = std::function<Result<void>(uint32_t number, std::string_view value)>;

Result<void> scan_pages(const RowReader& rows, const UniqueId& id, UidSet::Range numbers,
                        const VisitPageRow& visit) {
  const std::string upper = numbers.last == kPageNumberMax ? key::end_of(key::pages(id))
                                                           : key::page(id, numbers.last + 1);
  return rows.scan(key::page(id, numbers.first), upper,
                   [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                     TRY_OK(visit(get_be32(row_key.substr(row_key.size() - 4)), value));
                     return true;
                   });
}

Result<void> get_pages(const RowReader& rows, const UniqueId& id, UidSet::Range numbers,
                       const VisitPageRow& visit) {
  if (numbers.last - numbers.first >= kGetsMax) return scan_pages(rows, id, numbers, visit);
  for (uint32_t number = numbers.first; number <= numbers.last; ++number) {
    TRY(const std::optional<std::string> bytes, rows.get(key::page(id, number)));
    if (bytes) TRY_OK(visit(number, *bytes));
  }
  return {};
}

Result<void> each_page_row(const RowReader& rows, const UniqueId& id, const UidSet& uids,
                           const VisitPageRow& visit) {
  UidSet numbers;  // shifted by one, for a UidSet has no 0
  for (const UidSet::Range& range : uids.ranges())
    numbers.add(Uid(Page::number_of(Uid(range.first)) + 1),
                Uid(Page::number_of(Uid(range.last)) + 1));
  for (const UidSet::Range& range : numbers.ranges())
    TRY_OK(get_pages(rows, id, {range.first - 1, range.last - 1}, visit));
  return {};
}

Error missing(const UniqueId& id, uint32_t uid) {
  return {Code::kNotFound, fmt::format("no record {} in {}", uid, id.text())};
}

/// The facts of `uids`, which are near each other.
Result<void> scan_facts(const RowReader& rows, const UniqueId& id, const UidSet& uids,
                        const VisitFacts& visit) {
  UidSet found;
  const std::string upper = uids.last().value == UINT32_MAX ? key::end_of(key::facts(id))
                                                            : key::facts(id, next(uids.last()));
  TRY_OK(rows.scan(key::facts(id, uids.first()), upper,
                   [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                     const Uid uid(get_be32(row_key.substr(row_key.size() - 4)));
                     if (!uids.contains(uid)) return true;
                     TRY(const RecordFacts facts, decode_facts(value));
                     TRY_OK(visit(uid, facts));
                     found.add(uid);
                     return true;
                   }));
  if (found != uids) return std::unexpected(missing(id, (uids - found).first().value));
  return {};
}

Result<void> get_facts(const RowReader& rows, const UniqueId& id, const UidSet& uids,
                       const VisitFacts& visit) {
  Result<void> done;
  uids.for_each([&](Uid uid) {
    if (!done) return;
    done = [&]() -> Result<void> {
      TRY(const std::optional<std::string> bytes, rows.get(key::facts(id, uid)));
      if (!bytes) return std::unexpected(missing(id, uid.value));
      TRY(const RecordFacts facts, decode_facts(*bytes));
      return visit(uid, facts);
    }();
  });
  return done;
}

}  // namespace

Result<void> RowReader::scan_prefix(const std::string& prefix, const Visit& visit) const {
  return scan(prefix, key::end_of(prefix), visit);
}

Result<bool> RowReader::any_with_prefix(const std::string& prefix) const {
  bool any = false;
  TRY_OK(scan_prefix(prefix, [&](std::string_view, std::string_view) -> Result<bool> {
    any = true;
    return false;
  }));
  return any;
}

Result<std::optional<std::string>> SnapshotReader::get(std::string_view key) const {
  return index_->get(Table::kIndex, key, snapshot_.get());
}

Result<void> SnapshotReader::scan(const std::string& lower, const std::string& upper,
                                  const Visit& visit) const {
  const auto cursor = index_->scan(Table::kIndex, lower, upper, snapshot_.get());
  for (; cursor->valid(); cursor->next()) {
    TRY(const bool more, visit(cursor->key(), cursor->value()));
    if (!more) return {};
  }
  return cursor->status();
}

Result<std::optional<MailboxRow>> read_mailbox(const RowReader& rows, const UniqueId& id) {
  TRY(const std::optional<std::string> bytes, rows.get(key::mailbox(id)));
  if (!bytes) return std::nullopt;
  return MailboxRow::decode(id, *bytes);
}

Result<std::optional<UniqueId>> read_name(const RowReader& rows, const MailboxName& name) {
  TRY(const std::optional<std::string> bytes, rows.get(key::name(name)));
  if (!bytes) return std::nullopt;
  if (bytes->size() != 16) return fail(Code::kCorrupt, "a stored name row does not decode");
  return UniqueId::from_key(*bytes);
}

Result<std::optional<UserRow>> read_user(const RowReader& rows, std::string_view userid) {
  TRY(const std::optional<std::string> bytes, rows.get(key::user(userid)));
  if (!bytes) return std::nullopt;
  return UserRow::decode(userid, *bytes);
}

Result<std::optional<Page>> read_page(const RowReader& rows, const UniqueId& id, uint32_t number) {
  TRY(const std::optional<std::string> bytes, rows.get(key::page(id, number)));
  if (!bytes) return std::nullopt;
  return Page::decode(number, *bytes);
}

Result<JournalSeq> read_journal(const RowReader& rows, const key::Entity& entity, JournalSeq said) {
  if (said) return said;
  TRY(const std::optional<std::string> bytes, rows.get(key::entity(entity)));
  if (!bytes) return JournalSeq();
  if (bytes->size() != 8) return fail(Code::kCorrupt, "a stored journal position does not decode");
  return JournalSeq(get_be64(*bytes));
}

Result<UidSet> read_seen(const RowReader& rows, std::string_view userid, const UniqueId& mailbox) {
  const std::string item_key = seen_item_key(mailbox);
  TRY(const std::optional<std::string> bytes, rows.get(key::item(userid, item_key)));
  if (!bytes) return UidSet();
  TRY(const UserItem item, decode_item(item_key, *bytes));
  if (item.deleted || item.value.empty()) return UidSet();
  return UidSet::parse(item.value, SIZE_MAX);
}

Result<void> each_page(const RowReader& rows, const UniqueId& id, const UidSet& uids,
                       const VisitPage& visit) {
  return each_page_row(rows, id, uids,
                       [&](uint32_t number, std::string_view value) -> Result<void> {
                         TRY(const Page page, Page::decode(number, value));
                         return visit(page);
                       });
}

Result<void> each_column(const RowReader& rows, const UniqueId& id, const UidSet& uids,
                         size_t flag_bit, const VisitColumn& visit) {
  return each_page_row(rows, id, uids,
                       [&](uint32_t number, std::string_view value) -> Result<void> {
                         TRY(const PageColumn column, PageColumn::decode(number, value, flag_bit));
                         visit(column);
                         return {};
                       });
}

Result<void> each_facts(const RowReader& rows, const UniqueId& id, const UidSet& uids,
                        const VisitFacts& visit) {
  const auto& ranges = uids.ranges();
  for (size_t at = 0; at < ranges.size();) {
    // Ranges with small gaps between them are one scan.
    UidSet near;
    do {
      near.add(Uid(ranges[at].first), Uid(ranges[at].last));
      ++at;
    } while (at < ranges.size() && ranges[at].first - ranges[at - 1].last <= kGapMax);
    if (near.size() > kGetsMax)
      TRY_OK(scan_facts(rows, id, near, visit));
    else
      TRY_OK(get_facts(rows, id, near, visit));
  }
  return {};
}

UidSet all_uids() { return UidSet::of(Uid(1), Uid(UINT32_MAX)); }

}  // namespace gemel
