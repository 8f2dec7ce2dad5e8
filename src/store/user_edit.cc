#include "store/user_edit.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "store/digest.h"
#include "store/keys.h"

namespace gemel {

UserEdit::UserEdit(Overlay& rows, std::string_view userid, std::optional<UserRow> row)
    : rows_(&rows) {
  if (!row) {
    row_.info.userid = userid;
    return;
  }
  row_ = std::move(*row);
  before_ = row_.info;
  bytes_before_ = row_.bytes;
  items_ = row_.info.data_digest;
  items_ -= user_digest(row_.info);
  mailboxes_ = row_.info.digest;
  mailboxes_ -= row_.info.data_digest;
}

ModSeq UserEdit::modseq() {
  if (!data_changed_) raise_to(next(row_.info.modseq));
  return row_.info.modseq;
}

void UserEdit::raise_to(ModSeq to) {
  row_.info.modseq = to;
  data_changed_ = true;
}

Result<std::optional<UserItem>> UserEdit::item(std::string_view item_key) const {
  TRY(const std::optional<std::string> bytes, rows_->get(key::item(row_.info.userid, item_key)));
  if (!bytes) return std::nullopt;
  return decode_item(item_key, *bytes);
}

Result<void> UserEdit::drop(std::string_view item_key) {
  const std::string& userid = row_.info.userid;
  TRY(const std::optional<UserItem> was, item(item_key));
  if (!was) return {};
  items_ -= item_digest(*was);
  rows_->erase_once(key::item_change(userid, was->modseq, item_key));
  rows_->erase(key::item(userid, item_key));
  return {};
}

Result<void> UserEdit::put(const UserItem& item) {
  const std::string& userid = row_.info.userid;
  TRY_OK(drop(item.key));
  items_ += item_digest(item);
  rows_->put(key::item(userid, item.key), encode(item));
  rows_->put_once(key::item_change(userid, item.modseq, item.key), "");
  return {};
}

void UserEdit::mailbox_changed(const MailboxInfo* before, const MailboxInfo* after) {
  mailboxes_changed_ = true;
  if (before != nullptr) {
    mailboxes_ -= before->digest;
    if (!before->is_deleted()) {
      --row_.info.mailboxes;
      row_.bytes -= before->bytes;
    }
  }
  if (after != nullptr) {
    mailboxes_ += after->digest;
    if (!after->is_deleted()) {
      ++row_.info.mailboxes;
      row_.bytes += after->bytes;
    }
  }
}

Result<void> UserEdit::check_quota() const {
  if (row_.bytes <= bytes_before_) return {};
  TRY(const std::optional<UserItem> quota, item(kUserItemQuotaStorage));
  if (!quota || quota->deleted) return {};
  const auto bytes_max = parse_number(quota->value);
  if (!bytes_max || row_.bytes <= *bytes_max) return {};
  return fail(Code::kOverQuota, fmt::format("user \"{}\" would have {} bytes, {} are allowed",
                                            row_.info.userid, row_.bytes, *bytes_max));
}

void UserEdit::flush() {
  row_.info.data_digest = user_digest(row_.info);
  row_.info.data_digest += items_;
  row_.info.digest = row_.info.data_digest;
  row_.info.digest += mailboxes_;
  rows_->put(key::user(row_.info.userid), row_.encode());
}

}  // namespace gemel
