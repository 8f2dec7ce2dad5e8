#include "pop3/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "base/give_back.h"
#include "base/log.h"
#include "pop3/reply.h"

namespace gemel::pop3 {
namespace {

// After so many commands in one go the session lets others run.
constexpr size_t kStepsMax = 64;

}  // namespace

std::unique_ptr<wire::Session> make_session(std::shared_ptr<const Options> options,
                                            wire::SessionEnv env) {
  return std::make_unique<Session>(std::move(options), std::move(env));
}

Session::Session(std::shared_ptr<const Options> options, wire::SessionEnv env)
    : options_(std::move(options)),
      env_(std::move(env)),
      gate_(options_->ack_gate, env_.wake),
      credentials_(options_->store, options_->mailbox_separator, options_->credentials),
      login_({.credentials = credentials_,
              .random = options_->random,
              .clock = options_->clock,
              .server_secret = options_->server_secret,
              .services = options_->login},
             env_) {
  // No "<": that would be the challenge of APOP (RFC 1939 §7), which there is not.
  say(fmt::format("{} POP3 ready", options_->hostname));
}

std::span<const Session::Command> Session::commands() {
  constexpr uint8_t kBoth = kAuthorization | kTransaction;
  static constexpr std::array kCommands = {
      Command{"AUTH", kAuthorization, &Session::cmd_auth},
      Command{"CAPA", kBoth, &Session::cmd_capa},
      Command{"DELE", kTransaction, &Session::cmd_dele},
      Command{"LANG", kBoth, &Session::cmd_lang},
      Command{"LIST", kTransaction, &Session::cmd_list},
      Command{"NOOP", kTransaction, &Session::cmd_noop},
      Command{"PASS", kAuthorization, &Session::cmd_pass},
      Command{"QUIT", kBoth, &Session::cmd_quit},
      Command{"RETR", kTransaction, &Session::cmd_retr},
      Command{"RSET", kTransaction, &Session::cmd_rset},
      Command{"STAT", kTransaction, &Session::cmd_stat},
      Command{"STLS", kAuthorization, &Session::cmd_stls},
      Command{"TOP", kTransaction, &Session::cmd_top},
      Command{"UIDL", kTransaction, &Session::cmd_uidl},
      Command{"USER", kAuthorization, &Session::cmd_user},
      Command{"UTF8", kAuthorization, &Session::cmd_utf8},
  };
  static_assert(std::ranges::is_sorted(kCommands, {}, &Command::name));  // found by binary search
  return kCommands;
}

void Session::say(std::string_view text) { output_ += ok_line(text); }

void Session::receive(std::string_view bytes) {
  input_.erase(0, std::exchange(head_, 0));
  input_ += bytes;
  waiting_for_input_ = false;
}

wire::Want Session::want() const {
  if (!output_.empty()) return wire::Want::kMore;
  if (state_ == kClosing) return wire::Want::kClose;
  if (awaits_replicas_) return wire::Want::kWake;
  if (is_starting_tls_) return wire::Want::kTls;
  if (login_.is_waiting()) return wire::Want::kWake;
  return waiting_for_input_ ? wire::Want::kInput : wire::Want::kMore;
}

void Session::produce(std::string& out, size_t bytes_max) {
  const WitnessScope witnessed = gate_.scope();
  const size_t start = out.size();
  waiting_for_input_ = false;
  for (size_t steps = 0;; ++steps) {
    out += output_;
    output_.clear();
    if (state_ == kClosing || out.size() - start >= bytes_max || steps == kStepsMax) break;
    if (advance(out) == Next::kGoOn) continue;
    waiting_for_input_ = true;
    out += output_;
    break;
  }
  give_back(output_);  // an idle session keeps no room for output
}

Session::Next Session::advance(std::string& out) {
  if (work_) {
    step_work(out);
    return Next::kGoOn;
  }
  if (farewell_) return say_goodbye() ? Next::kGoOn : Next::kWait;
  if (is_starting_tls_) return Next::kWait;
  if (is_shutting_down_) {
    abandon();
    return Next::kGoOn;
  }
  if (login_.is_waiting()) return resume_login();
  const std::optional<std::string_view> line = next_line();
  if (!line && is_input_over_) abandon();
  if (!line) return state_ == kClosing ? Next::kGoOn : Next::kWait;
  run_line(*line);
  return Next::kGoOn;
}

void Session::step_work(std::string& out) {
  const Result<Progress> progress = work_->step(out);
  if (!progress) {
    log::warn("pop3 peer={} a reply broke off: {}", env_.peer_address, progress.error().text);
    abandon();
  } else if (*progress == Progress::kDone) {
    work_.reset();
  }
}

std::optional<std::string_view> Session::next_line() {
  const size_t bytes_max = login_.is_under_way() ? options_->limits.sasl_line_bytes_max
                                                 : options_->limits.line_bytes_max;
  while (head_ < input_.size() && state_ != kClosing) {
    const std::string_view unread = std::string_view(input_).substr(head_);
    const size_t end = unread.find('\n');
    const size_t size = end == std::string_view::npos ? unread.size() : end + 1;
    if (size > bytes_max && !skipping_line_) {
      skipping_line_ = true;
      login_.cancel();
      refuse({Code::kTooBig, "the line is too long"});
    }
    if (end == std::string_view::npos && !skipping_line_) return std::nullopt;
    head_ += size;
    if (end == std::string_view::npos) return std::nullopt;
    if (std::exchange(skipping_line_, false)) continue;
    std::string_view line = unread.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  return std::nullopt;
}

void Session::run_line(std::string_view line) {
  if (state_ == kAuthorization && ++commands_ > options_->limits.commands_before_login_max)
    return close(error_line({Code::kDenied, "too many commands before login"}));
  const Result<void> done = login_.is_under_way() ? take_sasl_line(line) : run_command(line);
  if (!done) return refuse(done.error());
  bad_in_a_row_ = 0;
}

Result<void> Session::run_command(std::string_view line) {
  const size_t space = line.find(' ');
  const std::string name = to_upper(line.substr(0, space));
  const auto table = commands();
  const auto found = std::ranges::lower_bound(table, std::string_view(name), {}, &Command::name);
  if (found == table.end() || found->name != name)
    return fail(Code::kSyntax, "there is no such command");
  if ((found->states & state_) == 0)
    return fail(Code::kDenied, state_ == kAuthorization ? "log in first" : "not after the login");
  std::string_view argument;
  if (space != std::string_view::npos) argument = line.substr(space + 1);
  // A password may have spaces anywhere (RFC 1939 §7, PASS).
  while (found->run != &Session::cmd_pass && argument.ends_with(' ')) argument.remove_suffix(1);
  return (this->*found->run)(argument);
}

void Session::refuse(const Error& error) {
  output_ += error_line(error);
  if (!is_bad(error.code)) {
    bad_in_a_row_ = 0;
  } else if (++bad_in_a_row_ > options_->limits.bad_commands_max) {
    log::warn("pop3 closed peer={} reason=bad-commands", env_.peer_address);
    close(error_line({Code::kDenied, "too many bad commands"}));
  }
}

// The maildrop is free for the next session before the client reads that this one is over.
void Session::close(std::string_view last_line) {
  output_ += last_line;
  maildrop_.reset();
  state_ = kClosing;
}

// False: the replicas are still to say that they have what QUIT removed.
bool Session::say_goodbye() {
  const std::optional<Result<void>> replicated = gate_.verdict();
  awaits_replicas_ = !replicated;
  if (!replicated) return false;
  Result<void> done = *std::exchange(farewell_, std::nullopt);
  if (done) done = *replicated;
  // Of a replica that is away; before the login it is a login that comes too soon.
  if (!done && done.error().code == Code::kUnavailable) done = fail(Code::kBusy, done.error().text);
  // RFC 1939 §6: the lock goes and the connection ends whatever came of it.
  close(done ? ok_line("goodbye") : error_line(done.error()));
  return true;
}

// Without UPDATE, and without a word: what came now would be taken for the reply to a command.
void Session::abandon() {
  if (maildrop_) flush_seen();
  work_.reset();
  close("");
}

void Session::tls_started() {
  is_starting_tls_ = false;
  env_.is_tls = true;
  // What was said before the handshake may not be the client's (RFC 2595 §4).
  input_.clear();
  head_ = 0;
  skipping_line_ = false;
  user_.clear();
}

std::optional<int64_t> Session::input_timeout_ms() const {
  if (!is_stranger()) return options_->limits.idle_timeout_ms;
  return login_.left_ms(options_->limits.login_timeout_ms);
}

// RFC 1939 §3: no message is removed, and the client is told nothing.
void Session::timed_out() {
  if (!farewell_) abandon();
}

// What came before it is still done: a client may close its side right behind QUIT.
void Session::end_of_input() {
  is_input_over_ = true;
  waiting_for_input_ = false;
}

void Session::shut_down() {
  is_shutting_down_ = true;
  waiting_for_input_ = false;
}

}  // namespace gemel::pop3
