// The AUTHORIZATION state: USER, PASS, AUTH, STLS, UTF8 (RFC 1939 §4, RFC 5034, RFC 2595, RFC
// 6856).
#include <fmt/format.h>

#include "base/bytes.h"
#include "base/log.h"
#include "mail/charset.h"
#include "pop3/session.h"

namespace gemel::pop3 {
namespace {

Result<void> check_no_argument(std::string_view argument) {
  if (argument.empty()) return {};
  return fail(Code::kSyntax, "this command takes no argument");
}

}  // namespace

bool Session::may_send_password() const {
  return env_.is_tls || env_.is_local || options_->plaintext_auth == PlaintextAuth::kAnywhere;
}

Result<void> Session::check_secret_allowed() const {
  if (may_send_password()) return {};
  return fail(Code::kDenied, "passwords are taken only on an encrypted connection: say STLS first");
}

Result<void> Session::cmd_user(std::string_view argument) {
  TRY_OK(check_secret_allowed());
  if (argument.empty()) return fail(Code::kSyntax, "USER needs a name");
  // RFC 6856 §2.2: what is no UTF-8 is refused.
  if (!is_utf8(argument)) return fail(Code::kSyntax, "the name is no UTF-8");
  user_ = argument;
  say("and the password");  // for any name: which there are is nobody's business
  return {};
}

Result<void> Session::cmd_pass(std::string_view argument) {
  TRY_OK(check_secret_allowed());
  const std::string name = std::exchange(user_, "");
  if (name.empty()) return fail(Code::kDenied, "USER comes before PASS");
  if (!is_utf8(argument)) return fail(Code::kSyntax, "the password is no UTF-8");
  return take_step(login_.check_password(name, argument));
}

Result<void> Session::cmd_auth(std::string_view argument) {
  const size_t space = argument.find(' ');
  const std::string_view mechanism = argument.substr(0, space);
  if (mechanism.empty()) return fail(Code::kSyntax, "AUTH needs a mechanism");
  const Result<void> begun = login_.begin(mechanism, secrets());
  if (!begun && begun.error().code == Code::kDenied) return check_secret_allowed();
  if (!begun) return fail(Code::kSyntax, "there is no such mechanism");
  if (space == std::string_view::npos) {
    output_ += "+ \r\n";
    return {};
  }
  // RFC 5034 §4: "=" stands for an empty initial response.
  const std::string_view initial = argument.substr(space + 1);
  if (initial == "=") return take_step(login_.step(""));
  return take_sasl_line(initial);
}

Result<void> Session::take_sasl_line(std::string_view line) {
  Result<std::string> message = from_base64(line);
  if (line != "*" && message) return take_step(login_.step(*message));
  login_.cancel();
  return fail(Code::kSyntax, line == "*" ? "the login was cancelled" : "that is not base64");
}

Result<void> Session::take_step(const Result<wire::SaslStep>& step) {
  if (!step) return refuse_login(step.error());
  if (step->done) return log_in(login_name_of(*step, options_->mailbox_separator));
  if (!step->is_waiting) output_ += fmt::format("+ {}\r\n", to_base64(step->challenge));
  return {};
}

Session::Next Session::resume_login() {
  const std::optional<Result<wire::SaslStep>> step = login_.resume();
  if (!step) return Next::kWait;
  if (const Result<void> done = take_step(*step); !done) refuse(done.error());
  return Next::kGoOn;
}

Result<void> Session::refuse_login(Error error) {
  log::info("pop3 login refused peer={} reason={}", env_.peer_address, name_of(error.code));
  // Whether the password or the wish to act for another was wrong is nobody's business.
  if (error.code == Code::kDenied || error.code == Code::kUnsupported)
    error.code = Code::kAuthFailed;
  if (++login_failures_ >= options_->limits.login_failures_max) {
    refuse(error);
    close("");
    return {};
  }
  return std::unexpected(std::move(error));
}

Result<void> Session::log_in(const LoginName& login) {
  TRY(Maildrop opened, open_maildrop(login));
  maildrop_.emplace(std::move(opened));
  state_ = kTransaction;
  bad_in_a_row_ = 0;
  log::info("pop3 login user={} mailbox=\"{}\" peer={} messages={}", login.userid, login.path,
            env_.peer_address, maildrop_->size());
  say(fmt::format("{} messages, {} octets", maildrop_->count(), maildrop_->octets()));
  return {};
}

Result<Maildrop> Session::open_maildrop(const LoginName& login) {
  const MailStore& store = options_->store;
  const Result<MailboxName> name = MailboxName::make(login.userid, login.path);
  const Result<MailboxInfo> mailbox =
      name ? store.find(*name) : Result<MailboxInfo>(std::unexpected(name.error()));
  if (!mailbox && (!name || mailbox.error().code == Code::kNotFound))
    return fail(Code::kGone, "the user has no such mailbox");
  TRY_OK(mailbox);
  std::optional<Maildrops::Lock> lock = options_->maildrops.lock(mailbox->id);
  if (!lock) return fail(Code::kExists, "in use");
  if (!options_->maildrops.may_log_in(login.userid, options_->clock.monotonic_ms(),
                                      options_->login_delay_s * 1000))
    return fail(Code::kUnavailable, "too soon");
  return Maildrop::open(store, mailbox->id, *std::move(lock));
}

Result<void> Session::cmd_stls(std::string_view argument) {
  TRY_OK(check_no_argument(argument));
  if (env_.is_tls) return fail(Code::kDenied, "TLS is on already");
  if (!env_.can_tls) return fail(Code::kDenied, "this server has no certificate");
  if (is_utf8_) return fail(Code::kDenied, "STLS comes before UTF8");  // RFC 6856 §2.1
  is_starting_tls_ = true;
  say("begin TLS now");
  return {};
}

Result<void> Session::cmd_utf8(std::string_view argument) {
  TRY_OK(check_no_argument(argument));
  is_utf8_ = true;
  say("UTF-8 it is");
  return {};
}

}  // namespace gemel::pop3
