// One connection's logins: SASL or a bare password, with whatever they have to wait for.
//
// A step may not have its outcome yet: a token is still being asked about elsewhere, or a refusal
// is held back from who guesses. Then it is_waiting: the session wants kWake and nothing else, and
// asks resume() when it is woken. It is here, and for all doors, that who has proved to be somebody
// is asked for among the users, and that refusals are counted and take their time: a refusal is due
// so long after the message that it answers, whatever there was to compute.
//
// Owns     the exchange under way, a token's place among those of its address.
// Threads  as the session that holds it.
// Source   RFC 4422; doc/access.md.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "wire/login_guard.h"
#include "wire/sasl.h"
#include "wire/session.h"

namespace gemel::wire {

/// Who knows bearer tokens.
class TokenSource {
 public:
  virtual ~TokenSource() = default;
  /// Calls `done` once, at once or later and then from any thread, with the owner's userid. Never
  /// waits. Errors: kAuthFailed, the token is not good; kUnavailable, nobody could be asked.
  virtual void check(std::string token, std::function<void(Result<std::string>)> done) = 0;
};

/// What logins of all connections share; it must outlive them.
struct LoginServices {
  TokenSource* tokens = nullptr;  // none: no mechanism with tokens
  LoginGuard* guard = nullptr;    // none: refusals come at once, however many
};

struct LoginOptions {
  CredentialSource& credentials;
  Random& random;
  Clock& clock;
  std::string server_secret;  // see SaslOptions
  LoginServices services = {};
};

class Login {
 public:
  /// Whether secrets may cross the wire as they are.
  enum class Secrets : uint8_t { kHidden, kMayShow };

  /// The environment must outlive it.
  Login(LoginOptions options, const SessionEnv& env);
  ~Login();

  /// Names of the mechanisms that begin() takes now, each behind `prefix` and a space between them.
  std::string mechanisms(Secrets secrets, std::string_view prefix = "") const;

  /// Errors: kUnsupported, there is none of that name; kDenied, it shows its secret.
  Result<void> begin(std::string_view mechanism, Secrets secrets);
  bool is_under_way() const { return exchange_.has_value(); }
  void cancel() { exchange_.reset(); }

  /// As SaslServer::step; when it is done or has failed, the exchange is over. Errors: kBusy too,
  /// for an address or a user with too many failures.
  Result<SaslStep> step(std::string_view message);
  /// The same for a name and a password that came without SASL.
  Result<SaslStep> check_password(std::string_view name, std::string_view password);

  /// How much of `timeout_ms` is left to log in, never below 0. It runs from the connection on, or
  /// from begin_anew(), whatever comes meanwhile: a byte now and then does not keep a connection.
  int64_t left_ms(int64_t timeout_ms) const;
  void begin_anew() { since_ms_ = options_.clock.monotonic_ms(); }

  bool is_waiting() const { return waiting_ != nullptr; }
  /// What the last step came to, if it has; is_waiting again if a refusal is held back.
  std::optional<Result<SaslStep>> resume();

 private:
  class Admission;
  struct Waiting;
  struct Exchange {
    std::unique_ptr<SaslServer> server;
    /// The last challenge was the outcome; only the client's answer to it is still to come.
    enum class Outcome : uint8_t { kOpen, kProved, kRefused } outcome = Outcome::kOpen;
  };

  SaslOptions sasl_options() const;
  LoginOrigin origin(std::string_view userid) const;
  Result<SaslStep> ask_about(const std::string& token);
  Result<SaslStep> conclude(Result<SaslStep> step);
  Result<SaslStep> hold_back(Result<SaslStep> step, int64_t delay_ms);

  const LoginOptions options_;
  const SessionEnv& env_;
  int64_t since_ms_;  // that one may log in
  std::unique_ptr<Admission> credentials_;
  std::optional<Exchange> exchange_;
  int64_t asked_ms_ = 0;  // when the message came whose outcome is looked for
  std::shared_ptr<Waiting> waiting_;
};

}  // namespace gemel::wire
