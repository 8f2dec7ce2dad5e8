#include "sync/sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "base/bytes.h"
#include "sync/channel_core.h"
#include "sync/words.h"
#include "wire/sasl.h"

namespace gemel::sync {
namespace {

class Sender final : public wire::Session {
 public:
  Sender(std::shared_ptr<ChannelCore> core, wire::SessionEnv env)
      : core_(std::move(core)),
        env_(std::move(env)),
        framer_(kLimits),
        cycle_(core_->store(), core_->memory(), context_, *core_,
               {.chunks = core_->options().chunks, .clock = &core_->clock()}) {
    core_->connected(env_.wake);
  }
  ~Sender() override {
    if (trial_)
      core_->finish(std::move(trial_->request), fail(Code::kUnavailable, "the link has ended"));
  }

  void receive(std::string_view bytes) override;
  void produce(std::string& out, size_t bytes_max) override;
  wire::Want want() const override;
  void wake() override { idle_ = false; }
  void tls_started() override;
  wire::Compression compression() const override { return compression_; }
  std::optional<int64_t> input_timeout_ms() const override;
  void timed_out() override;
  void end_of_input() override { fail_with("the other end closed the connection"); }
  void shut_down() override;

 private:
  enum class State : uint8_t { kGreeting, kTlsAsked, kTls, kLogin, kCompression, kReady, kClosing };

  void fail_with(std::string why) { end(ChannelCore::End::kFault, std::move(why)); }
  void end(ChannelCore::End how, std::string why);
  Result<void> take_literal(const wire::Step& step);
  void on_answer(const Answer& answer);
  Result<void> on_greeting(const Greeting& greeting);
  Result<void> on_login(const Answer& answer);
  Result<void> on_batch(const Answer& answer);
  Result<void> say_hello();
  Result<void> fill(std::string& out, size_t bytes_max);
  Result<void> put_piece(std::string& out, size_t bytes_max);
  Cycle& current() { return trial_ ? trial_->cycle : cycle_; }
  bool must_renew() const;
  Result<void> renew();
  Result<bool> plan();
  Result<bool> plan_trial();
  Result<void> batch_over();
  int64_t now_ms() const { return core_->clock().monotonic_ms(); }
  /// What was said now is to be answered.
  void ask();

  std::shared_ptr<ChannelCore> core_;
  wire::SessionEnv env_;
  wire::Framer framer_;
  State state_ = State::kGreeting;
  std::string output_;
  wire::Compression compression_ = wire::Compression::kNone;  // that both ends can
  ChannelCore::Receipt receipt_ = ChannelCore::Receipt::kNotOffered;
  bool compression_asked_ = false;
  bool stopping_ = false;
  std::optional<wire::ScramClient> scram_;

  Standing standing_;  // as it was told

