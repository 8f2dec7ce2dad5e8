#include "sync/dry_run.h"

#include <utility>

namespace gemel::sync {
namespace {

constexpr size_t kUsersAtOnce = 100;

}  // namespace

DryRun::DryRun(const MailStore& store, SyncScope scope, Cycle::Trust trust, Method method)
    : store_(store), scope_(std::move(scope)), trust_(trust), stage_(Stage::kNamed) {
  if (scope_.is_all()) stage_ = method == Method::kDigests ? Stage::kSurvey : Stage::kAll;
}

Result<bool> DryRun::fill(Cycle& cycle) {
  switch (stage_) {
    case Stage::kSurvey:
      cycle.add_survey();
      stage_ = Stage::kDiffering;
      return true;
    case Stage::kDiffering:
      return cycle.is_surveying() ? true : add_differing(cycle);
    case Stage::kAll:
      return add_block(cycle);
    case Stage::kNamed:
      break;
  }
  const SyncScope scope = std::exchange(scope_, {});
  for (const std::string& userid : scope.users) TRY_OK(add_user(cycle, userid));
  for (const MailboxName& name : scope.mailboxes)
    if (const Result<MailboxInfo> info = store_.find(name)) TRY_OK(cycle.add(info->id, trust_));
  return !scope.is_all();
}

Result<bool> DryRun::add_block(Cycle& cycle) {
  TRY(const std::vector<UserInfo> users,
      store_.users_after(last_user_, kUsersAtOnce, MailStore::Which::kDeletedToo));
  for (const UserInfo& user : users) TRY_OK(add_user(cycle, user.userid));
  if (!users.empty()) last_user_ = users.back().userid;
  return !users.empty();
}

Result<bool> DryRun::add_differing(Cycle& cycle) {
  if (differing_.empty()) return false;
  for (size_t i = 0; i < kUsersAtOnce && !differing_.empty(); ++i) {
    TRY_OK(add_user(cycle, differing_.front()));
    differing_.pop_front();
  }
  return true;
}

Result<void> DryRun::add_user(Cycle& cycle, const std::string& userid) {
  TRY_OK(cycle.add(userid, trust_));
  const auto infos = store_.mailboxes(userid, MailStore::Which::kDeletedToo);
  if (!infos && infos.error().code == Code::kNotFound) return {};  // one of the replica's
  TRY_OK(infos);
  for (const MailboxInfo& info : *infos) TRY_OK(cycle.add(info.id, trust_));
  return {};
}

void DryRun::differs(const std::string& userid) {
  if (stage_ != Stage::kDiffering) return;
  differing_.push_back(userid);
  if (differing_.size() <= kDifferingMax) return;
  differing_.clear();
  stage_ = Stage::kAll;
}

void DryRun::over(const Entity&, Result<void> result) {
  if (result_ && !result) result_ = std::move(result);
}

void DryRun::sending(const Entity&, const std::string& action) {
  if (actions_.size() < kActionsMax) actions_.push_back(action);
}

}  // namespace gemel::sync
