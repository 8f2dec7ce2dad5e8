#include "lmtp/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "base/log.h"

namespace gemel::lmtp {

Session::Session(const Services& services, const Options& options, wire::SessionEnv env)
    : services_(services),
      options_(options),
      env_(std::move(env)),
      gate_(services.ack_gate, env_.wake),
      place_(options.peers->enter(env_.peer_address)),
      input_since_ms_(services.clock.monotonic_ms()) {
  if (options_.credentials != nullptr)
    login_.emplace(wire::LoginOptions{.credentials = *options_.credentials,
                                      .random = services_.random,
                                      .clock = services_.clock,
                                      .server_secret = options_.server_secret,
                                      .services = {.guard = options_.login_guard}},
                   env_);
  greet();
}

void Session::greet() {
  const auto& allow = options_.allow;
  const bool is_allowed = allow.empty() || env_.peer_address == "unix" ||
                          std::ranges::any_of(allow, [&](const auto& range) {
                            return range.contains(env_.peer_address);
                          });
  if (!is_allowed) {
    log::warn("lmtp refused peer={} reason=not-allowed", env_.peer_address);
    return close_with({554, "5.7.1", "you may not deliver here"});
  }
  if (!place_) {
    log::warn("lmtp refused peer={} reason=too-many-connections", env_.peer_address);
    return close_with({421, "4.7.0", "too many connections from your address"});
  }
  pending_ = fmt::format("220 {} LMTP Gemel\r\n", options_.hostname);
}

std::span<const Session::Command> Session::commands() {
  constexpr uint8_t kMessage = kMail | kRecipients | kChunks;
  constexpr uint8_t kGreeted = kReady | kMessage;
  constexpr uint8_t kAny = kStart | kGreeted;
  static constexpr std::array kCommands = {
      Command{"AUTH", kReady, &Session::cmd_auth},
      Command{"BDAT", kAny, &Session::cmd_bdat},
      Command{"DATA", kReady | kMail | kRecipients, &Session::cmd_data},
      Command{"LHLO", kAny, &Session::cmd_lhlo},
      Command{"MAIL", kReady, &Session::cmd_mail},
      Command{"NOOP", kAny, &Session::cmd_noop},
      Command{"QUIT", kAny, &Session::cmd_quit},
      Command{"RCPT", kMail | kRecipients, &Session::cmd_rcpt},
      Command{"RSET", kAny, &Session::cmd_rset},
      Command{"STARTTLS", kReady, &Session::cmd_starttls},
      Command{"VRFY", kAny, &Session::cmd_vrfy},
  };
  static_assert(std::ranges::is_sorted(kCommands, {}, &Command::name));  // found by binary search
  return kCommands;
}

void Session::receive(std::string_view bytes) {
  input_.erase(0, std::exchange(head_, 0));
  input_ += bytes;
  waiting_for_input_ = false;
  // A body may take its time; a command has to come to its end (see input_timeout_ms).
  if (state_ == kBody || state_ == kChunk) input_since_ms_ = services_.clock.monotonic_ms();
}

void Session::produce(std::string& out, size_t bytes_max) {
  const WitnessScope witnessed = gate_.scope();
  const size_t start = out.size();
  out += std::exchange(pending_, "");
  while (!is_closing() && !is_starting_tls_ && out.size() - start < bytes_max)
    if (!step(out)) break;
  waiting_for_input_ = out.size() - start < bytes_max;
  out += std::exchange(pending_, "");
}

// False when more input is needed, or replicas are waited for.
bool Session::step(std::string& out) {
  if (state_ == kBody || state_ == kChunk) {
    if (state_ == kChunk && chunk_.left == 0) {
      finish_chunk(out);
      return true;
    }
    if (head_ == input_.size()) return false;
    if (state_ == kBody)
      take_body();
    else
      take_chunk(out);
    return true;
  }
  if (state_ == kReplying) return say_replies(out);
  if (is_login_waiting()) {
    const std::optional<Result<wire::SaslStep>> step = login_->resume();
    if (step) take_auth_step(*step, out);
    return step.has_value();
  }
  const std::optional<std::string_view> line = next_line(out);
  if (!line) return false;
  if (is_logging_in())
    take_auth_line(*line, out);
  else
    run_line(*line, out);
  input_since_ms_ = services_.clock.monotonic_ms();
  return true;
}

wire::Want Session::want() const {
  if (!pending_.empty()) return wire::Want::kMore;
  if (is_closing()) return wire::Want::kClose;
  if (is_starting_tls_) return wire::Want::kTls;
  if (!waiting_for_input_) return wire::Want::kMore;
  return state_ == kReplying || is_login_waiting() ? wire::Want::kWake : wire::Want::kInput;
}

void Session::tls_started() {
  // RFC 3207 §4.2: all that was learned before is forgotten, and what was sent behind STARTTLS in
  // the clear could be an attacker's.
  input_.clear();
  head_ = 0;
  client_name_.clear();
  userid_.clear();
  message_ = Message();
  state_ = kStart;
  is_starting_tls_ = false;
  env_.is_tls = true;
  input_since_ms_ = services_.clock.monotonic_ms();
}

// A deadline for a whole line, so that a byte now and then does not keep the connection.
std::optional<int64_t> Session::input_timeout_ms() const {
  const int64_t since = services_.clock.monotonic_ms() - input_since_ms_;
  return std::max<int64_t>(0, options_.input_timeout_ms - since);
}

std::optional<std::string_view> Session::next_line(std::string& out) {
  const size_t line_bytes_max = is_logging_in() ? kAuthLineBytesMax : options_.line_bytes_max;
  while (head_ < input_.size()) {
    const std::string_view unread = std::string_view(input_).substr(head_);
    const size_t end = unread.find('\n');
    const size_t size = end == std::string_view::npos ? unread.size() : end + 1;
    if (size > line_bytes_max && !skipping_line_) {
      skipping_line_ = true;
      // RFC 4954 §6: an exchange has a status code of its own, and is over.
      const bool is_exchange = is_logging_in();
      if (login_) login_->cancel();
      refuse(out, {500, is_exchange ? "5.5.6" : "5.5.2", "the line is too long"});
      if (is_closing()) return std::nullopt;
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

void Session::run_line(std::string_view line, std::string& out) {
  const size_t space = line.find(' ');
  const std::string name = to_upper(line.substr(0, space));
  const auto table = commands();
  const auto found = std::ranges::lower_bound(table, std::string_view(name), {}, &Command::name);
  // RFC 2033 §4.1: HELO and EHLO are refused too, so that no SMTP client takes us for its server.
  if (found == table.end() || found->name != name)
    return refuse(out, {500, "5.5.1", "unknown command"});
  if (!(found->states & state_)) {
    const bool is_early = state_ == kStart;
    return refuse(out, {503, "5.5.1", is_early ? "LHLO first" : "not now"});
  }
  std::string_view argument =
      space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  while (argument.ends_with(' ')) argument.remove_suffix(1);
  (this->*found->run)(argument, out);
}

void Session::refuse(std::string& out, const Reply& reply) {
  say(out, reply);
  if (++bad_commands_ <= options_.bad_commands_max) return;
  log::warn("lmtp closed peer={} reason=bad-commands", env_.peer_address);
  close_with({421, "4.7.0", "too many bad commands"});
}

void Session::close_with(Reply reply) {
  if (is_closing()) return;
  if (reply.code == 421) reply.text = fmt::format("{} {}", options_.hostname, reply.text);
  pending_ += lines_of(reply);
  reset();
  state_ = kClosing;
}

void Session::reset() {
  message_ = Message();
  if (state_ != kStart) state_ = kReady;
}

void Session::timed_out() { close_with({421, "4.4.2", "no input for too long"}); }

// What had no final dot was never a message (RFC 5321 §4.1.1.4).
void Session::end_of_input() {
  reset();
  state_ = kClosing;
}

// Replies that are owed are said first.
void Session::shut_down() {
  is_stopping_ = true;
  if (state_ != kReplying) close_with({421, "4.3.2", "the server is stopping"});
}

wire::SessionFactory session_factory(Services services, const Options& options) {
  return [services, &options](wire::SessionEnv env) {
    return std::make_unique<Session>(services, options, std::move(env));
  };
}

}  // namespace gemel::lmtp
