// Delivery: messages for mailboxes, with what is remembered of them, in one transaction.
#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

/// The slot that it belongs into; nothing, if it is remembered already.
Result<std::optional<UserItem>> slot_for(const UserEdit& user, const MemoryName& name,
                                         int64_t now_s) {
  std::optional<UserItem> found;
  for (size_t digits = kMemorySlotDigitsMin; digits <= kMemorySlotDigitsMax; ++digits) {
    UserItem slot{name.item_key(digits), "", ModSeq()};
    TRY(const std::optional<UserItem> was, user.item(slot.key));
    if (was && !was->deleted) slot.value = was->value;
    const MemorySlot seen = look_for(name, slot.value, now_s);
    if (seen == MemorySlot::kHolds) return std::nullopt;
    const bool is_last = digits == kMemorySlotDigitsMax;
    if (!found && (seen == MemorySlot::kHasRoom || is_last)) found = std::move(slot);
    if (!was) break;  // then nothing was ever behind it
  }
  return found;
}

// False if it is remembered already.
Result<bool> remember(Commit& commit, const Remembrance& what) {
  TRY(UserEdit * user, live_user(commit, what.userid));
  TRY(std::optional<UserItem> slot, slot_for(*user, what.name(), commit.now_s()));
  if (!slot) return false;
  std::optional<std::string> value = remembered(slot->value, what, commit.now_s());
  if (!value) return false;
  TRY_OK(user->put({std::move(slot->key), *std::move(value), user->modseq(), false}));
  return true;
}

Result<std::optional<MailStore::Appended>> file_one(Commit& commit,
                                                    const MailStore::Filing& filing) {
  if (filing.once) {
    TRY(const bool is_new, remember(commit, *filing.once));
    if (!is_new) return std::nullopt;
  }
  if (!filing.append) return std::nullopt;
  TRY_OK(append_message(commit, *filing.append, Keywords::kThatFit));
  TRY(const MailboxEdit* mailbox, commit.mailbox(filing.append->mailbox));
  if (filing.quota == MailStore::Filing::Quota::kIgnored)
    commit.ignore_quota(mailbox->info().name.owner);
  return MailStore::Appended{mailbox->info().uidvalidity, mailbox->info().last_uid, {}};
}

Result<MailStore::Filed> deliver_all(Commit& commit,
                                     const std::vector<MailStore::Filing>& filings) {
  MailStore::Filed out;
  for (const MailStore::Filing& filing : filings) {
    TRY(out.emplace_back(), file_one(commit, filing));
  }
  TRY_OK(commit.finish());
  for (size_t i = 0; i < filings.size(); ++i)
    if (out[i]) out[i]->committed = commit.committed(filings[i].append->mailbox);
  return out;
}

// Of all slots of one kind.
Result<uint64_t> forget_slots(Commit& commit, UserEdit& user, std::string_view kind,
                              int64_t added_s) {
  std::vector<UserItem> slots;
  const size_t start = key::items(user.info().userid).size();
  TRY_OK(commit.rows().scan_prefix(
      key::item(user.info().userid, kind),
      [&](std::string_view row_key, std::string_view value) -> Result<bool> {
        TRY(slots.emplace_back(), decode_item(row_key.substr(start), value));
        return true;
      }));
  uint64_t forgotten = 0;
  for (const UserItem& slot : slots) {
    if (slot.deleted) continue;
    TrimmedMemory left = trimmed(slot.value, commit.now_s(), added_s);
    if (left.forgotten == 0) continue;
    forgotten += left.forgotten;
    const bool is_gone = left.value.empty();
    TRY_OK(user.put({slot.key, std::move(left.value), user.modseq(), is_gone}));
  }
  return forgotten;
}

auto delivery_of(std::vector<MailStore::Filing> filings) {
  return [filings = std::move(filings)](Commit& commit) { return deliver_all(commit, filings); };
}

}  // namespace

Result<uint64_t> MailStore::forget_remembered(std::string_view userid, int64_t age_s) {
  return impl_->commit<uint64_t>(
      Purpose::kFree, [name = std::string(userid), age_s](Commit& commit) -> Result<uint64_t> {
        TRY(UserEdit * user, live_user(commit, name));
        TRY(const uint64_t duplicates,
            forget_slots(commit, *user, kUserItemDuplicate, commit.now_s() - age_s));
        TRY(const uint64_t replies, forget_slots(commit, *user, kUserItemVacation, INT64_MIN));
        TRY_OK(commit.finish());
        return duplicates + replies;
      });
}

Result<MailStore::Filed> MailStore::deliver(std::vector<Filing> filings) {
  return impl_->commit<Filed>(Purpose::kCommit, delivery_of(std::move(filings)));
}

std::future<Result<MailStore::Filed>> MailStore::begin_delivery(std::vector<Filing> filings) {
  return impl_->submit<Filed>(Purpose::kCommit, delivery_of(std::move(filings)));
}

}  // namespace gemel
