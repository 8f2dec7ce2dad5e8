// How many sessions each user has: one for the process.
//
// Threads  any.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace gemel::imap {

class UserSessions {
 public:
  /// `count_max` for each user; 0: any number.
  explicit UserSessions(size_t count_max) : count_max_(count_max) {}

  /// Counts while it lives. The UserSessions must outlive it.
  class Slot {
   public:
    Slot(Slot&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), userid_(std::move(other.userid_)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (owner_ != nullptr) owner_->leave(userid_);
    }

   private:
    friend class UserSessions;
    Slot(UserSessions* owner, std::string userid) : owner_(owner), userid_(std::move(userid)) {}
    UserSessions* owner_;
    std::string userid_;
  };

  /// Nothing: the user has as many as there may be.
  std::optional<Slot> enter(const std::string& userid) {
    const std::scoped_lock held(mutex_);
    size_t& count = counts_[userid];
    if (count_max_ != 0 && count >= count_max_) return std::nullopt;
    ++count;
    return Slot(this, userid);
  }

 private:
  void leave(const std::string& userid) {
    const std::scoped_lock held(mutex_);
    const auto at = counts_.find(userid);
    if (--at->second == 0) counts_.erase(at);
  }

  const size_t count_max_;
  std::mutex mutex_;
  std::map<std::string, size_t> counts_;  // never 0; under mutex_
};

}  // namespace gemel::imap
