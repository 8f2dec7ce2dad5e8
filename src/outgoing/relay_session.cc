#include "outgoing/relay_session.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "mail/charset.h"
#include "mail/mime_header.h"

namespace gemel::outgoing {
namespace {

constexpr size_t kPieceBytes = 64 << 10;

Outcome::Kind kind_of(int code) {
  if (code >= 200 && code < 300) return Outcome::Kind::kSent;
  return code >= 500 && code < 600 ? Outcome::Kind::kRefused : Outcome::Kind::kLater;
}

bool is_size_extension(const std::string& line) {
  return line == "SIZE" || line.starts_with("SIZE ");
}

}  // namespace

RelaySession::RelaySession(Feed& feed, const RelayOptions& options, Random& random,
                           wire::SessionEnv env)
    : feed_(feed), options_(options), random_(random), env_(std::move(env)) {}

RelaySession::~RelaySession() {
  if (item_) feed_.done(*item_, {Outcome::Kind::kLater, "the connection was lost"});
}

void RelaySession::receive(std::string_view bytes) { input_ += bytes; }

wire::Want RelaySession::want() const {
  if (!output_.empty()) return wire::Want::kMore;
  if (is_starting_tls_) return wire::Want::kTls;
  if (step_ == Step::kEnd) return wire::Want::kClose;
  return step_ == Step::kBody ? wire::Want::kMore : wire::Want::kInput;
}

std::optional<int64_t> RelaySession::input_timeout_ms() const {
  return step_ == Step::kDot ? kFinalReplyTimeoutMs : kReplyTimeoutMs;
}

void RelaySession::tls_started() {
  is_starting_tls_ = false;
  env_.is_tls = true;
  input_.clear();  // RFC 3207 §4.2
  say(Step::kEhlo, "EHLO " + options_.hostname);
}

void RelaySession::produce(std::string& out, size_t bytes_max) {
  while (!is_starting_tls_ && step_ != Step::kBody && step_ != Step::kEnd) {
    const std::optional<Reply> reply = take_reply();
    if (!reply) break;
    on_reply(*reply);
  }
  out += std::exchange(output_, "");
  if (step_ == Step::kBody) flow(out, bytes_max);
}

// RFC 5321 §4.2.1: lines "250-words" up to one "250 words".
std::optional<RelaySession::Reply> RelaySession::take_reply() {
  Reply reply;
  for (size_t at = 0;;) {
    const size_t end = input_.find('\n', at);
    if (end == std::string::npos) {
      if (input_.size() > kReplyBytesMax) abandon("the relay's reply does not end");
      return std::nullopt;
    }
    std::string line = input_.substr(at, end - at);
    at = end + 1;
    if (line.ends_with('\r')) line.pop_back();
    const Result<uint64_t> code = parse_number(std::string_view(line).substr(0, 3));
    if (line.size() < 3 || !code || *code < 200) {
      abandon("the relay does not speak SMTP");
      return std::nullopt;
    }
    reply.code = static_cast<int>(*code);
    reply.text = line;
    reply.lines.push_back(line.size() > 4 ? line.substr(4) : "");
    if (line.size() > 3 && line[3] == '-') continue;
    input_.erase(0, at);
    return reply;
  }
}

void RelaySession::say(Step next, std::string_view line) {
  step_ = next;
  output_ += line;
  output_ += "\r\n";
}

void RelaySession::on_reply(const Reply& reply) {
  switch (step_) {
    case Step::kGreeting:
      if (reply.code != 220) return abandon(reply.text);
      return say(Step::kEhlo, "EHLO " + options_.hostname);
    case Step::kEhlo:
      return on_ehlo(reply);
    case Step::kStartTls:
      if (reply.code != 220) return abandon(reply.text);
      is_starting_tls_ = true;
      return;
    case Step::kAuth:
      return on_auth(reply);
    case Step::kReset:
      return next_message();
    case Step::kQuit:
      step_ = Step::kEnd;
      return;
    default:
      return on_message_reply(reply);
  }
}

void RelaySession::on_ehlo(const Reply& reply) {
  if (reply.code != 250) return abandon(reply.text);
  extensions_.clear();
  for (const std::string& line : reply.lines) extensions_.insert(to_upper(line));
  if (!env_.is_tls && options_.tls == RelayOptions::Tls::kRequired) {
    if (extensions_.contains("STARTTLS")) return say(Step::kStartTls, "STARTTLS");
    return abandon("the relay offers no TLS");
  }
  if (!options_.user.empty()) return start_login();
  next_message();
}

void RelaySession::start_login() {
  std::string mechanisms;
  for (const std::string& extension : extensions_)
    if (extension.starts_with("AUTH ")) mechanisms = extension + " ";
  if (mechanisms.contains(" SCRAM-SHA-256 ")) {
    Result<wire::ScramClient> made =
        wire::ScramClient::make(options_.user, options_.password, random_);
    if (!made) return abandon(made.error().text);
    scram_ = *std::move(made);
    return say(Step::kAuth, "AUTH SCRAM-SHA-256 " + to_base64(scram_->first()));
  }
  // A password as it is only where nobody else can read it.
  if (mechanisms.contains(" PLAIN ") && (env_.is_tls || env_.is_local))
    return say(Step::kAuth,
               "AUTH PLAIN " + to_base64('\0' + options_.user + '\0' + options_.password));
  abandon("the relay offers no login that is safe here");
}

void RelaySession::on_auth(const Reply& reply) {
  if (reply.code == 235) return next_message();
  if (reply.code != 334 || !scram_) return abandon(reply.text);
  const Result<std::string> challenge = from_base64(reply.lines.back());
  if (!challenge) return abandon("the relay's challenge is not base64");
  if (challenge->starts_with("v=") || challenge->starts_with("e=")) {
    if (!scram_->verify(*challenge)) return abandon("the relay does not know the password");
    return say(Step::kAuth, "");
  }
  const Result<std::string> answer = scram_->answer(*challenge);
  if (!answer) return abandon(answer.error().text);
  say(Step::kAuth, to_base64(*answer));
}

void RelaySession::next_message() {
  was_ready_ = true;
  if (!stopping_) item_ = feed_.next();
  if (!item_) return say(Step::kQuit, "QUIT");
  say_mail();
}

// What the message needs is told where the relay offers it. What it can't take, it refuses itself,
// but for an address that it could not even read.
void RelaySession::say_mail() {
  const OutboxEnvelope& envelope = item_->mail.envelope;
  const Result<std::string> start = item_->mail.body.read(item_->mail.message_at, kHeaderBytesMax);
  if (!start) return report({Outcome::Kind::kLater, start.error().text});
  const std::string_view header = std::string_view(*start).substr(0, header_size(*start));
  const bool needs_utf8 =
      !is_ascii(envelope.sender) || !is_ascii(envelope.recipient) || !is_ascii(header);
  const bool offers_utf8 = extensions_.contains("SMTPUTF8");
  if (needs_utf8 && !offers_utf8 && (!is_ascii(envelope.sender) || !is_ascii(envelope.recipient)))
    return report({Outcome::Kind::kRefused, "550 5.6.7 the relay takes no such addresses"});
  std::string line = fmt::format("MAIL FROM:<{}>", envelope.sender);
  if (extensions_.contains("8BITMIME")) line += " BODY=8BITMIME";
  // RFC 1870 §5: what is too large for the relay is refused before it crosses.
  if (std::ranges::any_of(extensions_, is_size_extension))
    line += fmt::format(" SIZE={}", item_->mail.body.size() - item_->mail.message_at);
  if (needs_utf8 && offers_utf8) line += " SMTPUTF8";
  say(Step::kMail, line);
}

// RFC 5230 §5.1, RFC 3834 §4: nobody is to be told what became of an answer.
void RelaySession::say_recipient() {
  const OutboxEnvelope& envelope = item_->mail.envelope;
  const bool is_answer = envelope.sender.empty() && extensions_.contains("DSN");
  say(Step::kRecipient,
      fmt::format("RCPT TO:<{}>{}", envelope.recipient, is_answer ? " NOTIFY=NEVER" : ""));
}

void RelaySession::on_message_reply(const Reply& reply) {
  const Outcome::Kind kind = kind_of(reply.code);
  if (step_ == Step::kData && reply.code == 354) {
    at_ = item_->mail.message_at;
    stuffer_ = {};
    step_ = Step::kBody;
    return;
  }
  if (step_ == Step::kDot) {
    report({kind, reply.text});
    return;
  }
  if (kind != Outcome::Kind::kSent || step_ == Step::kData)
    return report({kind == Outcome::Kind::kSent ? Outcome::Kind::kLater : kind, reply.text});
  if (step_ == Step::kMail) return say_recipient();
  say(Step::kData, "DATA");
}

void RelaySession::flow(std::string& out, size_t bytes_max) {
  const size_t start = out.size();
  const Body& body = item_->mail.body;
  while (out.size() - start < bytes_max) {
    if (at_ >= body.size()) {
      stuffer_.finish(out);
      step_ = Step::kDot;
      return;
    }
    const Result<std::string> piece = body.read(at_, kPieceBytes);
    if (!piece) return abandon(piece.error().text);  // half a message must not end as a whole one
    at_ += piece->size();
    stuffer_.put(*piece, out);
  }
}

void RelaySession::report(const Outcome& outcome) {
  const Step was = step_;
  const Feed::Item item = *std::exchange(item_, std::nullopt);
  feed_.done(item, outcome);
  if (was == Step::kDot) return next_message();
  say(Step::kReset, "RSET");
}

void RelaySession::abandon(const std::string& text) {
  if (item_) {
    const Feed::Item item = *std::exchange(item_, std::nullopt);
    feed_.done(item, {Outcome::Kind::kLater, text});
  }
  if (!was_ready_) feed_.unreachable(text);
  was_ready_ = true;
  step_ = Step::kEnd;
}

}  // namespace gemel::outgoing
