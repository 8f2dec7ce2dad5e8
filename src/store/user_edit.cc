#include "store/user_edit.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "store/access.h"
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
  usage_before_ = row_.usage();
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
  row_.annotation_bytes -= annotation_bytes_of(*was);
  rows_->erase_once(key::item_change(userid, was->modseq, item_key));
  rows_->erase(key::item(userid, item_key));
  return {};
}

Result<void> UserEdit::put(const UserItem& item) {
  const std::string& userid = row_.info.userid;
  TRY_OK(drop(item.key));
  items_ += item_digest(item);
  row_.annotation_bytes += annotation_bytes_of(item);
  rows_->put(key::item(userid, item.key), encode(item));
  rows_->put_once(key::item_change(userid, item.modseq, item.key), "");
  return {};
}

void UserEdit::count(const MailboxInfo& mailbox, int sign) {
  if (mailbox.is_deleted()) return;
  const auto add = [sign](uint64_t& counter, uint64_t n) { counter += sign > 0 ? n : -n; };
  row_.info.mailboxes += static_cast<uint32_t>(sign);
  add(row_.bytes, mailbox.bytes);
  add(row_.messages, mailbox.exists);
  add(row_.annotation_bytes, annotation_bytes_of(mailbox));
}

void UserEdit::mailbox_changed(const MailboxInfo* before, const MailboxInfo* after) {
  mailboxes_changed_ = true;
  if (before != nullptr) {
    mailboxes_ -= before->digest;
    count(*before, -1);
  }
  if (after != nullptr) {
    mailboxes_ += after->digest;
    count(*after, 1);
  }
}

Result<void> UserEdit::check_quota() const {
  const QuotaUsage now = row_.usage();
  for (size_t i = 0; i < now.size(); ++i) {
    if (now[i] <= usage_before_[i]) continue;
    TRY(const std::optional<UserItem> quota, item(kQuotaKinds[i].item));
    if (!quota || quota->deleted) continue;
    // A limit that can't be read is none: mail must not be lost by it.
    const auto limit = parse_number(quota->value);
    if (!limit || now[i] <= *limit) continue;
    // Whoever meets it may be no one to know how much the owner has (RFC 9208 §8).
    return fail(Code::kOverQuota, fmt::format("the owner's {} is used up", kQuotaKinds[i].item));
  }
  return {};
}

Result<void> UserEdit::check_mailboxes(uint64_t count_max) const {
  const uint64_t before = before_ ? before_->mailboxes : 0;
  const UserInfo& now = row_.info;
  // There may be a newsgroup for everything, and who makes them is told by rights.
  if (count_max == 0 || now.userid == kSharedOwner) return {};
  if (now.mailboxes <= before || now.mailboxes <= count_max) return {};
  return fail(Code::kLimit, "the owner has as many mailboxes as there may be");
}

void UserEdit::flush() {
  row_.info.data_digest = user_digest(row_.info);
  row_.info.data_digest += items_;
  row_.info.digest = row_.info.data_digest;
  row_.info.digest += mailboxes_;
  rows_->put(key::user(row_.info.userid), row_.encode());
}

}  // namespace gemel
