#include "wire/login.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace gemel::wire {
namespace {

// Whoever tried may be guessing.
bool is_wrong(Code code) { return code == Code::kAuthFailed || code == Code::kDenied; }

}  // namespace

// The credentials, behind the guard; it keeps the userid that was tried.
class Login::Admission final : public CredentialSource {
 public:
  explicit Admission(const Login& login) : login_(login) {}

  Result<std::string> userid_of(std::string_view login_name) override {
    return login_.options_.credentials.userid_of(login_name);
  }
  Result<void> check_user(std::string_view userid) override {
    return login_.options_.credentials.check_user(userid);
  }
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
    return admit();
  }
  // As far as it is known who it is.
  Result<void> admit() const {
    LoginGuard* const guard = login_.options_.services.guard;
    return guard == nullptr ? Result<void>() : guard->admit(login_.origin(userid_));
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
  SessionCount::Slot place = {};                 // of the token among those of its address
  std::optional<Result<SaslStep>> refusal = {};  // held back
  int64_t due_ms = 0;
};

Login::Login(LoginOptions options, const SessionEnv& env)
    : options_(std::move(options)),
      env_(env),
      since_ms_(options_.clock.monotonic_ms()),
      credentials_(std::make_unique<Admission>(*this)) {}

Login::~Login() = default;

int64_t Login::left_ms(int64_t timeout_ms) const {
  return std::max<int64_t>(0, timeout_ms - (options_.clock.monotonic_ms() - since_ms_));
}

SaslOptions Login::sasl_options() const {
  const bool takes_tokens = options_.services.tokens != nullptr;
  return {.credentials = *credentials_,
          .random = options_.random,
          .server_secret = options_.server_secret,
          .tls = env_.is_tls ? env_.tls : nullptr,
          .tokens = takes_tokens ? SaslOptions::Tokens::kTaken : SaslOptions::Tokens::kNone};
}

LoginOrigin Login::origin(std::string_view userid) const {
  return {.address = env_.peer_address,
          .place = env_.is_local ? LoginOrigin::Place::kLocal : LoginOrigin::Place::kRemote,
          .userid = userid};
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
  exchange_ = Exchange{.server = std::move(made)};
  credentials_->forget();
  return {};
}

Result<SaslStep> Login::step(std::string_view message) {
  if (!exchange_) return fail(Code::kSyntax, "no login is under way");
  asked_ms_ = options_.clock.monotonic_ms();
  if (exchange_->outcome == Exchange::Outcome::kOpen)
    if (const Result<void> admitted = credentials_->admit(); !admitted)
      return conclude(std::unexpected(admitted.error()));
  Result<SaslStep> step = exchange_->server->step(message);
  if (step && !step->token.empty()) return ask_about(step->token);
  return conclude(std::move(step));
}

Result<SaslStep> Login::check_password(std::string_view name, std::string_view password) {
  cancel();
  asked_ms_ = options_.clock.monotonic_ms();
  const auto checked = [&]() -> Result<SaslStep> {
    TRY(const std::string userid, credentials_->userid_of(name));
    TRY_OK(credentials_->check_password(userid, password));
    return SaslStep{
        .challenge = {}, .done = true, .userid = userid, .login_name = std::string(name)};
  };
  return conclude(checked());
}

Result<SaslStep> Login::ask_about(const std::string& token) {
  auto waiting = std::make_shared<Waiting>();
  if (LoginGuard* const guard = options_.services.guard) {
    Result<SessionCount::Slot> place = guard->enter_token(origin(""));
    if (!place) return conclude(std::unexpected(place.error()));
    waiting->place = *std::move(place);
  }
  waiting_ = waiting;
  options_.services.tokens->check(token, [waiting, wake = env_.wake](Result<std::string> owner) {
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
  using Outcome = Exchange::Outcome;
  const Outcome before = exchange_ ? exchange_->outcome : Outcome::kOpen;
  if (before == Outcome::kOpen && (step || is_wrong(step.error().code)))
    // Others may have failed since it was asked: a guess too many gets no answer.
    if (const Result<void> admitted = credentials_->admit(); !admitted)
      step = std::unexpected(admitted.error());
  if (step && step->done)
    if (const Result<void> checked = credentials_->check_user(step->userid); !checked)
      step = std::unexpected(checked.error());
  if (!step || step->done)
    exchange_.reset();
  else if (step->is_last || step->is_refusal)
    exchange_->outcome = step->is_last ? Outcome::kProved : Outcome::kRefused;
  LoginGuard* const guard = options_.services.guard;
  if (guard == nullptr) return step;
  if (step && step->done) guard->succeeded(origin(step->userid));
  const bool is_refusal = step ? step->is_refusal : is_wrong(step.error().code);
  if (!is_refusal || before == Outcome::kRefused) return step;
  const int64_t delay_ms = guard->failed(origin(credentials_->userid()));
  return hold_back(std::move(step), delay_ms);
}

Result<SaslStep> Login::hold_back(Result<SaslStep> step, int64_t delay_ms) {
  const int64_t due_ms = asked_ms_ + delay_ms;
  const int64_t left_ms = due_ms - options_.clock.monotonic_ms();
  if (left_ms <= 0) return step;
  waiting_ = std::make_shared<Waiting>();
  waiting_->refusal = std::move(step);
  waiting_->due_ms = due_ms;
  env_.wake_after(left_ms);
  return SaslStep{.challenge = {}, .is_waiting = true};
}

std::optional<Result<SaslStep>> Login::resume() {
  if (!waiting_) return std::nullopt;
  if (waiting_->refusal) {
    const int64_t left_ms = waiting_->due_ms - options_.clock.monotonic_ms();
    if (left_ms <= 0) return *std::exchange(waiting_, nullptr)->refusal;
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
  return conclude(exchange_->server->judge(*owner));
}

}  // namespace gemel::wire
