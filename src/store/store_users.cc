// Users and their items.
#include <fmt/format.h>

#include "store/hold.h"
#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

using NewItem = MailStore::NewItem;

inline constexpr std::string_view kInbox = "INBOX";

struct NewUser {
  std::string userid;
  std::vector<NewItem> items;
  std::string partition;
};

Result<UserInfo> create_one(Commit& commit, const NewUser& make) {
  TRY(UserEdit * user, commit.user(make.userid));
  if (user->is_live()) return fail(Code::kExists, fmt::format("user \"{}\" exists", make.userid));
  user->header().created_s = commit.now_s();
  user->header().deleted_s = 0;
  user->modseq();
  TRY_OK(put_items(*user, make.items));
  TRY_OK(make_with_parents(commit, {{make.userid, std::string(kInbox)}, make.partition}));
  TRY_OK(commit.finish());
  return user->info();
}

/// All but a hold, which stays on what the user leaves.
Result<std::vector<std::string>> live_item_keys(const RowReader& rows, std::string_view userid) {
  std::vector<std::string> out;
  const std::string prefix = key::items(userid);
  TRY_OK(rows.scan_prefix(
      prefix, [&](std::string_view row_key, std::string_view value) -> Result<bool> {
        TRY(const UserItem item, decode_item(row_key.substr(prefix.size()), value));
        if (!item.deleted && item.key != kUserItemHold) out.push_back(item.key);
        return true;
      }));
  return out;
}

Result<MailStore::Committed> delete_one(Commit& commit, const std::string& userid) {
  TRY(UserEdit * user, live_user(commit, userid));
  std::vector<UniqueId> ids;
  TRY_OK(commit.rows().scan_prefix(key::names(userid),
                                   [&](std::string_view, std::string_view id) -> Result<bool> {
                                     ids.push_back(UniqueId::from_key(id));
                                     return true;
                                   }));
  for (const UniqueId& id : ids) {
    TRY(MailboxEdit * mailbox, commit.mailbox(id));
    delete_mailbox(commit, *mailbox);
  }
  // A later user of the same name must not find this one's secrets and scripts.
  TRY(const std::vector<std::string> keys, live_item_keys(commit.rows(), userid));
  for (const std::string& item_key : keys) TRY_OK(user->put({item_key, "", user->modseq(), true}));
  user->header().deleted_s = std::max<int64_t>(commit.now_s(), 1);
  user->modseq();
  TRY_OK(commit.finish());
  return commit.committed_user(userid);
}

}  // namespace

Result<void> put_items(UserEdit& user, const std::vector<MailStore::NewItem>& items) {
  for (const NewItem& item : items) {
    if (item.key.empty() || item.key.size() > MailStore::kUserItemKeyBytesMax)
      return fail(Code::kInvalid, "an item's key is empty or too long");
    TRY(const std::optional<UserItem> was, user.item(item.key));
    const bool is_there = was && !was->deleted;
    if (item.value ? is_there && was->value == *item.value : !is_there) continue;
    TRY_OK(user.put({item.key, item.value.value_or(""), user.modseq(), !item.value}));
  }
  return {};
}

Result<UserInfo> MailStore::create_user(std::string_view userid, const std::vector<NewItem>& items,
                                        std::string_view partition) {
  TRY_OK(check_userid(userid));
  return impl_->commit<UserInfo>(
      Purpose::kCommit, [make = NewUser{std::string(userid), items, std::string(partition)}](
                            Commit& commit) { return create_one(commit, make); });
}

Result<MailStore::Committed> MailStore::delete_user(std::string_view userid) {
  return impl_->commit<Committed>(Purpose::kFree, [name = std::string(userid)](Commit& commit) {
    return delete_one(commit, name);
  });
}

Result<MailStore::Committed> MailStore::put_user_items(std::string_view userid,
                                                       const std::vector<NewItem>& items) {
  return impl_->commit<Committed>(
      Purpose::kCommit, [name = std::string(userid), items](Commit& commit) -> Result<Committed> {
        TRY(UserEdit * user, live_user(commit, name));
        TRY_OK(put_items(*user, items));
        TRY_OK(commit.finish());
        return commit.committed_user(name);
      });
}

}  // namespace gemel
