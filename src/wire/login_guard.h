// Failed logins by address and by user: those who guess are slowed down, then stopped for a while.
//
// A refusal waits the longer the more its address has failed; an address, or a name, that has
// failed too often is refused unchecked until its failures are old. A name's cap does not hold for
// an address from which its user has logged in lately, so that nobody can lock out who is at home.
// Names are counted whether they exist or not. A login that succeeds makes up for what failed for
// its user from its address, and for nothing else.
//
// Owns     counts in memory, bounded; a restart forgets them.
// Threads  any.
// Source   RFC 9051 §11.7; doc/access.md.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "wire/session_count.h"

namespace gemel::wire {

/// Tokens of one address that may be asked about at once, so that none takes all places.
inline constexpr size_t kTokensAtOnceMax = 16;

struct LoginGuardOptions {
  int64_t delay_ms = 1000;           // of the first refusal; twice as long each further one
  int64_t delay_ms_max = 15'000;     // and not longer
  size_t address_failures_max = 50;  // within window_ms; 0: no limit
  size_t user_failures_max = 20;     // within window_ms, from whatever addresses; 0: no limit
  int64_t window_ms = 10 * 60 * 1000;
  int64_t home_ms = 30LL * 86'400 * 1000;  // how long an address stays a user's
  size_t entries_max = 50'000;             // of each kind
  /// Webmail brings many users from this machine: its failures count for users alone.
  enum class Local : uint8_t { kExempt, kCounted } local = Local::kExempt;
};

/// Where a login comes from, and as whom.
struct LoginOrigin {
  std::string_view address = {};
  enum class Place : uint8_t { kRemote, kLocal } place = Place::kRemote;
  std::string_view userid = {};
};

class LoginGuard {
 public:
  /// The clock must outlive it.
  LoginGuard(LoginGuardOptions options, Clock& clock) : options_(options), clock_(clock) {}

  /// Ask right before anything is checked. Errors: kBusy, too many failures.
  Result<void> admit(const LoginOrigin& origin);
  /// While a token is asked about: keep what it gives until the answer is there. Errors: kBusy,
  /// this address has kTokensAtOnceMax.
  Result<SessionCount::Slot> enter_token(const LoginOrigin& origin);
  /// How many milliseconds the refusal must wait.
  int64_t failed(const LoginOrigin& origin);
  void succeeded(const LoginOrigin& origin);

 private:
  struct Failures {
    size_t count = 0;
    int64_t until_ms = 0;  // when they are old
  };
  using Table = std::map<std::string, Failures, std::less<>>;

  bool counts_address(const LoginOrigin& origin) const;
  size_t count_of(Table& table, const std::string& key, int64_t now_ms);
  size_t count_up(Table& table, const std::string& key, int64_t now_ms);
  static void count_down(Table& table, const std::string& key, size_t count);
  template <class Entries, class IsOld>
  void make_room(Entries& entries, IsOld is_old);

  const LoginGuardOptions options_;
  Clock& clock_;
  SessionCount tokens_{kTokensAtOnceMax};  // being asked about, by address
  std::mutex mutex_;
  // Under mutex_.
  Table by_address_;
  Table by_user_;
  Table by_both_;
  std::map<std::string, int64_t, std::less<>> homes_;  // user and address -> until when
};

}  // namespace gemel::wire
