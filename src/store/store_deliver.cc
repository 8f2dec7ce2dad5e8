// Delivery: messages for mailboxes, with what is remembered of them, in one transaction.
#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

using Filed = std::optional<MailStore::Appended>;

// False if it is remembered already.
Result<bool> remember(Commit& commit, const Remembrance& what) {
  TRY(UserEdit * user, live_user(commit, what.userid));
  const std::string key = what.item_key();
  TRY(const std::optional<UserItem> was, user->item(key));
  std::optional<std::string> value =
      remembered(was && !was->deleted ? was->value : "", what, commit.now_s());
  if (!value) return false;
  TRY_OK(user->put({key, *std::move(value), user->modseq(), false}));
  return true;
}

Result<Filed> file_one(Commit& commit, const MailStore::Filing& filing) {
  if (filing.once) {
    TRY(const bool is_new, remember(commit, *filing.once));
    if (!is_new) return std::nullopt;
  }
  if (!filing.append) return std::nullopt;
  TRY_OK(append_message(commit, *filing.append));
  TRY(const MailboxEdit* mailbox, commit.mailbox(filing.append->mailbox));
  if (filing.quota == MailStore::Filing::Quota::kIgnored)
    commit.ignore_quota(mailbox->info().name.owner);
  return MailStore::Appended{mailbox->info().uidvalidity, mailbox->info().last_uid, {}};
}

Result<std::vector<Filed>> deliver_all(Commit& commit,
                                       const std::vector<MailStore::Filing>& filings) {
  std::vector<Filed> out;
  for (const MailStore::Filing& filing : filings) {
    TRY(out.emplace_back(), file_one(commit, filing));
  }
  TRY_OK(commit.finish());
  for (size_t i = 0; i < filings.size(); ++i)
    if (out[i]) out[i]->committed = commit.committed(filings[i].append->mailbox);
  return out;
}

}  // namespace

std::future<Result<std::vector<std::optional<MailStore::Appended>>>> MailStore::deliver(
    std::vector<Filing> filings) {
  return impl_->submit<std::vector<Filed>>(
      Purpose::kCommit,
      [filings = std::move(filings)](Commit& commit) { return deliver_all(commit, filings); });
}

}  // namespace gemel
