#include "pop3/maildrops.h"

namespace gemel::pop3 {

Maildrops::Lock::~Lock() {
  if (owner_ == nullptr) return;
  const std::scoped_lock held(owner_->mutex_);
  owner_->locked_.erase(id_);
}

std::optional<Maildrops::Lock> Maildrops::lock(const UniqueId& id) {
  const std::scoped_lock held(mutex_);
  if (!locked_.insert(id).second) return std::nullopt;
  return Lock(this, id);
}

bool Maildrops::may_log_in(std::string_view userid, int64_t now_ms, int64_t delay_ms) {
  if (delay_ms <= 0) return true;
  const std::scoped_lock held(mutex_);
  while (!by_time_.empty() &&
         (now_ms - by_time_.begin()->first >= delay_ms || logins_.size() >= kLoginsMax)) {
    logins_.erase(by_time_.begin()->second);
    by_time_.erase(by_time_.begin());
  }
  if (!logins_.emplace(userid, now_ms).second) return false;
  by_time_.emplace(now_ms, userid);
  return true;
}

}  // namespace gemel::pop3