  CodecContext context_;
  Cycle cycle_;
  // While somebody wants to know what would be sent; takes the place of cycle_.
  struct Trial {
    Trial(Sender& sender, SyncRequest taken)
        : request(std::move(taken)),
          run(sender.core_->store(), request.scope,
              is_verify() ? Cycle::Trust::kAskFirst : sender.core_->trust(),
              is_verify() ? DryRun::Method::kDigests : DryRun::Method::kAll),
          cycle(sender.core_->store(), sender.core_->memory(), sender.context_, run,
                {.effect = Cycle::Effect::kDryRun}) {}
    bool is_verify() const { return request.effect == SyncEffect::kVerify; }
    SyncRequest request;
    DryRun run;
    Cycle cycle;
  };
  std::unique_ptr<Trial> trial_;
  std::optional<BodyWriter> writer_;  // of a body that is coming in
  std::deque<OutgoingPiece> pieces_;  // of the command under way
  uint64_t body_offset_ = 0;          // of the first piece's body, when its text has gone
  bool batch_begun_ = false;
  int64_t batch_begun_ms_ = 0;
  int64_t asked_ms_ = 0;
  bool awaits_ = false;  // SYNC has been said
  bool idle_ = false;
  bool throttled_ = false;  // the channel's cap is reached
};

constexpr size_t kReadBytes = 256 << 10;
// Behind OK AUTHENTICATE and OK SYNC: the replica has lost bodies.
constexpr std::string_view kLostWord = "LOST";

void Sender::end(ChannelCore::End how, std::string why) {
  if (state_ == State::kClosing) return;
  core_->ended(how, std::move(why));
  state_ = State::kClosing;
  output_.clear();
}

// --- answers ---

void Sender::receive(std::string_view bytes) {
  framer_.feed(bytes);
  while (state_ != State::kClosing && state_ != State::kTls) {
    Result<std::optional<wire::Step>> step = framer_.next();
    if (!step) return fail_with("the replica: " + step.error().text);
    if (!*step) return;
    if ((*step)->kind != wire::Step::Kind::kCommand) {
      if (const Result<void> taken = take_literal(**step); !taken)
        return fail_with("the replica: " + taken.error().text);
      continue;
    }
    wire::Tokenizer in((*step)->frame);
    const Result<Answer> answer = decode_answer(in);
    if (!answer) return fail_with("the replica's answer can't be read: " + answer.error().text);
    on_answer(*answer);
  }
}

// Bodies go to the disk as they come; what else comes as a literal is short.
Result<void> Sender::take_literal(const wire::Step& step) {
  if (step.kind == wire::Step::Kind::kLiteral) {
    if (!step.literal.binary) return framer_.keep();
    framer_.stream();
    TRY(BodyWriter writer, current().begin_body());
    writer_.emplace(std::move(writer));
    return {};
  }
  if (!writer_) return fail(Code::kSyntax, "bytes of no body");
  TRY_OK(writer_->append(step.bytes));
  if (step.left > 0) return {};
  TRY(StagedBody body, writer_->finish());
  writer_.reset();
  current().take_body(std::move(body));
  return {};
}

void Sender::ask() {
  core_->count_round_trip();
  asked_ms_ = now_ms();
}

void Sender::on_answer(const Answer& answer) {
  Result<void> done;
  if (const auto* bye = std::get_if<Bye>(&answer)) {
    if (bye->term) done = core_->heard(*bye->term);
    if (!done) return fail_with(done.error().text);
    return end(ChannelCore::End::kGoodbye, "the other end says goodbye: " + bye->text);
  }
  if (const auto* ending = std::get_if<Ending>(&answer);
      ending != nullptr && ending->kind == Ending::Kind::kBad)
    return fail_with("the replica: " + ending->text);
  if (const auto* greeting = std::get_if<Greeting>(&answer); greeting != nullptr)
    done = on_greeting(*greeting);
  else if (state_ == State::kReady)
    done = on_batch(answer);
  else
    done = on_login(answer);
  if (!done) fail_with(done.error().text);
}

Result<void> Sender::on_greeting(const Greeting& greeting) {
  if (state_ != State::kGreeting) return fail(Code::kSyntax, "the replica greets twice");
  if (greeting.protocol != kProtocolVersion || greeting.digest_version != kDigestVersion)
    return fail(
        Code::kUnsupported,
        fmt::format("the replica speaks protocol {} with digest {}, this end {} with {}",
                    greeting.protocol, greeting.digest_version, kProtocolVersion, kDigestVersion));
  if (!greeting.scram) return fail(Code::kUnsupported, "the replica has no SCRAM-SHA-256");
  if (greeting.zstd) compression_ = wire::Compression::kZstd;
  if (greeting.zstd_words) compression_ = wire::Compression::kZstdWords;
  if (greeting.received) receipt_ = ChannelCore::Receipt::kOffered;
  if (greeting.after) cycle_.may_say_after();
  if (greeting.readers) cycle_.may_ask_readers();
  if (!env_.is_tls && env_.can_tls && greeting.starttls) {
    output_ += "STARTTLS\r\n";
    ask();
    state_ = State::kTlsAsked;
    return {};
  }
  return say_hello();
}

void Sender::tls_started() {
  env_.is_tls = true;
  if (const Result<void> said = say_hello(); !said) fail_with(said.error().text);
}

Result<void> Sender::say_hello() {
  const ChannelOptions& options = core_->options();
  if (!env_.is_tls && !env_.is_local && options.plaintext == ChannelOptions::Plaintext::kLocalOnly)
    return fail(Code::kDenied, "mail would cross the link to the replica in the clear");
  TRY(scram_, wire::ScramClient::make(options.userid, options.password, *options.random));
  output_ += fmt::format("HELLO {} {} ", kProtocolVersion, kDigestVersion);
  put_text(output_, options.name);
  output_ += ' ';
  standing_ = standing_of(core_->store());
  put_standing(output_, standing_);
  if (compression_ == wire::Compression::kZstd) output_ += " ZSTD";
  if (compression_ == wire::Compression::kZstdWords) output_ += " ZSTD-WORDS";
  output_ += "\r\nAUTHENTICATE SCRAM-SHA-256 " + to_base64(scram_->first()) + "\r\n";
  ask();
  state_ = State::kLogin;
  return {};
}

Result<void> Sender::on_login(const Answer& answer) {
  if (const auto* challenge = std::get_if<Challenge>(&answer);
      challenge != nullptr && state_ == State::kLogin) {
    cycle_.learn_way(now_ms() - asked_ms_);
    TRY(const std::string message, from_base64(challenge->base64));
    TRY(const std::string reply, scram_->answer(message));
    output_ += to_base64(reply) + "\r\n";
    ask();
    return {};
  }
  const auto* ending = std::get_if<Ending>(&answer);
  if (ending == nullptr) return fail(Code::kSyntax, "an answer that was not asked for");
  if (ending->kind == Ending::Kind::kNo)
    return fail(Code::kAuthFailed, "the replica does not let us in: " + ending->text);
  if (state_ == State::kTlsAsked && ending->command == "STARTTLS") {
    framer_.drop_buffered();
    state_ = State::kTls;
    return {};
  }
  if (state_ != State::kLogin) return fail(Code::kSyntax, "an answer that was not asked for");
  if (ending->command == "HELLO") return {};
  wire::Tokenizer words(ending->text);
  TRY(const std::string_view base64, words.atom());
  TRY(const std::string proof, from_base64(base64));
  TRY_OK(words.space());
  TRY(const Digest digest, read_digest(words));
  TRY_OK(words.space());
  TRY(const Standing theirs, read_standing(words));
  if (words.rest().ends_with(kLostWord)) cycle_.note_lost();
  TRY_OK(scram_->verify(proof));
  scram_.reset();
  TRY(const Meeting meeting, core_->meet(standing_, theirs));
  if (meeting != Meeting::kGoOn) {
    state_ = State::kClosing;
    return {};
  }
  TRY_OK(core_->logged_in(digest));
  state_ = compression_ == wire::Compression::kNone ? State::kReady : State::kCompression;
  return {};
}

Result<void> Sender::on_batch(const Answer& answer) {
  if (!awaits_) return fail(Code::kSyntax, "an answer before the batch is complete");
  if (std::holds_alternative<ReceivedRow>(answer)) {
    current().on_received();
    return {};
  }
  const auto* ending = std::get_if<Ending>(&answer);
  const bool is_sync = ending != nullptr && ending->command == "SYNC";
  if (!is_sync) return current().on_answer(answer);
  if (ending->text == kLostWord) cycle_.note_lost();
  awaits_ = false;
  if (stopping_) state_ = State::kClosing;
  return batch_over();
}

// --- what is sent ---

void Sender::produce(std::string& out, size_t bytes_max) {
  // The first call after the login still says what went before; the next comes when compression has
  // begun.
  if (state_ == State::kCompression && std::exchange(compression_asked_, true))
    state_ = State::kReady;
  out += output_;
  output_.clear();
  if (state_ != State::kReady) return;
  throttled_ = !awaits_ && !idle_ && core_->throttle_ms() > 0;
  if (throttled_) return;
  if (const Result<void> filled = fill(out, bytes_max); !filled) fail_with(filled.error().text);
}

Result<void> Sender::fill(std::string& out, size_t bytes_max) {
  while (out.size() < bytes_max) {
    if (!pieces_.empty()) {
      TRY_OK(put_piece(out, bytes_max));
      continue;
    }
    if (awaits_ || idle_) return {};
    bool has_work = true;
    if (!batch_begun_) {
      if (must_renew()) return renew();
      TRY(has_work, plan());
    }
    const size_t before = current().size();
    TRY(auto command, current().next_command());
    if (command) {
      if (!std::exchange(batch_begun_, true)) batch_begun_ms_ = now_ms();
      command->back().text += "\r\n";
      pieces_.assign(std::make_move_iterator(command->begin()),
                     std::make_move_iterator(command->end()));
      body_offset_ = 0;
    } else if (batch_begun_) {
      out += core_->sync_line(cycle_, receipt_);
      ask();
      awaits_ = true;
    } else {
      // What was added needed no words.
      TRY_OK(core_->batch_over(cycle_));
      idle_ = !has_work && current().size() == before;
    }
  }
  return {};
}

// Another term must be told at once. That a primary has become a replica can wait until it has sent
// what it was still to send.
bool Sender::must_renew() const {
  const Standing now = standing_of(core_->store());
  if (now.term != standing_.term) return true;
  return now.role != standing_.role && (now.role == Role::kPrimary || core_->is_at_rest());
}

Result<void> Sender::renew() {
  end(ChannelCore::End::kRenewal, "this server's role has changed");
  return {};
}

// Adds work to a batch that is about to begin. False: there is none.
Result<bool> Sender::plan() {
  if (trial_) return plan_trial();
  if (std::optional<SyncRequest> request = core_->take_dry_run()) {
    trial_ = std::make_unique<Trial>(*this, *std::move(request));
    return plan_trial();
  }
  return core_->fill(cycle_);
}

// Page by page of what it wants to know of.
Result<bool> Sender::plan_trial() {
  if (trial_->cycle.size() > 0) return true;
  TRY(const bool has_more, trial_->run.fill(trial_->cycle));
  if (has_more) return true;
  trial_->request.report.actions = trial_->run.take_actions();
  core_->finish(std::move(trial_->request), trial_->run.result());
  trial_.reset();
  return true;
}

Result<void> Sender::batch_over() {
  if (!std::exchange(batch_begun_, false)) {
    cycle_.learn_way(now_ms() - asked_ms_);
    return {};
  }
  core_->count_batch();
  TRY_OK(current().batch_over(now_ms() - batch_begun_ms_));
  return core_->batch_over(cycle_);
}

// Some of the first piece: its text whole, its body in parts.
Result<void> Sender::put_piece(std::string& out, size_t bytes_max) {
  OutgoingPiece& piece = pieces_.front();
  out += piece.text;
  piece.text.clear();
  if (piece.body) {
    const uint64_t left = piece.body->size() - body_offset_;
    const uint64_t room = out.size() < bytes_max ? bytes_max - out.size() : 1;
    const uint64_t count = std::min({left, room, uint64_t{kReadBytes}});
    // A body that can't be read has been announced already: only a new connection helps.
    TRY(const std::string bytes, piece.body->read(body_offset_, count));
    if (bytes.size() != count) return fail(Code::kCorrupt, "a body is shorter than its size");
    out += bytes;
    body_offset_ += count;
    if (body_offset_ < piece.body->size()) return {};
  }
  pieces_.pop_front();
  body_offset_ = 0;
  return {};
}

wire::Want Sender::want() const {
  if (!output_.empty()) return wire::Want::kMore;
  switch (state_) {
    case State::kClosing:
      return wire::Want::kClose;
    case State::kTls:
      return wire::Want::kTls;
    case State::kCompression:
      return wire::Want::kCompression;
    case State::kReady:
      return awaits_ || idle_ || throttled_ ? wire::Want::kInput : wire::Want::kMore;
    default:
      return wire::Want::kInput;
  }
}

// --- time and end ---

std::optional<int64_t> Sender::input_timeout_ms() const {
  if (throttled_) return core_->throttle_ms();
  if (state_ != State::kReady || awaits_) return kAnswerTimeoutMs;
  return std::min(kHeartbeatMs, core_->next_due_ms().value_or(kHeartbeatMs));
}

void Sender::timed_out() {
  if (throttled_) return;  // produce() looks whether there is room again
  if (state_ != State::kReady || awaits_) return fail_with("the replica does not answer");
  idle_ = false;
  if (core_->next_due_ms().value_or(1) == 0) return;
  output_ += "SYNC\r\n";
  ask();
  awaits_ = true;
}

void Sender::shut_down() {
  if (awaits_)
    stopping_ = true;
  else
    state_ = State::kClosing;
}

}  // namespace

std::unique_ptr<wire::Session> make_sender(std::shared_ptr<ChannelCore> core,
                                           wire::SessionEnv env) {
  return std::make_unique<Sender>(std::move(core), std::move(env));
}

}  // namespace gemel::sync
