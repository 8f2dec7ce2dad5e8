// What a channel does next: requests by name first, then what was set aside, the whole, the
// journal.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "sync/channel_core.h"

namespace gemel::sync {

std::optional<SyncRequest> ChannelCore::take_scoped_request() {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(requests_, [](const SyncRequest& request) {
    return !request.scope.is_all() || request.effect == SyncEffect::kDryRun;
  });
  if (found == requests_.end()) return std::nullopt;
  SyncRequest request = std::move(*found);
  requests_.erase(found);
  return request;
}

// Whether everything is to be sent now: by itself, or as asked.
bool ChannelCore::may_roll() {
  const JournalSeq head = store_.journal_head();
  const std::lock_guard lock(mutex_);
  for (SyncRequest& request : requests_)
    if (!request.target) request.target = head;
  return mode_ == ChannelOptions::Mode::kRolling || !requests_.empty();
}

Result<std::optional<CyclePlan>> ChannelCore::next_cycle() {
  std::optional<CyclePlan> plan;
  if (std::optional<SyncRequest> request = take_scoped_request()) {
    plan = plan_of(std::move(*request));
  } else if (may_roll()) {
    TRY(plan, plan_rolling());
    if (!plan) finish_requests();
  }
  if (!plan) return plan;
  plan->options.chunks = options_.chunks;
  const bool is_known = has_asked_ && memory_.position();
  if (!is_known && !replica_is_empty_ && plan->options.trust == Cycle::Trust::kRemembered)
    plan->options.trust = Cycle::Trust::kAskFirst;
  has_asked_ = true;
  replica_is_empty_ &= plan->kind == CyclePlan::Kind::kWhole;
  return plan;
}

CyclePlan ChannelCore::plan_of(SyncRequest request) {
  CyclePlan plan;
  plan.kind = CyclePlan::Kind::kRequest;
  const auto add_user = [&](const std::string& userid) {
    plan.options.work.insert(userid);
    const auto infos = store_.mailboxes(userid, MailStore::Which::kDeletedToo);
    if (!infos) return;
    for (const MailboxInfo& info : *infos) plan.options.work.insert(info.id);
  };
  for (const std::string& userid : request.scope.users) add_user(userid);
  for (const MailboxName& name : request.scope.mailboxes)
    if (const Result<MailboxInfo> info = store_.find(name)) plan.options.work.insert(info->id);
  if (request.scope.is_all())
    if (const auto users = store_.users(MailStore::Which::kDeletedToo))
      for (const UserInfo& user : *users) add_user(user.userid);
  if (request.effect == SyncEffect::kDryRun) plan.options.effect = Cycle::Effect::kDryRun;
  plan.request = std::move(request);
  return plan;
}

Result<std::optional<CyclePlan>> ChannelCore::plan_rolling() {
  CyclePlan plan;
  {
    const std::lock_guard lock(mutex_);
    const int64_t now = clock_.monotonic_ms();
    for (const auto& [entity, aside] : aside_)
      if (aside.due_ms <= now) plan.options.work.insert(entity);
  }
  if (!plan.options.work.empty()) {
    plan.kind = CyclePlan::Kind::kSetAside;
    plan.options.trust = Cycle::Trust::kAskFirst;
    return plan;
  }
  if (!memory_.position()) return plan_whole();
  {
    const std::lock_guard lock(mutex_);
    oldest_under_way_ms_ = std::exchange(oldest_change_ms_, std::nullopt);
  }
  const JournalSeq since = *memory_.position();
  TRY(const auto entries, store_.journal_since(since, kCycleEntitiesMax));
  if (entries.empty()) {
    const std::lock_guard lock(mutex_);
    oldest_under_way_ms_.reset();
    if (!is_due_to_survey()) return std::nullopt;
    plan.kind = CyclePlan::Kind::kSurvey;
    plan.options.trust = Cycle::Trust::kSurveyFirst;
    return plan;
  }
  plan.position = entries.back().seq;
  const std::lock_guard lock(mutex_);
  for (const MailStore::JournalEntry& entry : entries)
    if (!aside_.contains(entry.entity)) plan.options.work.insert(entry.entity);
  return plan;
}

// Once on each connection that did not start where the last one ended, when the journal is sent.
bool ChannelCore::is_due_to_survey() { return !std::exchange(has_surveyed_, true); }

// Whether both stores are the same now, as far as can be told without asking.
void ChannelCore::note_in_step() {
  const JournalSeq head = store_.journal_head();
  const Digest digest = store_.digest();
  const bool is_still = store_.journal_head() == head && memory_.position() == head;
  memory_.set_in_step(is_still && memory_.set_aside().empty() ? std::optional(digest)
                                                              : std::nullopt);
}

// Nothing is known of the replica: all users, some at a time. What changes meanwhile is in the
// journal behind where it stood at the start.
Result<CyclePlan> ChannelCore::plan_whole() {
  CyclePlan plan;
  plan.kind = CyclePlan::Kind::kWhole;
  if (!whole_start_) {
    whole_start_ = store_.journal_head();
    whole_user_.clear();
  }
  TRY(const std::vector<UserInfo> users, store_.users(MailStore::Which::kDeletedToo));
  plan.position = whole_start_;
  for (const UserInfo& user : users) {
    if (user.userid <= whole_user_) continue;
    if (plan.options.work.size() >= kCycleEntitiesMax) {
      plan.position.reset();
      break;
    }
    plan.last_user = std::max(plan.last_user, user.userid);
    plan.options.work.insert(user.userid);
    TRY(const auto infos, store_.mailboxes(user.userid, MailStore::Which::kDeletedToo));
    for (const MailboxInfo& info : infos) plan.options.work.insert(info.id);
  }
  return plan;
}

void ChannelCore::cycle_over(CyclePlan plan, const Cycle& cycle) {
  if (plan.options.effect == Cycle::Effect::kSend) take_failures(plan, cycle);
  if (plan.kind == CyclePlan::Kind::kWhole) whole_user_ = plan.last_user;
  if (plan.kind == CyclePlan::Kind::kWhole && plan.position) has_surveyed_ = true;
  if (plan.position) memory_.set_position(*plan.position);
  if (plan.options.effect == Cycle::Effect::kSend) note_in_step();
  if (const Result<void> kept = memory_.settle(); !kept)
    log::error("channel={} can't keep its position: {}", options_.name, kept.error().text);
  {
    const std::lock_guard lock(mutex_);
    position_ = memory_.position();
    if (plan.kind == CyclePlan::Kind::kJournal) oldest_under_way_ms_.reset();
    for (const std::string& name : cycle.strangers())
      if (strangers_.size() < kStrangersMax) strangers_.insert(name);
    for (SyncRequest& request : requests_)
      request.report.actions.insert(request.report.actions.end(), cycle.actions().begin(),
                                    cycle.actions().end());
  }
  if (!plan.request) return finish_requests();
  plan.request->report.actions = cycle.actions();
  Result<void> result;
  if (!cycle.failures().empty()) {
    const auto& [entity, why] = *cycle.failures().begin();
    result = fail(Code::kUnavailable, fmt::format("{} could not be sent; {}: {}",
                                                  cycle.failures().size(), name_of(entity), why));
  }
  finish(std::move(*plan.request), std::move(result));
}

// What failed is set aside; what was set aside and went well is not any more.
void ChannelCore::take_failures(const CyclePlan& plan, const Cycle& cycle) {
  std::map<Entity, std::string> names;
  for (const auto& [entity, why] : cycle.failures()) {
    names[entity] = name_of(entity);
    log::warn("channel={} sets {} aside: {}", options_.name, names[entity], why);
  }
  std::set<std::string> keys;
  {
    const std::lock_guard lock(mutex_);
    const int64_t now = clock_.monotonic_ms();
    for (const Entity& entity : plan.options.work)
      if (!cycle.failures().contains(entity)) aside_.erase(entity);
    for (const auto& [entity, why] : cycle.failures()) {
      Aside& aside = aside_[entity];
      aside.name = names[entity];
      aside.reason = why;
      aside.due_ms = now + std::min(kAsideFirstMs << std::min(aside.tries, 10), kAsideLastMs);
      ++aside.tries;
    }
    for (const auto& [entity, aside] : aside_) keys.insert(key_of(entity));
  }
  memory_.set_aside(std::move(keys));
}

std::optional<int64_t> ChannelCore::next_due_ms() const {
  const std::lock_guard lock(mutex_);
  if (aside_.empty() || mode_ != ChannelOptions::Mode::kRolling) return std::nullopt;
  int64_t due = INT64_MAX;
  for (const auto& [entity, aside] : aside_) due = std::min(due, aside.due_ms);
  return std::max<int64_t>(0, due - clock_.monotonic_ms());
}

// Those who asked for everything have it once the journal has been sent up to where it was.
void ChannelCore::finish_requests() {
  std::vector<SyncRequest> finished;
  std::string trouble;
  {
    const std::lock_guard lock(mutex_);
    for (auto it = requests_.begin(); it != requests_.end();) {
      if (!it->target || !position_ || *position_ < *it->target) {
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
    if (!trouble.empty()) result = fail(Code::kUnavailable, trouble);
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
