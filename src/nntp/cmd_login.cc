// AUTHINFO (RFC 4643), STARTTLS (RFC 4642), COMPRESS (RFC 8054).
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "nntp/session.h"

namespace gemel::nntp {
namespace {

constexpr size_t kAlgorithmBytesMax = 20;  // RFC 8054 §4
constexpr std::string_view kNeedsTls = "passwords are taken only on an encrypted connection";

void welcome(Session& session, const std::string& userid, std::string_view last_word) {
  session.log_in(userid);
  if (last_word.empty()) return session.say(281, "logged in");
  session.say(283, to_base64(last_word));  // RFC 4643 §2.4.2
}

void authinfo_user(Session& session, const Words& words) {
  if (words.size() != 3) return session.refuse(501, "AUTHINFO USER takes a name");
  if (!session.may_send_password()) return session.refuse(483, kNeedsTls);
  session.pending_user = words[2];
  session.say(381, "and the password");
}

void authinfo_pass(Session& session, const Words& words) {
  if (words.size() != 3) return session.refuse(501, "AUTHINFO PASS takes a password");
  if (!session.may_send_password()) return session.refuse(483, kNeedsTls);
  const std::string userid = std::exchange(session.pending_user, {});
  if (userid.empty()) return session.refuse(482, "AUTHINFO USER comes first");
  take_login_step(session, session.login().check_password(userid, words[2]));
}

void take_line(Session& session, std::string_view line) {
  // RFC 4643 §2.4.1: the client gives up.
  if (line == "*") {
    session.login().cancel();
    return session.refuse(481, "the exchange was cancelled");
  }
  const auto message = line == "=" ? Result<std::string>("") : from_base64(line);
  if (message) return take_login_step(session, session.login().step(*message));
  session.login().cancel();
  session.refuse(504, "that is not base64");  // RFC 3977 §3.2.1
}

void authinfo_sasl(Session& session, const Words& words) {
  if (words.size() < 3 || words.size() > 4)
    return session.refuse(501, "AUTHINFO SASL takes a mechanism and an initial response");
  const Result<void> begun = session.login().begin(words[2], session.secrets());
  if (!begun && begun.error().code == Code::kDenied) return session.refuse(483, kNeedsTls);
  if (!begun) return session.refuse(503, "that mechanism is not offered");
  if (words.size() == 4) return take_line(session, words[3]);
  session.say(383, "=");
  session.await_line(take_line);
}

}  // namespace

void take_login_step(Session& session, Result<wire::SaslStep> step) {
  std::string last_word;
  if (step && step->is_last) {
    last_word = std::move(step->challenge);
    step = session.login().step("");
  }
  if (!step && step.error().code == Code::kSyntax)
    return session.refuse(482, "that is no message of this mechanism");
  if (!step) return session.refuse_login(step.error());
  if (step->done) return welcome(session, step->userid, last_word);
  if (step->is_waiting) return;
  // RFC 4643 §2.4.1: an empty challenge is "=".
  session.say(383, step->challenge.empty() ? "=" : to_base64(step->challenge));
  session.await_line(take_line);
}

void cmd_authinfo(Session& session, const Words& words) {
  // RFC 4643 §2.2, RFC 8054 §2.2.2.
  if (!session.userid().empty()) return session.refuse(502, "you are logged in");
  if (session.is_compressed()) return session.refuse(502, "no login behind COMPRESS");
  if (equals_ignoring_case(words[1], "USER")) return authinfo_user(session, words);
  if (equals_ignoring_case(words[1], "PASS")) return authinfo_pass(session, words);
  if (equals_ignoring_case(words[1], "SASL")) return authinfo_sasl(session, words);
  session.refuse(501, "AUTHINFO takes USER, PASS or SASL");
}

void cmd_starttls(Session& session, const Words&) {
  if (session.env().is_tls) return session.refuse(502, "TLS is on already");
  // RFC 4642 §2.2.2, RFC 8054 §2.2.2.
  if (!session.userid().empty()) return session.refuse(502, "you are logged in");
  if (session.is_compressed()) return session.refuse(502, "no TLS behind COMPRESS");
  if (!session.env().can_tls) return session.refuse(580, "this server has no certificate");
  session.say(382, "begin TLS now");
  session.start_tls();
}

void cmd_compress(Session& session, const Words& words) {
  // RFC 8054 §2.2.2 and §4: what can be no name is another error than one that is not known.
  const bool is_name =
      words[1].size() <= kAlgorithmBytesMax && std::ranges::all_of(words[1], [](char c) {
        return (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_';
      });
  if (!is_name) return session.refuse(501, "that is no name of an algorithm");
  if (words[1] != "DEFLATE") return session.refuse(503, "only DEFLATE is understood");
  if (session.is_compressed()) return session.refuse(502, "compression is on already");
  session.say(206, "compressed from here on");
  session.start_compression();
}

}  // namespace gemel::nntp
