#include "nntp/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/log.h"
#include "nntp/reply.h"

namespace gemel::nntp {

std::unique_ptr<wire::Session> make_session(std::shared_ptr<const Options> options,
                                            wire::SessionEnv env) {
  return std::make_unique<Session>(std::move(options), std::move(env));
}

Session::Session(std::shared_ptr<const Options> options, wire::SessionEnv env)
    : options_(std::move(options)),
      env_(std::move(env)),
      login_({.credentials = options_->credentials,
              .random = options_->random,
              .clock = options_->clock,
              .server_secret = options_->server_secret,
              .services = options_->login},
             env_) {}

Session::~Session() { end_awaited(); }

bool Session::may_send_password() const {
  return env_.is_tls || env_.is_local || options_->plaintext_auth == PlaintextAuth::kAnywhere;
}

bool Session::may_use_server() const {
  return !userid_.empty() || options_->anonymous == Anonymous::kAnyone;
}

const Peer* Session::peer() const {
  const auto found = std::ranges::find_if(options_->peers, [&](const Peer& peer) {
    return (!userid_.empty() && peer.userid == userid_) ||
           std::ranges::find(peer.addresses, env_.peer_address) != peer.addresses.end();
  });
  return found == options_->peers.end() ? nullptr : &*found;
}

void Session::receive(std::string_view bytes) {
  input_.erase(0, std::exchange(head_, 0));
  input_ += bytes;
}

wire::Want Session::want() const {
  if (has_more_) return wire::Want::kMore;
  if (awaits_replicas_)
    return may_take_input() && !is_input_over_ ? wire::Want::kInput : wire::Want::kWake;
  if (is_closing_) return wire::Want::kClose;
  if (login_.is_waiting()) return wire::Want::kWake;
  if (is_starting_tls_) return wire::Want::kTls;
  if (is_starting_compression_) return wire::Want::kCompression;
  return wire::Want::kInput;
}

std::optional<int64_t> Session::input_timeout_ms() const {
  if (!is_stranger()) return options_->limits.idle_timeout_ms;
  return login_.left_ms(options_->limits.login_timeout_ms);
}

void Session::timed_out() {
  // RFC 3977 §3.1: without a word, but for what was asked before.
  is_input_over_ = true;
}

void Session::tls_started() {
  is_starting_tls_ = false;
  env_.is_tls = true;
  // RFC 4642 §2.2.2: all that was learnt before is forgotten, and what was sent in the clear behind
  // STARTTLS is dropped.
  input_.clear();
  head_ = 0;
  current_.reset();
  pending_user.clear();
}

void Session::produce(std::string& out, size_t bytes_max) {
  const size_t start = out.size();
  if (!std::exchange(has_greeted_, true))
    say(is_primary() ? 200 : 201, fmt::format("{} Gemel ready", options_->hostname));
  // net asks for output anew when compression is on.
  if (awaited_.empty() && std::exchange(is_starting_compression_, false)) is_compressed_ = true;
  has_more_ = false;
  for (;;) {
    out += std::exchange(output_, {});
    const bool is_turning = is_closing_ || is_starting_tls_ || is_starting_compression_;
    if (is_turning && awaited_.empty()) return;
    if (out.size() - start >= bytes_max) {
      has_more_ = true;
      return;
    }
    if (!advance()) break;
  }
  out += std::exchange(output_, {});
}

bool Session::advance() {
  settle_ready();
  if (answer_) return step_answer();
  const bool waits = login_.is_waiting();
  if (waits && resume_login()) return true;
  if (!waits && may_take_input() && next_input()) return true;
  if (!awaited_.empty()) return settle_first();
  if (is_shutting_down_) {
    say(400, "the server is stopping");
    is_closing_ = true;
    return true;
  }
  is_closing_ = is_closing_ || is_input_over_;
  return false;
}

// False: what it waits for has not come.
bool Session::resume_login() {
  const std::optional<Result<wire::SaslStep>> step = login_.resume();
  if (step) take_login_step(*this, *step);
  return step.has_value();
}

bool Session::step_answer() {
  // The answers before it come first.
  if (!awaited_.empty()) return settle_first();
  const Result<Progress> progress = answer_->step(output_);
  if (!progress) {
    // Half an answer must not pass for a whole one.
    log::warn("nntp user={} answer failed: {}", userid_, progress.error().text);
    output_.clear();
    is_closing_ = true;
  } else if (*progress == Progress::kDone) {
    answer_.reset();
  }
  return true;
}

void Session::say(std::string text) {
  if (awaited_.empty())
    output_ += text;
  else
    awaited_.back().said += text;
}

void Session::say(int code, std::string_view text) { say(line_of(code, text)); }

void Session::refuse(int code, std::string_view text) {
  say(code, text);
  if (++bad_in_a_row_ < options_->limits.bad_commands_max) return;
  log::warn("nntp closed peer={} reason=bad-commands", env_.peer_address);
  say(400, "too many bad commands");
  is_closing_ = true;
}

void Session::log_in(std::string userid) {
  log::info("nntp login user={} peer={}", userid, env_.peer_address);
  userid_ = std::move(userid);
}

void Session::refuse_login(const Error& error) {
  log::info("nntp login refused peer={} reason={}", env_.peer_address, name_of(error.code));
  // Whether the password or the wish to act for another was wrong is nobody's business.
  const bool is_ours = is_passing(error.code);
  say(is_ours ? line_of(error) : line_of(481, "wrong user name or password"));
  if (is_ours || ++login_failures_ < options_->limits.login_failures_max) return;
  say(400, "too many failed logins");
  is_closing_ = true;
}

}  // namespace gemel::nntp
