// Syncs that somebody asked for, from taking them up to their reports.
#include <fmt/format.h>

#include <algorithm>

#include "sync/channel_core.h"

namespace gemel::sync {

void ChannelCore::sync(SyncRequest request) {
  std::function<void()> wake;
  bool is_taken = false;
  {
    const std::lock_guard lock(mutex_);
    request.round_trips_before = round_trips_;
    request.bytes_up_before = bytes_up_;
    request.bytes_down_before = bytes_down_;
    is_taken = requests_.size() < kRequestsMax;
    if (is_taken) requests_.push_back(std::move(request));
    wake = wake_;
  }
  if (!is_taken) return finish(std::move(request), fail(Code::kBusy, "too many syncs wait"));
  if (wake) wake();
}

std::optional<SyncRequest> ChannelCore::take_dry_run() {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(requests_, &SyncRequest::is_trial);
  if (found == requests_.end()) return std::nullopt;
  SyncRequest request = std::move(*found);
  requests_.erase(found);
  return request;
}

// Who asks for some by name wants to be sure: the replica is asked where they are, whatever is
// remembered of it.
Result<std::map<Entity, uint64_t>> ChannelCore::want(const SyncScope& scope) {
  Work work;
  for (const std::string& userid : scope.users) {
    work.insert(userid);
    TRY(const auto infos, store_.mailboxes(userid, MailStore::Which::kDeletedToo));
    for (const MailboxInfo& info : infos) work.insert(info.id);
  }
  for (const MailboxName& name : scope.mailboxes)
    if (const Result<MailboxInfo> info = store_.find(name)) work.insert(info->id);
  if (work.size() > kPendingMax)
    return fail(Code::kLimit, "too many mailboxes at once: sync everything instead");
  std::map<Entity, uint64_t> waits;
  for (const Entity& entity : work) waits[entity] = agenda_.want(entity, Cycle::Trust::kAskFirst);
  return waits;
}

void ChannelCore::take_requests() {
  const JournalSeq head = store_.journal_head();
  std::vector<SyncRequest> taken;
  {
    const std::lock_guard lock(mutex_);
    std::deque<SyncRequest> others;
    for (SyncRequest& request : requests_) {
      const bool is_new = request.stage == SyncRequest::Stage::kNew && !request.is_trial();
      if (is_new)
        taken.push_back(std::move(request));
      else
        others.push_back(std::move(request));
    }
    requests_ = std::move(others);
  }
  for (SyncRequest& request : taken) {
    request.stage = SyncRequest::Stage::kUnderWay;
    if (request.scope.is_all()) request.target = head;
    if (request.scope.is_all() && request.effect == SyncEffect::kRepair) agenda_.survey_again();
    auto waits = want(request.scope);
    if (!waits) {
      finish(std::move(request), std::unexpected(std::move(waits).error()));
      continue;
    }
    request.waits = *std::move(waits);
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
  }
}

void ChannelCore::sending(const Entity& entity, const std::string& action) {
  const std::lock_guard lock(mutex_);
  for (SyncRequest& request : requests_) {
    if (request.stage == SyncRequest::Stage::kNew) continue;
    if (!request.target && !request.waits.contains(entity)) continue;
    if (request.report.actions.size() < kActionsMax) request.report.actions.push_back(action);
  }
}

// Those who asked for everything have it once the journal has been sent up to where it was.
void ChannelCore::finish_requests(const Cycle& cycle) {
  std::vector<SyncRequest> finished;
  std::string trouble;
  {
    const std::lock_guard lock(mutex_);
    const auto is_over = [&](const auto& wait) { return agenda_.is_over(wait.first, wait.second); };
    for (auto it = requests_.begin(); it != requests_.end();) {
      const bool is_done = it->stage == SyncRequest::Stage::kUnderWay &&
                           (it->target ? agenda_.has_sent(*it->target, cycle)
                                       : std::ranges::all_of(it->waits, is_over));
      if (!is_done) {
        ++it;
        continue;
      }
      finished.push_back(std::move(*it));
      it = requests_.erase(it);
    }
    if (!aside_.empty())
      trouble = fmt::format("{} set aside; {}: {}", aside_.size(), aside_.begin()->second.name,
                            aside_.begin()->second.reason);
  }
  for (SyncRequest& request : finished) {
    Result<void> result;
    if (request.failures > 0)
      result = fail(Code::kUnavailable, fmt::format("{} could not be sent; {}", request.failures,
                                                    request.first_failure));
    else if (request.target && !trouble.empty())
      result = fail(Code::kUnavailable, trouble);
    finish(std::move(request), std::move(result));
  }
}

void ChannelCore::finish(SyncRequest request, Result<void> result) {
  request.report.result = std::move(result);
  {
    const std::lock_guard lock(mutex_);
    request.report.round_trips = round_trips_ - request.round_trips_before;
    request.report.bytes_up = bytes_up_ - request.bytes_up_before;
    request.report.bytes_down = bytes_down_ - request.bytes_down_before;
  }
  if (request.done) request.done(std::move(request.report));
}

}  // namespace gemel::sync
