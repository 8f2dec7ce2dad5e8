// How a channel stands, for those who look at it.
#include <algorithm>

#include "sync/channel_core.h"

namespace gemel::sync {

ChannelStatus ChannelCore::status() const {
  ChannelStatus status;
  JournalSeq cursor;
  {
    const std::lock_guard lock(mutex_);
    const int64_t now = clock_.monotonic_ms();
    status.connected = connected_;
    status.paused = mode_ == ChannelOptions::Mode::kOneShot;
    status.is_apart = is_apart_;
    status.position = sent_;
    cursor = cursor_;
    status.changes_behind = pending_;
    if (sent_ < store_.journal_head())
      status.lag_ms = now - times_.time_of(JournalSeq(sent_.value + 1), now);
    status.last_error = last_error_;
    if (!connected_ && !last_error_.empty())
      status.retry_in_ms = std::max<int64_t>(0, next_attempt_at_ms_ - now);
    for (const auto& [entity, aside] : aside_)
      status.set_aside.push_back(
          {aside.name, aside.reason, std::max<int64_t>(0, aside.due_ms - now)});
    status.strangers.assign(strangers_.begin(), strangers_.end());
    status.batches = batches_;
    status.round_trips = round_trips_;
    status.bytes_up = bytes_up_;
    status.bytes_down = bytes_down_;
  }
  if (options_.acknowledges) status.acknowledges = options_.acknowledges->status();
  if (const auto entries = store_.journal_since(cursor, kChangesBehindMax))
    status.changes_behind += entries->size();
  if (status.changes_behind == 0) status.lag_ms = 0;
  return status;
}

// Of what is under way, or in the journal behind it, or set aside: since when, about.
std::map<Entity, int64_t> ChannelCore::lags() const {
  std::map<Entity, int64_t> lags;
  JournalSeq cursor;
  const int64_t now = clock_.monotonic_ms();
  const auto note = [&](const Entity& entity, JournalSeq seq) {
    int64_t& lag = lags[entity];
    lag = std::max(lag, now - times_.time_of(seq, now));
  };
  {
    const std::lock_guard lock(mutex_);
    cursor = cursor_;
    // Of the whole it is only known that all of it may be missing.
    const JournalSeq oldest(sent_.value + 1);
    for (const auto& [entity, seq] : under_way_) note(entity, seq ? seq : oldest);
    for (const auto& [entity, found] : aside_) lags.try_emplace(entity, 0);
  }
  if (const auto entries = store_.journal_since(cursor, kChangesBehindMax)) {
    const std::lock_guard lock(mutex_);
    for (const MailStore::JournalEntry& entry : *entries) note(entry.entity, entry.seq);
  }
  return lags;
}

std::vector<UserLag> ChannelCore::users_behind() const {
  std::map<std::string, UserLag> users;
  for (const auto& [entity, lag] : lags()) {
    std::string userid;
    if (const auto* named = std::get_if<std::string>(&entity)) {
      userid = *named;
    } else {
      const Result<MailboxInfo> info = store_.find(std::get<UniqueId>(entity));
      if (!info) continue;  // gone for good meanwhile
      userid = info->name.owner;
    }
    UserLag& user = users[userid];
    user.userid = userid;
    ++user.changes;
    user.lag_ms = std::max(user.lag_ms, lag);
    const std::lock_guard lock(mutex_);
    if (aside_.contains(entity)) ++user.set_aside;
  }
  std::vector<UserLag> out;
  for (auto& [userid, user] : users) out.push_back(std::move(user));
  std::ranges::sort(out, {}, [](const UserLag& user) {
    return std::pair(-user.lag_ms, std::string_view(user.userid));
  });
  return out;
}

}  // namespace gemel::sync
