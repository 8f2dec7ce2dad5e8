// AUTHENTICATE, UNAUTHENTICATE, STARTTLS (RFC 5804 §2.1, §2.14, §2.2).
#include <fmt/format.h>

#include "base/bytes.h"
#include "base/log.h"
#include "managesieve/session.h"

namespace gemel::managesieve {

Result<Reply> Session::cmd_authenticate(wire::Tokenizer& args) {
  TRY_OK(args.space());
  TRY(const std::string_view mechanism, args.string());
  std::optional<std::string> initial;
  if (args.skip(' ')) {
    TRY(const std::string_view text, args.string());
    TRY(initial, from_base64(text));
  }
  TRY_OK(args.end());
  const Result<void> begun = login_.begin(mechanism, secrets());
  if (!begun && begun.error().code == Code::kDenied)
    return fail(Code::kUnavailable, begun.error().text);
  TRY_OK(begun);
  if (!initial) {
    output_ += "\"\"\r\n";
    return Reply();
  }
  std::optional<Result<Reply>> done = take_sasl_step(login_.step(*initial));
  return done ? *std::move(done) : Reply();
}

void Session::take_sasl_line(wire::Tokenizer& args) {
  const auto take = [&]() -> std::optional<Result<Reply>> {
    const Result<std::string_view> text = args.string();
    if (!text) return std::unexpected(text.error());
    if (const Result<void> end = args.end(); !end) return std::unexpected(end.error());
    // RFC 5804 §2.1: the client gives up.
    if (*text == "*") return fail(Code::kSyntax, "the login was cancelled");
    const Result<std::string> message = from_base64(*text);
    if (!message) return fail(Code::kSyntax, "that is not base64");
    return take_sasl_step(login_.step(*message));
  };
  const std::optional<Result<Reply>> done = take();
  if (!done) return;
  login_.cancel();
  answer(*done);
}

// False: what it waits for has not come.
bool Session::resume_login() {
  const std::optional<Result<wire::SaslStep>> step = login_.resume();
  if (!step) return false;
  if (const std::optional<Result<Reply>> done = take_sasl_step(*step)) answer(*done);
  return true;
}

// Nothing while the exchange goes on: its challenge was said.
std::optional<Result<Reply>> Session::take_sasl_step(Result<wire::SaslStep> step) {
  Reply reply{.text = "logged in"};
  // RFC 5804 §1.3, SASL: what the server says last goes with the OK; the client has nothing to
  // answer (RFC 5802 §3).
  if (step && step->is_last) {
    reply.code = fmt::format("SASL \"{}\"", to_base64(step->challenge));
    step = login_.step("");
  }
  if (!step) return refuse_login(step.error());
  if (step->is_waiting) return std::nullopt;
  if (step->done) return welcome(step->userid, std::move(reply));
  wire::put_string(output_, to_base64(step->challenge));
  output_ += "\r\n";
  return std::nullopt;
}

Reply Session::welcome(const std::string& userid, Reply reply) {
  log::info("managesieve login user={} peer={}", userid, env_.peer_address);
  userid_ = userid;
  framer_.set_limits(framer_limits());
  return reply;
}

std::unexpected<Error> Session::refuse_login(Error error) {
  log::info("managesieve login refused peer={} reason={}", env_.peer_address, name_of(error.code));
  if (++login_failures_ >= options_->limits.login_failures_max) leave("too many failed logins");
  // Whether the password or the wish to act for another was wrong is nobody's business.
  if (error.code == Code::kDenied || error.code == Code::kAuthFailed)
    return fail(Code::kAuthFailed, "wrong user name or password");
  return std::unexpected(std::move(error));
}

Result<Reply> Session::cmd_unauthenticate(wire::Tokenizer& args) {
  TRY_OK(args.end());
  userid_.clear();
  login_.begin_anew();
  framer_.set_limits(framer_limits());
  return Reply{.text = "you are nobody again"};
}

Result<Reply> Session::cmd_starttls(wire::Tokenizer& args) {
  TRY_OK(args.end());
  if (env_.is_tls) return fail(Code::kSyntax, "TLS is on already");
  if (!env_.can_tls) return fail(Code::kUnsupported, "this server has no certificate");
  is_starting_tls_ = true;
  return Reply{.text = "begin TLS now"};
}

}  // namespace gemel::managesieve
