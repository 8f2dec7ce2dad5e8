// UID sets of mailboxes that were looked at lately, so that SELECT and SEARCH UNSEEN need not read
// every page. What changed since a set was made is read from the changes index.
//
// Owns     kBytesMax of sets, those last used. Threads  any.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "mail/uid_set.h"
#include "store/row_reader.h"

namespace gemel {

class MailboxSets {
 public:
  struct Sets {
    UidSet live;
    UidSet seen;  // of those: with the record's \Seen
  };

  /// Of the mailbox as `info` says it is in `rows`. Cost: O(ranges) where it was looked at lately,
  /// and O(changes) since; else O(messages / 256).
  Result<std::shared_ptr<const Sets>> get(const RowReader& rows, const MailboxInfo& info);

  /// A transaction under way changes records of the mailbox without a higher modseq for each: what
  /// is kept of a state up to `modseq` is no ground for a later one. Call before it can be seen.
  void distrust(const UniqueId& mailbox, ModSeq modseq);

  static constexpr size_t kBytesMax = 16 << 20;

 private:
  struct Entry {
    UniqueId mailbox;
    ModSeq modseq;
    Digest digest;
    std::shared_ptr<const Sets> sets;
    size_t bytes = 0;
  };
  using Entries = std::list<Entry>;

  std::optional<Entry> find(const MailboxInfo& info);
  void keep(Entry entry);
  void erase(Entries::iterator entry);
  bool is_trusted(const Entry& entry) const;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Entries entries_;  // the last used first
  std::unordered_map<UniqueId, Entries::iterator> by_mailbox_;
  std::unordered_map<UniqueId, ModSeq> distrusted_;
  size_t bytes_ = 0;
};

/// Records with modseq > `since` as MailboxView::changes_since says, for a mailbox that `info`
/// describes.
Result<std::vector<RecordState>> read_changes(const RowReader& rows, const MailboxInfo& info,
                                              ModSeq since);

}  // namespace gemel
