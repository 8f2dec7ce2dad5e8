// Reading rows of the index: from a snapshot, or from a transaction under way on top of the engine.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "mail/record.h"
#include "mail/uid_set.h"
#include "store/engine.h"
#include "store/keys.h"
#include "store/page.h"
#include "store/rows.h"

namespace gemel {

class RowReader {
 public:
  virtual ~RowReader() = default;
  virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  /// Rows in [lower, upper), ascending, until `visit` says false or fails. `visit` must not write.
  using Visit = std::function<Result<bool>(std::string_view key, std::string_view value)>;
  virtual Result<void> scan(const std::string& lower, const std::string& upper,
                            const Visit& visit) const = 0;
  /// All that start with `prefix`.
  Result<void> scan_prefix(const std::string& prefix, const Visit& visit) const;
  Result<bool> any_with_prefix(const std::string& prefix) const;
};

/// The index as it was at one moment.
class SnapshotReader final : public RowReader {
 public:
  /// Of now.
  explicit SnapshotReader(std::shared_ptr<Engine> index)
      : SnapshotReader(index, index->snapshot()) {}
  SnapshotReader(std::shared_ptr<Engine> index, std::shared_ptr<const EngineSnapshot> snapshot)
      : index_(std::move(index)), snapshot_(std::move(snapshot)) {}
  Result<std::optional<std::string>> get(std::string_view key) const override;
  Result<void> scan(const std::string& lower, const std::string& upper,
                    const Visit& visit) const override;

 private:
  std::shared_ptr<Engine> index_;
  std::shared_ptr<const EngineSnapshot> snapshot_;
};

Result<std::optional<MailboxRow>> read_mailbox(const RowReader& rows, const UniqueId& id);
/// The live mailbox of that name.
Result<std::optional<UniqueId>> read_name(const RowReader& rows, const MailboxName& name);
Result<std::optional<UserRow>> read_user(const RowReader& rows, std::string_view userid);
Result<std::optional<Page>> read_page(const RowReader& rows, const UniqueId& id, uint32_t number);

/// Where the entity's journal entry is: `said` by its own row, or, as 0 in a row of format 5, by
/// another row for that. 0: it has none.
Result<JournalSeq> read_journal(const RowReader& rows, const key::Entity& entity, JournalSeq said);

/// What the user has seen of a mailbox of others; nothing seen where there is no such item.
Result<UidSet> read_seen(const RowReader& rows, std::string_view userid, const UniqueId& mailbox);

/// Each stored page that has a UID of `uids`, ascending. Cost: O(pages).
using VisitPage = std::function<Result<void>(const Page&)>;
Result<void> each_page(const RowReader& rows, const UniqueId& id, const UidSet& uids,
                       const VisitPage& visit);

/// The same of what sets are made of, with one flag.
using VisitColumn = std::function<void(const PageColumn&)>;
Result<void> each_column(const RowReader& rows, const UniqueId& id, const UidSet& uids,
                         size_t flag_bit, const VisitColumn& visit);

/// The facts of each of `uids`, ascending. Errors: kNotFound, one is missing.
using VisitFacts = std::function<Result<void>(Uid, const RecordFacts&)>;
Result<void> each_facts(const RowReader& rows, const UniqueId& id, const UidSet& uids,
                        const VisitFacts& visit);

/// 1:4294967295.
UidSet all_uids();

}  // namespace gemel
