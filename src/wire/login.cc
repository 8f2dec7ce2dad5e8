#include "wire/login.h"

#include <utility>

#include "base/bytes.h"

namespace gemel::wire {

// The credentials, behind the guard; it keeps the name that was tried.
class Login::Admission final : public CredentialSource {
 public:
  explicit Admission(const Login& login) : login_(login) {}

  Result<ScramCredential> scram(std::string_view userid) override {
    TRY_OK(admit(userid));
    return login_.options_.credentials.scram(userid);
  }
  Result<void> check_password(std::string_view userid, std::string_view password) override {
    TRY_OK(admit(userid));
    return login_.options_.credentials.check_password(userid, password);
  }
  uint32_t usual_iterations() const override {
    return login_.options_.credentials.usual_iterations();
  }

  Result<void> admit(std::string_view userid) {
    userid_ = userid;
    LoginGuard* const guard = login_.options_.services.guard;
    return guard == nullptr ? Result<void>() : guard->admit(login_.origin());
  }
  void forget() { userid_.clear(); }
  const std::string& userid() const { return userid_; }

 private:
  const Login& login_;
  std::string userid_;
};

// Shared with whoever checks the token, who may answer when this is gone.
struct Login::Waiting {
  std::mutex mutex;
  std::optional<Result<std::string>> owner;  // of the token; under mutex
  // Only the session's.
  std::optional<Error> refusal = {};  // held back
  int64_t due_ms = 0;
};

Login::Login(LoginOptions options, const SessionEnv& env)
    : options_(std::move(options)), env_(env), credentials_(std::make_unique<Admission>(*this)) {}

Login::~Login() = default;

SaslOptions Login::sasl_options() const {
  const bool takes_tokens = options_.services.tokens != nullptr;
  return {.credentials = *credentials_,
          .random = options_.random,
          .server_secret = options_.server_secret,
          .tls = env_.is_tls ? env_.tls : nullptr,
          .tokens = takes_tokens ? SaslOptions::Tokens::kTaken : SaslOptions::Tokens::kNone};
}

LoginOrigin Login::origin() const {
  return {.address = env_.peer_address,
          .place = env_.is_local ? LoginOrigin::Place::kLocal : LoginOrigin::Place::kRemote,
          .userid = credentials_->userid()};
}

std::string Login::mechanisms(Secrets secrets, std::string_view prefix) const {
  std::string out;
  for (const std::string_view name : sasl_mechanisms(sasl_options())) {
    if (secrets == Secrets::kHidden && shows_its_secret(name)) continue;
    if (!out.empty()) out += ' ';
    (out += prefix) += name;
  }
  return out;
}

Result<void> Login::begin(std::string_view mechanism, Secrets secrets) {
  TRY(std::unique_ptr<SaslServer> made, make_sasl_server(mechanism, sasl_options()));
  if (secrets == Secrets::kHidden && shows_its_secret(mechanism))
    return fail(Code::kDenied, "passwords are taken only on an encrypted connection");
  exchange_ = std::move(made);
  credentials_->forget();
  return {};
}

Result<SaslStep> Login::step(std::string_view message) {
  if (!exchange_) return fail(Code::kSyntax, "no login is under way");
  Result<SaslStep> step = exchange_->step(message);
  if (step && !step->token.empty()) return ask_about(step->token);
  return conclude(std::move(step));
}

Result<SaslStep> Login::check_password(std::string_view userid, std::string_view password) {
  const Result<void> checked = credentials_->check_password(userid, password);
  if (!checked) return conclude(std::unexpected(checked.error()));
  return conclude(SaslStep{.challenge = {}, .done = true, .userid = std::string(userid)});
}

Result<SaslStep> Login::ask_about(const std::string& token) {
  waiting_ = std::make_shared<Waiting>();
  options_.services.tokens->check(
      token, [waiting = waiting_, wake = env_.wake](Result<std::string> owner) {
        {
          const std::scoped_lock lock(waiting->mutex);
          waiting->owner = std::move(owner);
        }
        wake();
      });
  std::optional<Result<SaslStep>> at_once = resume();
  return at_once ? *std::move(at_once) : SaslStep{.challenge = {}, .is_waiting = true};
}

Result<SaslStep> Login::conclude(Result<SaslStep> step) {
  if (step && !step->done) return step;
  exchange_.reset();
  LoginGuard* const guard = options_.services.guard;
  if (guard == nullptr) return step;
  if (step) {
    const std::string userid = step->userid;
    guard->succeeded({.address = env_.peer_address, .userid = userid});
    return step;
  }
  if (step.error().code != Code::kAuthFailed && step.error().code != Code::kDenied) return step;
  const int64_t delay_ms = guard->failed(origin());
  if (delay_ms == 0) return step;
  waiting_ = std::make_shared<Waiting>();
  waiting_->refusal = step.error();
  waiting_->due_ms = options_.clock.monotonic_ms() + delay_ms;
  env_.wake_after(delay_ms);
  return SaslStep{.challenge = {}, .is_waiting = true};
}

std::optional<Result<SaslStep>> Login::resume() {
  if (!waiting_) return std::nullopt;
  if (waiting_->refusal) {
    const int64_t left_ms = waiting_->due_ms - options_.clock.monotonic_ms();
    if (left_ms <= 0) return std::unexpected(*std::exchange(waiting_, nullptr)->refusal);
    env_.wake_after(left_ms);
    return std::nullopt;
  }
  std::optional<Result<std::string>> owner;
  {
    const std::scoped_lock lock(waiting_->mutex);
    owner = waiting_->owner;
  }
  if (!owner) return std::nullopt;
  waiting_.reset();
  if (!exchange_) return fail(Code::kAuthFailed, "the login was given up");
  return conclude(exchange_->judge(*owner));
}

}  // namespace gemel::wire
