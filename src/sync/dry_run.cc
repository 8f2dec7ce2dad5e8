#include "sync/dry_run.h"

#include <utility>

namespace gemel::sync {
namespace {

constexpr size_t kUsersAtOnce = 100;

}  // namespace

DryRun::DryRun(const MailStore& store, SyncScope scope, Cycle::Trust trust)
    : store_(store), scope_(std::move(scope)), is_of_all_(scope_.is_all()), trust_(trust) {}

Result<bool> DryRun::fill(Cycle& cycle) {
  if (is_of_all_) {
    TRY(const std::vector<UserInfo> users,
        store_.users_after(last_user_, kUsersAtOnce, MailStore::Which::kDeletedToo));
    for (const UserInfo& user : users) TRY_OK(add_user(cycle, user.userid));
    if (!users.empty()) last_user_ = users.back().userid;
    return !users.empty();
  }
  const SyncScope scope = std::exchange(scope_, {});
  for (const std::string& userid : scope.users) TRY_OK(add_user(cycle, userid));
  for (const MailboxName& name : scope.mailboxes)
    if (const Result<MailboxInfo> info = store_.find(name)) TRY_OK(cycle.add(info->id, trust_));
  return !scope.is_all();
}

Result<void> DryRun::add_user(Cycle& cycle, const std::string& userid) {
  TRY_OK(cycle.add(userid, trust_));
  TRY(const auto infos, store_.mailboxes(userid, MailStore::Which::kDeletedToo));
  for (const MailboxInfo& info : infos) TRY_OK(cycle.add(info.id, trust_));
  return {};
}

void DryRun::over(const Entity&, Result<void> result) {
  if (result_ && !result) result_ = std::move(result);
}

void DryRun::sending(const Entity&, const std::string& action) {
  if (actions_.size() < kActionsMax) actions_.push_back(action);
}

}  // namespace gemel::sync
