// STARTTLS (RFC 3207) and AUTH (RFC 4954).
#include "base/bytes.h"
#include "base/log.h"
#include "lmtp/session.h"

namespace gemel::lmtp {

void Session::cmd_starttls(std::string_view argument, std::string& out) {
  if (!argument.empty()) return refuse(out, {501, "5.5.4", "STARTTLS takes no argument"});
  if (env_.is_tls) return refuse(out, {503, "5.5.1", "TLS is on already"});
  if (!env_.can_tls) return refuse(out, {502, "5.5.1", "this server has no certificate"});
  say(out, {220, "2.0.0", "begin TLS now"});
  is_starting_tls_ = true;
}

void Session::cmd_auth(std::string_view argument, std::string& out) {
  if (!login_) return refuse(out, {502, "5.5.1", "nobody logs in here"});
  if (!userid_.empty()) return refuse(out, {503, "5.5.1", "you are logged in already"});
  const size_t space = argument.find(' ');
  const std::string_view mechanism = argument.substr(0, space);
  const Result<void> begun = login_->begin(mechanism, secrets());
  if (!begun && begun.error().code == Code::kDenied)
    return refuse(out, {538, "5.7.11", begun.error().text});
  if (!begun) return refuse(out, {504, "5.5.4", "no such mechanism here"});
  if (space == std::string_view::npos) return say(out, {334, "", ""});
  // RFC 4954 §4: "=" stands for an empty initial response.
  const std::string_view initial = argument.substr(space + 1);
  take_auth_line(initial == "=" ? std::string_view() : initial, out);
}

void Session::take_auth_line(std::string_view line, std::string& out) {
  if (line == "*") {
    login_->cancel();
    return refuse(out, {501, "5.7.0", "the login was cancelled"});
  }
  const Result<std::string> message = from_base64(line);
  if (!message) {
    login_->cancel();
    return refuse(out, {501, "5.5.2", "that is not base64"});
  }
  take_auth_step(login_->step(*message), out);
}

void Session::take_auth_step(const Result<wire::SaslStep>& step, std::string& out) {
  if (!step) return refuse_login(step.error(), out);
  if (step->is_waiting) return;
  if (!step->done) return say(out, {334, "", to_base64(step->challenge)});
  userid_ = step->userid;
  log::info("lmtp login user={} peer={}", userid_, env_.peer_address);
  say(out, {235, "2.7.0", "logged in"});
}

void Session::refuse_login(const Error& error, std::string& out) {
  log::warn("lmtp login refused peer={} reason={}", env_.peer_address, name_of(error.code));
  if (error.code == Code::kIo || error.code == Code::kBusy)
    return say(out, {454, "4.7.0", "try again later"});
  refuse(out, {535, "5.7.8", "wrong user name or password"});
  if (++login_failures_ >= kLoginFailuresMax) close_with({421, "4.7.0", "too many failed logins"});
}

}  // namespace gemel::lmtp
