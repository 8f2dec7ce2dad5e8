#include "sync/receiver.h"

#include <array>

#include "base/bytes.h"
#include "base/log.h"
#include "sync/receiver_session.h"
#include "sync/words.h"

namespace gemel::sync {
namespace {

// Of a body that goes out, read at once.
constexpr uint64_t kReadBytes = 256 << 10;

}  // namespace

std::unique_ptr<wire::Session> make_receiver(MailStore& store, ReceiverOptions options,
                                             wire::SessionEnv env) {
  return std::make_unique<Receiver>(store, std::move(options), std::move(env));
}

Receiver::Receiver(MailStore& store, ReceiverOptions options, wire::SessionEnv env)
    : store_(store),
      options_(std::move(options)),
      env_(std::move(env)),
      framer_(kLoginLimits),
      answers_(store, *options_.clock),
      login_({.credentials = *options_.credentials,
              .random = *options_.random,
              .clock = *options_.clock,
              .server_secret = options_.server_secret,
              .services = {.guard = options_.guard}},
             env_) {}

void Receiver::receive(std::string_view bytes) {
  framer_.feed(bytes);
  if (upstream_) upstream_->heard();
}

void Receiver::produce(std::string& out, size_t bytes_max) {
  if (state_ == State::kCompression && output_.empty()) {
    compressed_ = true;
    state_ = State::kReady;
  }
  if (state_ == State::kGreeting) {
    state_ = State::kLogin;
    say(encode(Greeting{.protocol = kProtocolVersion,
                        .digest_version = kDigestVersion,
                        .server = options_.server_name,
                        .starttls = env_.can_tls && !env_.is_tls,
                        .scram = true,
                        .zstd = true,
                        .zstd_words = true,
                        .received = true,
                        .after = true,
                        .readers = true}));
  }
  if (receipt_ == Receipt::kWritten) finish_sync();
  if (state_ == State::kLogin)
    if (std::optional<Result<wire::SaslStep>> step = login_.resume())
      take_login_step(*std::move(step));
  while (output_.size() < bytes_max && receipt_ == Receipt::kNone && !login_.is_waiting() &&
         (state_ == State::kLogin || state_ == State::kReady)) {
    if (!sending_.empty()) {
      fill(bytes_max);
      continue;
    }
    Result<std::optional<wire::Step>> next = framer_.next();
    if (!next) {
      broken("COMMAND", next.error().text);
      break;
    }
    if (!*next) break;
    step(**next);
  }
  const size_t count = std::min(output_.size(), bytes_max);
  out.append(output_, 0, count);
  output_.erase(0, count);
}

// Some of the answers of a batch: bodies in parts, so that none is whole in memory.
void Receiver::fill(size_t bytes_max) {
  AnswerQueue::Piece& piece = sending_.front();
  output_ += std::exchange(piece.text, {});
  if (piece.view && !sent_body_) start_body();
  if (sent_body_) {
    const uint64_t room = bytes_max > output_.size() ? bytes_max - output_.size() : 1;
    const uint64_t left = sent_body_->size() - sent_bytes_;
    const Result<std::string> bytes =
        sent_body_->read(sent_bytes_, std::min({left, room, kReadBytes}));
    // It has been announced: only the end of the connection says that it does not come.
    if (!bytes || (bytes->empty() && left > 0)) return broken("BODIES", "a body can't be read");
    output_ += *bytes;
    sent_bytes_ += bytes->size();
    if (sent_bytes_ < sent_body_->size()) return;
    output_ += "\r\n";
    sent_body_.reset();
  }
  sending_.pop_front();
}

void Receiver::start_body() {
  AnswerQueue::Piece& piece = sending_.front();
  Result<Body> body = piece.view->body(piece.guid);
  if (!body) {
    output_ += encode(LostRow{piece.view->info().partition, piece.guid});
    return;
  }
  output_ += encode_start(BodyRow{.guid = piece.guid, .size = body->size()});
  sent_body_.emplace(std::move(*body));
  sent_bytes_ = 0;
}

wire::Want Receiver::want() const {
  if (!output_.empty() || !sending_.empty()) return wire::Want::kMore;
  switch (state_) {
    case State::kTls:
      return wire::Want::kTls;
    case State::kCompression:
      return wire::Want::kCompression;
    case State::kClosing:
      return wire::Want::kClose;
    default:
      return receipt_ == Receipt::kNone && !login_.is_waiting() ? wire::Want::kInput
                                                                : wire::Want::kWake;
  }
}

wire::Compression Receiver::compression() const { return compression_; }

std::optional<int64_t> Receiver::input_timeout_ms() const {
  return state_ == State::kReady ? kReceiverTimeoutMs : login_.left_ms(kLoginTimeoutMs);
}

void Receiver::timed_out() { leave({.term = {}, .text = "nothing was said for too long"}); }

void Receiver::shut_down() { leave({.term = {}, .text = "the server is stopping"}); }

// What it waited for: its receipt has been written, or this server's role or term has changed.
void Receiver::wake() {
  if (receipt_ == Receipt::kSaid) receipt_ = Receipt::kWritten;
  if (state_ != State::kReady || is_current()) return;
  const Term now = store_.term();
  leave({.term = now > sender_.term ? std::optional(now) : std::nullopt,
         .text = store_.role() == Role::kPrimary ? "this server is the primary now"
                                                 : "this server follows another term"});
}

// Whether the sender's updates are what this server is to have.
bool Receiver::is_current() const {
  return sender_.term && store_.role() == Role::kReplica && store_.term() == sender_.term;
}

void Receiver::leave(Bye bye) {
  if (state_ == State::kClosing) return;
  log::info("sync link from {} ends: {}", env_.peer_address, bye.text);
  for (const AnswerQueue::Piece& piece : answers_.take()) output_ += piece.text;
  sending_.clear();
  if (!sent_body_) output_ += encode(bye);  // within a body it would be taken for a part of it
  state_ = State::kClosing;
}

void Receiver::tls_started() {
  env_.is_tls = true;
  said_hello_ = false;
  state_ = State::kLogin;
}

// BAD ends the connection: after it the two ends may not agree on the context of what follows.
void Receiver::broken(std::string_view command, std::string_view why) {
  Ending bad;
  bad.kind = Ending::Kind::kBad;
  bad.command = command;
  bad.text = why;
  for (const AnswerQueue::Piece& piece : answers_.take()) output_ += piece.text;
  sending_.clear();
  if (!sent_body_) output_ += encode(bad);
  state_ = State::kClosing;
  log::warn("sync link from {} ends: {}", env_.peer_address, why);
}

void Receiver::answer(std::string text) {
  answers_.add(std::move(text));
  if (answers_.bytes() > kAnswerBytesMax) broken("SYNC", "the batch has too many answers");
}

void Receiver::step(wire::Step& step) {
  switch (step.kind) {
    case wire::Step::Kind::kCommand:
      return run(step.frame);
    case wire::Step::Kind::kBytes:
      return take_body(step.bytes, step.left);
    case wire::Step::Kind::kLiteral:
      ++literals_;
      if (step.literal.binary) return begin_body(step.literal);
      if (const Result<void> kept = framer_.keep(); !kept) broken("COMMAND", kept.error().text);
  }
}

void Receiver::run(const wire::Frame& frame) {
  if (state_ == State::kLogin)
    run_login(frame);
  else
    run_command(frame);
  bodies_.clear();
  literals_ = 0;
  partition_.reset();
  body_error_.reset();
}

// --- bodies, as they come ---

void Receiver::begin_body(const wire::Literal& literal) {
  framer_.stream();
  if (body_error_) return;
  Result<BodyWriter> writer = store_.stage(body_partition());
  // A partition that this end lacks: the update will say so.
  if (!writer && writer.error().code == Code::kNotFound) writer = store_.stage("default");
  if (!writer)
    body_error_ = writer.error();
  else
    writer_.emplace(std::move(*writer));
  if (literal.size > kBodyBytesMax) broken("UPDATE", "a body is too large");
}

// Where the bodies of the command under way will go, from its first words.
std::string Receiver::body_partition() {
  if (partition_) return *partition_;
  partition_ = "default";
  wire::Tokenizer in(framer_.frame());
  if (in.skip_word("BODY") && in.skip(' ')) {
    if (const auto partition = in.astring()) partition_ = std::string(*partition);
    return *partition_;
  }
  if (!in.skip_word("UPDATE") || !in.skip(' ')) return *partition_;
  const Result<UpdateTarget> target = decode_target(in, context_);
  if (!target) return *partition_;  // decoding all of it will tell
  if (target->partition)
    partition_ = *target->partition;
  else if (const Result<MailboxInfo> info = store_.find(target->id))
    partition_ = info->partition;
  return *partition_;
}

void Receiver::take_body(std::string_view bytes, uint64_t left) {
  if (!writer_) return;
  if (const Result<void> taken = writer_->append(bytes); !taken) {
    body_error_ = taken.error();
    writer_.reset();
    return;
  }
  if (left > 0) return;
  Result<StagedBody> body = writer_->finish();
  writer_.reset();
  if (body)
    bodies_.push_back({literals_ - 1, std::move(*body)});
  else
    body_error_ = body.error();
}

// --- login ---

void Receiver::run_login(const wire::Frame& frame) {
  wire::Tokenizer in(frame);
  Result<void> done;
  std::string_view command = "COMMAND";
  if (login_.is_under_way()) {
    command = "AUTHENTICATE";
    done = continue_login(in.rest());
  } else if (in.skip_word("HELLO")) {
    command = "HELLO";
    done = hello(in);
  } else if (in.skip_word("AUTHENTICATE")) {
    command = "AUTHENTICATE";
    done = authenticate(in);
  } else if (in.skip_word("STARTTLS")) {
    command = "STARTTLS";
    done = starttls(in);
  } else {
    done = fail(Code::kSyntax, "expected HELLO, STARTTLS or AUTHENTICATE");
  }
  if (!done) broken(command, done.error().text);
}

Result<void> Receiver::starttls(wire::Tokenizer& in) {
  TRY_OK(in.end());
  if (!env_.can_tls || env_.is_tls) return fail(Code::kUnsupported, "no TLS here and now");
  // What follows came in the clear (RFC 9051 §6.2.1).
  framer_.drop_buffered();
  say("OK STARTTLS\r\n");
  state_ = State::kTls;
  return {};
}

Result<void> Receiver::hello(wire::Tokenizer& in) {
  TRY_OK(in.space());
  TRY(const uint32_t protocol, in.number());
  TRY_OK(in.space());
  TRY(const uint32_t digest, in.number());
  if (protocol != kProtocolVersion || digest != kDigestVersion) {
    say(encode(refusal(
        "HELLO",
        {Code::kDenied, "this end speaks protocol " + std::to_string(kProtocolVersion) +
                            " with digest " + std::to_string(kDigestVersion) + ", the sender " +
                            std::to_string(protocol) + " with " + std::to_string(digest)})));
    state_ = State::kClosing;
    return {};
  }
  // What another version says behind this is not ours to read.
  TRY_OK(in.space());
  TRY(const std::string_view channel, in.astring());
  channel_ = channel;
  TRY_OK(in.space());
  TRY(sender_, read_standing(in));
  if (in.skip_word(" ZSTD-WORDS"))
    compression_ = wire::Compression::kZstdAnswers;
  else if (in.skip_word(" ZSTD"))
    compression_ = wire::Compression::kZstd;
  TRY_OK(in.end());
  said_hello_ = true;
  say("OK HELLO\r\n");
  return {};
}

Result<void> Receiver::authenticate(wire::Tokenizer& in) {
  TRY_OK(in.space());
  TRY(const std::string_view mechanism, in.atom());
  TRY_OK(in.space());
  const std::string_view initial = in.rest();
  if (!said_hello_) return fail(Code::kSyntax, "HELLO comes first");
  if (mechanism != "SCRAM-SHA-256") return fail(Code::kUnsupported, "only SCRAM-SHA-256 is known");
  if (!env_.is_tls && !env_.is_local &&
      options_.plaintext == ReceiverOptions::Plaintext::kLocalOnly) {
    refuse_login("this link needs TLS");
    return {};
  }
  TRY_OK(login_.begin(mechanism, wire::Login::Secrets::kHidden));
  return continue_login(initial);
}

Result<void> Receiver::continue_login(std::string_view base64) {
  if (base64 == "*") {
    refuse_login("given up");
    return {};
  }
  TRY(const std::string message, from_base64(base64));
  take_login_step(login_.step(message));
  return {};
}

void Receiver::take_login_step(Result<wire::SaslStep> step) {
  std::string last;
  // The last message goes along with the OK, which saves a turn (doc/replication-protocol.md).
  if (step && step->is_last) {
    last = std::move(step->challenge);
    step = login_.step("");
  }
  if (!step) return refuse_login(step.error().text);
  if (step->is_waiting) return;
  if (step->done) return logged_in(step->userid, last);
  say("+ " + to_base64(step->challenge) + "\r\n");
}

void Receiver::logged_in(std::string_view userid, std::string_view last_message) {
  if (userid != options_.userid) return refuse_login("this user may not replicate");
  if (framer_.buffered_bytes() > 0)
    return broken("AUTHENTICATE", "more was said before the login was done");
  // The sender has proved who it is: what it said of itself may be believed now.
  if (const Result<void> taken = take_over_term(); !taken)
    return broken("AUTHENTICATE", "its term can't be written down: " + taken.error().text);
  std::string ok = "OK AUTHENTICATE " + to_base64(last_message) + " ";
  put_digest(ok, store_.digest());
  ok += ' ';
  put_standing(ok, standing_of(store_));
  ok += lost_word();
  say(ok + "\r\n");
  if (!is_current()) {
    // The sender knows from our standing why.
    log::info("sync link from {} ({}, term {}): nothing is taken from it now", env_.peer_address,
              channel_, text_of(sender_.term));
    state_ = State::kClosing;
    return;
  }
  framer_ = wire::Framer(kLimits);
  state_ = compression_ == wire::Compression::kNone ? State::kReady : State::kCompression;
  log::info("sync link from {} ({}, term {}) is up", env_.peer_address, channel_,
            text_of(sender_.term));
  if (options_.upstreams != nullptr)
    upstream_ = std::make_unique<Upstreams::Entry>(
        *options_.upstreams,
        Upstream{.channel = channel_, .peer = env_.peer_address, .standing = sender_}, env_.wake);
}

// A later term than ours: whatever this server was, it is a replica of that term now.
Result<void> Receiver::take_over_term() {
  if (sender_.term <= store_.term()) return {};
  if (store_.role() == Role::kPrimary) {
    log::warn("term {} has begun elsewhere: this server, primary in term {}, takes no more writes",
              text_of(sender_.term), text_of(store_.term()));
    TRY_OK(store_.demote(sender_.term));
  }
  TRY_OK(store_.follow(sender_.term));
  options_.on_standing();
  return {};
}

void Receiver::refuse_login(std::string_view why) {
  login_.cancel();
  say(encode(refusal("AUTHENTICATE", {Code::kDenied, std::string(why)})));
  if (++login_tries_ == kLoginTriesMax) state_ = State::kClosing;
}

}  // namespace gemel::sync
