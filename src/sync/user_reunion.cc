// A user who diverged, as reunion.h says.
#include <fmt/format.h>

#include <algorithm>

#include "mail/lineage.h"
#include "store/hold.h"
#include "sync/grammar.h"
#include "sync/reunion.h"
#include "sync/words.h"

namespace gemel::sync {
namespace {

ModSeq common_of(const UserState& theirs, const std::optional<UserInfo>& ours) {
  if (!ours) return ModSeq();
  const ModSeq common = common_modseq(ours->lineage, ours->modseq, theirs.lineage, theirs.modseq);
  const bool is_equal = common == theirs.modseq && common == ours->modseq;
  return is_equal && theirs.data_digest != ours->data_digest ? ModSeq() : common;
}

TakenIn taken_in(const std::vector<UserItem>& items) {
  const auto found = std::ranges::find(items, kUserItemMerged, &UserItem::key);
  return found == items.end() || found->deleted ? TakenIn() : TakenIn::parse(found->value);
}

Result<TakenIn> taken_in(const MailStore& store, const std::string& userid) {
  TRY(const auto item, store.user_item(userid, kUserItemMerged));
  return item ? TakenIn::parse(*item) : TakenIn();
}

std::optional<UniqueId> seen_mailbox_of(const UserItem& item) {
  if (!item.key.starts_with(kUserItemSeen)) return std::nullopt;
  const Result<UniqueId> id = UniqueId::parse(item.key.substr(kUserItemSeen.size()));
  return id ? std::optional(*id) : std::nullopt;
}

Result<std::optional<UserItem>> user_item_of(const MailStore& store, const std::string& userid,
                                             const std::string& key) {
  TRY(std::optional<std::string> value, store.user_item(userid, key));
  if (!value) return std::nullopt;
  return UserItem{.key = key, .value = *std::move(value), .modseq = {}};
}

}  // namespace

UserReunion::UserReunion(UserState theirs, const std::optional<UserInfo>& ours)
    : theirs_(std::move(theirs)), common_(common_of(theirs_, ours)) {
  const bool is_one_deleted = ours && ours->is_deleted() != (theirs_.deleted_s != 0);
  since_ = is_one_deleted ? ModSeq() : common_;
}

bool UserReunion::is_due(const UserState& theirs, const std::optional<UserInfo>& ours) {
  if (!ours) return true;
  if (theirs.modseq == ours->modseq && theirs.data_digest == ours->data_digest) return false;
  // Whether a deletion stands is known when the mailboxes are united.
  if (ours->is_deleted() && theirs.deleted_s == 0) return true;
  return common_of(theirs, ours) < theirs.modseq;
}

std::vector<std::string> UserReunion::questions() const {
  if (is_told_) return {};
  std::string text = "USERCHANGES ";
  put_text(text, theirs_.userid);
  return {text + fmt::format(" {}", asked_key_ ? 0 : since_.value)};
}

void UserReunion::take(UserItem item) {
  if (!asked_key_)
    changed_.push_back(std::move(item));
  else if (item.key == *asked_key_ && !item.deleted)
    kept_ = std::move(item);
}

// Whether more of the replica's items are to be told first.
bool UserReunion::asks_for(const std::string& key) {
  if (asked_key_ == key) return false;
  asked_key_ = key;
  kept_.reset();
  is_told_ = false;
  return true;
}

bool UserReunion::begins_anew(const std::optional<UserInfo>& ours) {
  if (common_of(theirs_, ours) <= common_) return false;
  *this = UserReunion(theirs_, ours);
  return true;
}

bool UserReunion::has_hold(int64_t now_s) const {
  return std::ranges::any_of(changed_, [&](const UserItem& item) {
    return item.key == kUserItemHold && !item.deleted && parse_hold(item.value) > now_s;
  });
}

std::vector<UniqueId> UserReunion::seen_mailboxes() const {
  std::vector<UniqueId> out;
  for (const UserItem& item : changed_)
    if (const auto id = seen_mailbox_of(item); id && !item.deleted) out.push_back(*id);
  return out;
}

Result<std::vector<UserItem>> UserReunion::without_seen_in_ours(const MailStore& store) const {
  std::vector<UserItem> out;
  for (const UserItem& item : changed_) {
    const std::optional<UniqueId> id = seen_mailbox_of(item);
    const Result<MailboxInfo> info = id ? store.find(*id) : fail(Code::kNotFound, "");
    if (!info && info.error().code != Code::kNotFound) return std::unexpected(info.error());
    if (!info) out.push_back(item);
  }
  return out;
}

Result<std::optional<UserUpdate>> UserReunion::unite(MailStore& store) {
  UserSide theirs{.userid = theirs_.userid,
                  .created_s = theirs_.created_s,
                  .deleted_s = theirs_.deleted_s,
                  .modseq = theirs_.modseq,
                  .changed = changed_,
                  .lineage = theirs_.lineage,
                  .taken = taken_in(changed_),
                  .kept = kept_};
  TRY(const std::vector<MailboxInfo> mailboxes, store.mailboxes(theirs_.userid));
  const auto lives = mailboxes.empty() ? UserMailboxes::kNone : UserMailboxes::kSome;
  for (int i = 0; i < kReunionTriesMax; ++i) {
    const Result<UserInfo> info = store.user(theirs_.userid, MailStore::Which::kDeletedToo);
    if (!info && info.error().code != Code::kNotFound) return std::unexpected(info.error());
    UserSide own;
    own.userid = theirs_.userid;
    if (!info) {
      TRY(theirs.changed, without_seen_in_ours(store));
      is_partial_ = theirs.changed.size() < changed_.size();
    } else {
      own.created_s = info->created_s;
      own.deleted_s = info->deleted_s;
      own.modseq = info->modseq;
      own.lineage = info->lineage;
      TRY(own.changed, store.user_changes_since(theirs_.userid, since_));
      std::ranges::sort(own.changed, {}, &UserItem::key);
      TRY(own.taken, taken_in(store, theirs_.userid));
    }
    UserUpdate merged = merge(own, theirs, common_, lives);
    if (const auto key = deleted_active(merged)) {
      TRY(own.kept, user_item_of(store, theirs_.userid, *key));
      if (!own.kept && asks_for(*key)) return std::nullopt;
      merged = merge(own, theirs, common_, lives);
    }
    const bool is_theirs = !is_partial_ && (own.modseq == common_ || merged.to == theirs.modseq);
    if (info) spare_modseq(merged, own, theirs);
    std::optional<UserUpdate> update = mend(merged, own);
    if (update) {
      update->mends = info ? info->data_digest : Digest();
      // As of a mailbox.
      update->lineage =
          is_theirs ? extended(theirs_.lineage, store.term(), theirs_.modseq) : own.lineage;
      const Result<MailStore::Applied> applied = store.merge(std::move(*update)).get();
      if (!applied && applied.error().code == Code::kModified) continue;
      if (!applied) return std::unexpected(applied.error());
    }
    std::optional<UserUpdate> their_update = mend(merged, theirs);
    if (!their_update) return std::nullopt;
    TRY(const UserInfo now, store.user(theirs_.userid, MailStore::Which::kDeletedToo));
    their_update->mends = theirs_.data_digest;
    their_update->lineage = up_to(now.lineage, merged.to);
    return their_update;
  }
  return fail(Code::kModified, "the user's data keeps changing");
}

}  // namespace gemel::sync
