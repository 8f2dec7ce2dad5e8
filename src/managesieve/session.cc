#include "managesieve/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "base/log.h"

namespace gemel::managesieve {
namespace {

// More work than this in one call would keep the others waiting.
constexpr size_t kStepsMax = 100;

void put_capability(std::string& out, std::string_view name,
                    std::optional<std::string_view> value) {
  wire::put_string(out, name);
  if (value) {
    out += ' ';
    wire::put_string(out, *value);
  }
  out += "\r\n";
}

}  // namespace

wire::SessionFactory session_factory(std::shared_ptr<const Options> options) {
  return [options](wire::SessionEnv env) {
    return std::make_unique<Session>(options, std::move(env));
  };
}

Session::Session(std::shared_ptr<const Options> options, wire::SessionEnv env)
    : options_(std::move(options)),
      env_(std::move(env)),
      login_({.credentials = options_->credentials,
              .random = options_->random,
              .clock = options_->clock,
              .server_secret = options_->server_secret,
              .services = options_->login},
             env_),
      gate_(options_->ack_gate, env_.wake),
      place_(options_->peers->enter(env_.peer_address)),
      framer_(framer_limits()) {}

wire::FramerLimits Session::framer_limits() const {
  const Limits& limits = options_->limits;
  const size_t before_login = limits.command_bytes_before_login_max;
  const size_t script = options_->quota.script_bytes_max;
  const bool is_in = !userid_.empty();
  return {.line_bytes_max = limits.line_bytes_max,
          .literal_bytes_max = is_in ? UINT64_MAX : before_login,
          .literals_max = limits.literals_max,
          .command_bytes_max = is_in ? script + 2 * limits.line_bytes_max : before_login};
}

std::span<const Session::Command> Session::commands() {
  constexpr uint8_t kAny = kNotAuthenticated | kAuthenticated;
  static constexpr std::array kCommands = {
      Command{"AUTHENTICATE", kNotAuthenticated, &Session::cmd_authenticate},
      Command{"CAPABILITY", kAny, &Session::cmd_capability},
      Command{"CHECKSCRIPT", kAuthenticated, &Session::cmd_checkscript},
      Command{"DELETESCRIPT", kAuthenticated, &Session::cmd_deletescript},
      Command{"GETSCRIPT", kAuthenticated, &Session::cmd_getscript},
      Command{"HAVESPACE", kAuthenticated, &Session::cmd_havespace},
      Command{"LISTSCRIPTS", kAuthenticated, &Session::cmd_listscripts},
      Command{"LOGOUT", kAny, &Session::cmd_logout},
      Command{"NOOP", kAny, &Session::cmd_noop},
      Command{"PUTSCRIPT", kAuthenticated, &Session::cmd_putscript},
      Command{"RENAMESCRIPT", kAuthenticated, &Session::cmd_renamescript},
      Command{"SETACTIVE", kAuthenticated, &Session::cmd_setactive},
      Command{"STARTTLS", kNotAuthenticated, &Session::cmd_starttls},
      Command{"UNAUTHENTICATE", kAuthenticated, &Session::cmd_unauthenticate},
  };
  static_assert(std::ranges::is_sorted(kCommands, {}, &Command::name));  // found by binary search
  return kCommands;
}

bool Session::may_send_password() const {
  return env_.is_tls || env_.is_local || options_->plaintext_auth == PlaintextAuth::kAnywhere;
}

// RFC 5804 §1.7.
std::string Session::capabilities() const {
  std::string out;
  put_capability(out, "IMPLEMENTATION", "Gemel");
  put_capability(out, "SIEVE", sieve::sieve_capability(options_->compile));
  put_capability(out, "SASL", login_.mechanisms(secrets()));
  if (env_.can_tls && !env_.is_tls && userid_.empty()) put_capability(out, "STARTTLS", {});
  const std::string notify = sieve::notify_capability(options_->compile);
  if (!notify.empty()) put_capability(out, "NOTIFY", notify);
  put_capability(out, "MAXREDIRECTS", std::to_string(options_->redirects_max));
  put_capability(out, "LANGUAGE", "en");
  put_capability(out, "UNAUTHENTICATE", {});
  if (!userid_.empty()) put_capability(out, "OWNER", userid_);
  put_capability(out, "VERSION", "1.0");
  return out;
}

wire::Want Session::want() const {
  if (has_more_) return wire::Want::kMore;
  if (awaits_replicas_) return wire::Want::kWake;
  if (login_.is_waiting() && !is_closing_) return wire::Want::kWake;
  if (is_closing_) return wire::Want::kClose;
  if (is_starting_tls_) return wire::Want::kTls;
  return wire::Want::kInput;
}

std::optional<int64_t> Session::input_timeout_ms() const {
  if (!is_stranger()) return options_->limits.idle_timeout_ms;
  return login_.left_ms(options_->limits.login_timeout_ms);
}

void Session::tls_started() {
  is_starting_tls_ = false;
  env_.is_tls = true;
  // What came before the handshake was not protected (RFC 5804 §2.2).
  framer_.drop_buffered();
  output_ += capabilities() + line_of(Reply{.text = "TLS is on"});
}

// Said behind the answer to the command under way.
void Session::leave(std::string_view text) {
  if (!bye_ && !is_closing_) bye_ = text;
}

void Session::produce(std::string& out, size_t bytes_max) {
  const WitnessScope witnessed = gate_.scope();
  const size_t start = out.size();
  if (!std::exchange(has_greeted_, true)) {
    if (place_)
      output_ += capabilities() + line_of(Reply{.text = "Gemel is ready"});
    else
      leave("too many connections from your address");
  }
  has_more_ = false;
  for (size_t steps = 0;; ++steps) {
    if (bye_ && !due_) {
      output_ += bye_line(*std::exchange(bye_, std::nullopt));
      is_closing_ = true;
    }
    out += std::exchange(output_, "");
    if (is_closing_ && !due_) return;
    if (out.size() - start >= bytes_max || steps == kStepsMax) {
      has_more_ = true;
      return;
    }
    if (!advance()) return;
  }
}

// False when there is nothing to do before more comes.
bool Session::advance() {
  if (due_) return answer_when_replicated();
  if (is_starting_tls_) return false;
  if (is_shutting_down_) {
    leave("the server is stopping");
    return true;
  }
  if (login_.is_waiting()) return resume_login();
  Result<std::optional<wire::Step>> step = framer_.next();
  if (!step) {
    login_.cancel();
    answer(fail(Code::kSyntax, step.error().text));
    if (framer_.is_broken()) leave("lost in the stream");
    return true;
  }
  if (!*step) {
    is_closing_ = is_input_over_;
    return false;
  }
  take_step(**std::move(step));
  return true;
}

void Session::take_step(wire::Step step) {
  if (step.kind == wire::Step::Kind::kLiteral) return take_literal(step.literal);
  if (step.kind == wire::Step::Kind::kCommand) return take_command(step.frame);
}

// RFC 5804 §4: clients' literals never wait.
void Session::take_literal(const wire::Literal& literal) {
  Result<void> kept;
  if (literal.synchronising || literal.binary)
    kept = fail(Code::kSyntax, "literals are {n+}");
  else if (!userid_.empty() && literal.size > options_->quota.script_bytes_max)
    kept = fail(Code::kTooBig,
                fmt::format("a script may have {} octets", options_->quota.script_bytes_max));
  if (kept) {
    kept = framer_.keep();
    if (kept) return;
  } else {
    framer_.refuse();
  }
  login_.cancel();
  answer(std::unexpected(kept.error()));
  if (framer_.is_broken()) leave("lost in the stream");
}

void Session::take_command(const wire::Frame& frame) {
  wire::Tokenizer args(frame);
  if (login_.is_under_way()) return take_sasl_line(args);
  Result<Reply> reply = run(args);
  // AUTHENTICATE goes on, its challenge has been said.
  if (!login_.is_under_way() && !login_.is_waiting()) due_ = std::move(reply);
}

// False: the replicas are still to say that they have what was changed.
bool Session::answer_when_replicated() {
  const std::optional<Result<void>> replicated = gate_.verdict();
  awaits_replicas_ = !replicated;
  if (!replicated) return false;
  Result<Reply> reply = *std::exchange(due_, std::nullopt);
  if (reply && !*replicated) reply = std::unexpected(replicated->error());
  // Of a replica that is away; before the login it is a password that can't be read in the clear.
  if (!reply && !userid_.empty() && reply.error().code == Code::kUnavailable)
    reply = fail(Code::kBusy, reply.error().text);
  answer(reply);
  return true;
}

Result<Reply> Session::run(wire::Tokenizer& args) {
  TRY(const std::string_view word, args.atom());
  const std::string name = to_upper(word);
  const auto table = commands();
  const auto found = std::ranges::lower_bound(table, std::string_view(name), {}, &Command::name);
  if (found == table.end() || found->name != name) return fail(Code::kSyntax, "unknown command");
  if ((found->states & state()) == 0)
    return fail(Code::kSyntax, userid_.empty() ? "log in first" : "you are logged in already");
  return (this->*found->run)(args);
}

void Session::answer(const Result<Reply>& reply) {
  output_ += reply ? line_of(*reply) : line_of(reply.error());
  if (reply || !is_bad(reply.error())) {
    bad_in_a_row_ = 0;
    return;
  }
  if (++bad_in_a_row_ < options_->limits.bad_commands_max) return;
  log::warn("managesieve closed peer={} reason=bad-commands", env_.peer_address);
  leave("too many bad commands");
}

}  // namespace gemel::managesieve
