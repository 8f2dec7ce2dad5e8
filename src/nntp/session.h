// One NNTP connection: its state, its commands one after another, and what it answers.
//
// A line becomes a command; a command answers at once, leaves an Answer that is made in pieces, or
// begins to take an article. Articles that TAKETHIS brings wait together, for the disk and for the
// replicas: their answers come in order, and commands behind them run meanwhile as far as their
// answers can wait too.
//
// Owns     bytes received and not yet used; output made and not yet taken; articles whose answers
//          wait (at most Limits::filings_max).
// Threads  as wire::Session.
// Source   RFC 3977 §3 (operation), RFC 4644 (streaming), RFC 4643 (AUTHINFO), RFC 4642 (STARTTLS),
//          RFC 8054 (COMPRESS).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "nntp/answer.h"
#include "nntp/commands.h"
#include "nntp/filing.h"
#include "nntp/intake.h"
#include "nntp/options.h"
#include "nntp/shelf.h"

namespace gemel::nntp {

class Session final : public wire::Session {
 public:
  Session(std::shared_ptr<const Options> options, wire::SessionEnv env);
  ~Session() override;

  // --- wire::Session ---
  void receive(std::string_view bytes) override;
  void produce(std::string& out, size_t bytes_max) override;
  wire::Want want() const override;
  void tls_started() override;
  wire::Compression compression() const override { return wire::Compression::kDeflate; }
  bool is_stranger() const override { return !may_use_server() && peer() == nullptr; }
  std::optional<int64_t> input_timeout_ms() const override;
  void timed_out() override;
  void end_of_input() override { is_input_over_ = true; }
  void shut_down() override { is_shutting_down_ = true; }

  // --- what the commands use ---
  const Options& options() const { return *options_; }
  const wire::SessionEnv& env() const { return env_; }
  const std::string& userid() const { return userid_; }
  bool may_send_password() const;
  wire::Login::Secrets secrets() const {
    return may_send_password() ? wire::Login::Secrets::kMayShow : wire::Login::Secrets::kHidden;
  }
  bool may_use_server() const;
  bool is_primary() const { return options_->store.role() == Role::kPrimary; }
  bool is_compressed() const { return is_compressed_; }
  /// What this client may read.
  Shelf shelf() const { return {*options_, userid_}; }
  /// The peer that this connection is from; null if from none.
  const Peer* peer() const;

  /// The group that GROUP chose, and the article in it; the article may be none.
  struct Current {
    std::string group;
    UniqueId mailbox;
    Uid article;
  };
  std::optional<Current>& current() { return current_; }

  void say(std::string text);
  void say(int code, std::string_view text);
  /// A line that is the client's mistake; too many of them in a row end the connection.
  void refuse(int code, std::string_view text);
  /// What has more than one piece; it runs before the next command does.
  void answer(std::unique_ptr<Answer> answer) { answer_ = std::move(answer); }

  /// The next line goes to `taker` and is no command.
  using LineTaker = void (*)(Session& session, std::string_view line);
  void await_line(LineTaker taker) { line_taker_ = taker; }
  /// An article follows. Which command asks for it decides how it is answered.
  enum class Verb : uint8_t { kPost, kIhave, kTakethis };
  void await_article(Verb verb, std::unique_ptr<Filing> filing);
  /// The article that follows is read and dropped, then `text` is said.
  void drop_article(std::string text);

  void log_in(std::string userid);
  void refuse_login(const Error& error);
  void start_tls() { is_starting_tls_ = true; }
  void start_compression() { is_starting_compression_ = true; }
  /// Ends the connection when what was said is sent.
  void close() { is_closing_ = true; }

  // Of a login under way (AUTHINFO).
  std::string pending_user;
  wire::Login& login() { return login_; }

 private:
  // An article whose answer waits, and what is said behind it.
  struct Awaited {
    Verb verb;
    std::unique_ptr<Filing> filing;
    AnswerGate gate;
    Filing::Filed filed;
    std::string body_head;
    std::optional<Result<void>> result = {};  // of filing it here
    std::string said = {};
  };

  bool advance();
  bool step_answer();
  bool resume_login();
  bool next_input();
  std::optional<std::string_view> next_line();
  void run_line(std::string_view line);
  void take_article();
  void finish_article();
  bool may_take_input() const;
  static void await_disk(Awaited& awaited);
  void end_awaited();
  bool settle_first();
  void settle_ready();
  std::string reply_to(Verb verb, const Filing& filing, const Result<void>& result);

  std::shared_ptr<const Options> options_;
  wire::SessionEnv env_;
  wire::Login login_;
  std::string input_;
  size_t head_ = 0;  // input_ before this is taken
  bool skipping_line_ = false;
  std::string output_;
  std::unique_ptr<Answer> answer_;
  LineTaker line_taker_ = nullptr;
  Verb verb_ = Verb::kPost;
  std::unique_ptr<Filing> filing_;
  std::unique_ptr<Intake> intake_;
  std::string dropped_reply_;  // of an article that is read and dropped
  std::deque<Awaited> awaited_;
  std::string userid_;
  std::optional<Current> current_;
  size_t bad_in_a_row_ = 0;
  size_t login_failures_ = 0;
  bool has_greeted_ = false;
  bool has_more_ = false;
  bool awaits_replicas_ = false;
  bool is_starting_tls_ = false;
  bool is_starting_compression_ = false;
  bool is_compressed_ = false;
  bool is_input_over_ = false;
  bool is_shutting_down_ = false;
  bool is_closing_ = false;
};

}  // namespace gemel::nntp
