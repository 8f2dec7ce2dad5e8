// The receiver as a class, for its own two files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sync/answer_queue.h"
#include "sync/codec.h"
#include "sync/receiver.h"
#include "wire/framer.h"

namespace gemel::sync {

class Receiver final : public wire::Session {
 public:
  Receiver(MailStore& store, ReceiverOptions options, wire::SessionEnv env);

  void receive(std::string_view bytes) override;
  void produce(std::string& out, size_t bytes_max) override;
  wire::Want want() const override;
  void tls_started() override;
  wire::Compression compression() const override;
  std::optional<int64_t> input_timeout_ms() const override;
  void timed_out() override;
  void wake() override;
  void end_of_input() override { state_ = State::kClosing; }
  void shut_down() override;

 private:
  enum class State : uint8_t { kGreeting, kLogin, kTls, kCompression, kReady, kClosing };
  struct Command;

  void step(wire::Step& step);
  void run(const wire::Frame& frame);
  void run_login(const wire::Frame& frame);
  void run_command(const wire::Frame& frame);
  void begin_body(const wire::Literal& literal);
  void take_body(std::string_view bytes, uint64_t left);
  std::string body_partition();
  /// The connection can't go on: says why and ends it.
  void broken(std::string_view command, std::string_view why);
  /// It ends by our will.
  void leave(Bye bye);
  void answer(std::string text);  // with the batch
  void fill(size_t bytes_max);
  void start_body();
  void say(std::string text) { output_ += text; }

  Result<void> starttls(wire::Tokenizer& in);
  Result<void> hello(wire::Tokenizer& in);
  Result<void> authenticate(wire::Tokenizer& in);
  Result<void> continue_login(std::string_view base64);
  void take_login_step(Result<wire::SaslStep> step);
  void logged_in(std::string_view userid, std::string_view last_message);
  void refuse_login(std::string_view why);
  Result<void> take_over_term();
  bool is_current() const;
  void finish_sync();

  Result<void> mailboxes(wire::Tokenizer& in);
  Result<void> user(wire::Tokenizer& in);
  Result<void> users(wire::Tokenizer& in);
  Result<void> reserve(wire::Tokenizer& in);
  Result<void> ranges(wire::Tokenizer& in);
  Result<void> records(wire::Tokenizer& in);
  // receiver_merge.cc
  Result<void> changes(wire::Tokenizer& in);
  Result<void> user_changes(wire::Tokenizer& in);
  Result<void> readers(wire::Tokenizer& in);
  Result<void> bodies(wire::Tokenizer& in);
  Result<void> lost(wire::Tokenizer& in);
  Result<void> body(wire::Tokenizer& in);
  std::string lost_word() const;
  Result<void> update(wire::Tokenizer& in);
  Result<void> userdata(wire::Tokenizer& in);
  Result<void> rename(wire::Tokenizer& in);
  Result<void> sync(wire::Tokenizer& in);
  Result<void> check_bodies(const DecodedUpdate& decoded);

  MailStore& store_;
  ReceiverOptions options_;
  wire::SessionEnv env_;
  State state_ = State::kGreeting;
  wire::Framer framer_;
  std::string output_;
  AnswerQueue answers_;
  // Of a batch that is complete, on their way out: of the first one, the body once it is open.
  std::deque<AnswerQueue::Piece> sending_;
  std::optional<Body> sent_body_;
  uint64_t sent_bytes_ = 0;
  CodecContext context_;

  bool said_hello_ = false;
  std::string channel_;  // as the sender calls it
  Standing sender_;      // believed once the login is done
  std::unique_ptr<Upstreams::Entry> upstream_;
  /// Of a SYNC that is to be told when the batch has come: that must be written before the disk is
  /// waited for.
  enum class Receipt : uint8_t { kNone, kSaid, kWritten } receipt_ = Receipt::kNone;
  wire::Compression compression_ = wire::Compression::kNone;  // that the sender wants
  bool compressed_ = false;
  int login_tries_ = 0;
  wire::Login login_;

  // Of the command that is coming in.
  struct IncomingBody {
    size_t literal;
    StagedBody body;
  };
  std::vector<IncomingBody> bodies_;
  size_t literals_ = 0;
  std::optional<std::string> partition_;
  std::optional<BodyWriter> writer_;
  std::optional<Error> body_error_;

  std::vector<std::shared_ptr<void>> pins_;
  size_t pinned_ = 0;
};

}  // namespace gemel::sync
