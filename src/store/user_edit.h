// One user's data while a transaction changes it, with its digest.
//
// Owns     nothing durable: flush() writes it into the overlay. Threads  one: the committer's.
#pragma once

#include <optional>

#include "store/overlay.h"

namespace gemel {

class UserEdit {
 public:
  /// `row` is nothing for a user that has no row yet.
  UserEdit(Overlay& rows, std::string_view userid, std::optional<UserRow> row);

  const UserInfo& info() const { return row_.info; }
  const std::optional<UserInfo>& before() const { return before_; }
  /// The user itself was made, whether deleted since or not.
  bool exists() const { return row_.info.modseq.value != 0; }
  bool is_live() const { return exists() && !row_.info.is_deleted(); }
  const UserRow& row() const { return row_; }
  bool data_changed() const { return data_changed_; }
  /// The data, or any mailbox.
  bool changed() const { return data_changed_ || mailboxes_changed_; }

  /// As in MailboxEdit.
  ModSeq modseq();
  void raise_to(ModSeq to);
  ModSeq modseq_before() const { return before_ ? before_->modseq : ModSeq(); }
  /// To change created_s, deleted_s and lineage. Call modseq() or raise_to() too.
  UserInfo& header() { return row_.info; }

  Result<std::optional<UserItem>> item(std::string_view item_key) const;
  /// Puts `item` as it is, over what was there.
  Result<void> put(const UserItem& item);
  /// The item goes without a trace, if it is there.
  Result<void> drop(std::string_view item_key);
  /// A mailbox of the user changed from `before` to `after`; either may be absent.
  void mailbox_changed(const MailboxInfo* before, const MailboxInfo* after);
  /// Errors: kOverQuota, something has grown beyond the user's quota.
  Result<void> check_quota() const;
  /// Errors: kLimit, the user has come to more mailboxes than `count_max`; 0: any number may be.
  Result<void> check_mailboxes(uint64_t count_max) const;

  /// Where its entry is.
  void set_journal(JournalSeq seq) { row_.journal = seq; }
  void flush();

 private:
  void count(const MailboxInfo& mailbox, int sign);

  Overlay* rows_;
  std::optional<UserInfo> before_;
  UserRow row_;
  QuotaUsage usage_before_{};
  Digest items_;
  Digest mailboxes_;
  bool data_changed_ = false;
  bool mailboxes_changed_ = false;
};

}  // namespace gemel
