// What POP3 sessions have open: one for the process.
//
// Owns     which maildrops are locked, and when users logged in last. In memory: a restart ends all
//          sessions, and with them their locks.
// Threads  any.
// Source   RFC 1939 §4 (exclusive access), RFC 2449 §6.5 (LOGIN-DELAY), §8.1.2 (IN-USE).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "mail/ids.h"

namespace gemel::pop3 {

class Maildrops {
 public:
  /// Users whose last login is remembered; beyond, the oldest logins are forgotten.
  static constexpr size_t kLoginsMax = 100'000;

  /// A maildrop is this session's alone while the lock lives. The Maildrops must outlive it.
  class Lock {
   public:
    Lock(Lock&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), id_(other.id_) {}
    Lock& operator=(Lock&&) = delete;
    ~Lock();

   private:
    friend class Maildrops;
    Lock(Maildrops* owner, const UniqueId& id) : owner_(owner), id_(id) {}
    Maildrops* owner_;
    UniqueId id_;
  };
  /// Nothing: another session has it.
  std::optional<Lock> lock(const UniqueId& id);

  /// False if the user logged in less than `delay_ms` ago; else this is the last login now.
  bool may_log_in(std::string_view userid, int64_t now_ms, int64_t delay_ms);

 private:
  std::mutex mutex_;
  std::set<UniqueId> locked_;                           // under mutex_
  std::map<std::string, int64_t, std::less<>> logins_;  // by userid; under mutex_
  std::multimap<int64_t, std::string> by_time_;         // the same; under mutex_
};

}  // namespace gemel::pop3
