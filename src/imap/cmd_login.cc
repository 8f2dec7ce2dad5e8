// LOGIN, AUTHENTICATE, STARTTLS (RFC 3501 §6.2, RFC 4959 for initial responses), UNAUTHENTICATE
// (RFC 8437).

#include <fmt/format.h>

#include <memory>

#include "base/bytes.h"
#include "base/log.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

Error secret_needed() {
  return {Code::kDenied, "passwords are taken only on an encrypted connection"};
}

Status welcome(Session& session, const std::string& userid) {
  TRY_OK(session.log_in(userid));
  log::info("imap login user={} peer={}", userid, session.env().peer_address);
  return Completion{.code = fmt::format("[CAPABILITY {}]", session.capabilities()),
                    .text = "logged in"};
}

std::optional<Status> take_line(Session& session, std::string_view line) {
  // RFC 3501 §6.2.2: the client gives up.
  if (line == "*") return fail(Code::kSyntax, "AUTHENTICATE was cancelled");
  const Result<std::string> message = from_base64(line);
  if (!message) return fail(Code::kSyntax, "that is not base64");
  return take_login_step(session, session.login().step(*message));
}

Status await_rest(Session& session) {
  session.await_line([&session](std::string_view line) { return take_line(session, line); });
  return Completion();
}

}  // namespace

std::optional<Status> take_login_step(Session& session, const Result<wire::SaslStep>& step) {
  if (!step) return session.refuse_login(step.error());
  if (step->done) return welcome(session, step->userid);
  if (!step->is_waiting) session.say(fmt::format("+ {}\r\n", to_base64(step->challenge)));
  return std::nullopt;
}

Status cmd_login(Session& session, Args& args) {
  TRY(const std::string_view userid, args.next_astring());
  TRY(const std::string_view password, args.next_astring());
  TRY_OK(args.tokens.end());
  if (!session.may_send_password()) return std::unexpected(secret_needed());
  const std::optional<Status> done =
      take_login_step(session, session.login().check_password(userid, password));
  return done ? *done : await_rest(session);
}

Status cmd_authenticate(Session& session, Args& args) {
  TRY_OK(args.tokens.space());
  TRY(const std::string_view mechanism, args.tokens.atom());
  std::optional<std::string> initial;
  if (args.tokens.skip(' ')) {
    // RFC 4959 §3: "=" stands for an empty response.
    const std::string_view text = args.tokens.rest();
    TRY(initial, text == "=" ? Result<std::string>("") : from_base64(text));
  }
  TRY_OK(args.tokens.end());
  TRY_OK(session.login().begin(mechanism, session.secrets()));
  if (initial) {
    const std::optional<Status> done = take_login_step(session, session.login().step(*initial));
    if (done) return *done;
  } else {
    session.say("+ \r\n");
  }
  return await_rest(session);
}

// RFC 8437: another user may log in on this connection. Nothing is expunged.
Status cmd_unauthenticate(Session& session, Args& args) {
  TRY_OK(args.tokens.end());
  // RFC 8437 §3: never NO.
  if (!session.may_unauthenticate()) return fail(Code::kSyntax, "this connection stays its user's");
  session.log_out();
  return Completion();
}

Status cmd_starttls(Session& session, Args& args) {
  TRY_OK(args.tokens.end());
  if (session.env().is_tls) return fail(Code::kSyntax, "TLS is on already");
  if (!session.env().can_tls) return fail(Code::kUnsupported, "this server has no certificate");
  session.start_tls();
  return Completion{.text = "begin TLS now"};
}

}  // namespace gemel::imap
