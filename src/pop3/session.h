// One POP3 connection: its state, and its commands one after another.
//
// A maildrop is one session's alone (RFC 1939 §4). Nothing is removed before QUIT, and then all at
// once, in one transaction. What RETR gives is marked \Seen, some messages at a time: a connection
// that breaks may leave the last Limits::seen_pending_max unmarked. The answer to QUIT waits for
// the replicas where answers do.
//
// Owns     the maildrop's lock, bytes received and not yet used (a line), output made and not yet
//          taken (about Limits::output_piece_bytes).
// Threads  as wire::Session.
// Source   RFC 1939 (POP3), RFC 2449 (CAPA, PIPELINING, response codes), RFC 2595 §4 (STLS),
//          RFC 5034 (AUTH), RFC 6856 (UTF8, LANG).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pop3/login_name.h"
#include "pop3/maildrop.h"
#include "pop3/options.h"
#include "pop3/work.h"

namespace gemel::pop3 {

class Session final : public wire::Session {
 public:
  Session(std::shared_ptr<const Options> options, wire::SessionEnv env);

  void receive(std::string_view bytes) override;
  void produce(std::string& out, size_t bytes_max) override;
  wire::Want want() const override;
  void tls_started() override;
  bool is_stranger() const override { return state_ != kTransaction; }
  std::optional<int64_t> input_timeout_ms() const override;
  void timed_out() override;
  void end_of_input() override;
  void shut_down() override;

 private:
  // Bits, so that a command can name both.
  enum State : uint8_t { kAuthorization = 1, kTransaction = 2, kClosing = 4 };
  struct Command {
    std::string_view name;
    uint8_t states;  // where it is legal (RFC 1939 §3); elsewhere -ERR
    Result<void> (Session::*run)(std::string_view argument);
  };
  enum class Next : uint8_t { kGoOn, kWait };

  static std::span<const Command> commands();

  // What a work makes goes to `out`, after what output_ had.
  Next advance(std::string& out);
  void step_work(std::string& out);
  std::optional<std::string_view> next_line();
  void run_line(std::string_view line);
  Result<void> run_command(std::string_view line);
  void refuse(const Error& error);
  void close(std::string_view last_line);
  void abandon();
  bool say_goodbye();

  bool may_send_password() const;
  wire::Login::Secrets secrets() const {
    return may_send_password() ? wire::Login::Secrets::kMayShow : wire::Login::Secrets::kHidden;
  }
  Result<void> check_secret_allowed() const;
  Result<void> log_in(const LoginName& login);
  Result<void> refuse_login(Error error);
  Result<Maildrop> open_maildrop(const LoginName& login);
  Result<void> take_step(const Result<wire::SaslStep>& step);
  Next resume_login();
  Result<void> take_sasl_line(std::string_view line);

  Result<void> cmd_auth(std::string_view argument);
  Result<void> cmd_capa(std::string_view argument);
  Result<void> cmd_dele(std::string_view argument);
  Result<void> cmd_lang(std::string_view argument);
  Result<void> cmd_list(std::string_view argument);
  Result<void> cmd_noop(std::string_view argument);
  Result<void> cmd_pass(std::string_view argument);
  Result<void> cmd_quit(std::string_view argument);
  Result<void> cmd_retr(std::string_view argument);
  Result<void> cmd_rset(std::string_view argument);
  Result<void> cmd_stat(std::string_view argument);
  Result<void> cmd_stls(std::string_view argument);
  Result<void> cmd_top(std::string_view argument);
  Result<void> cmd_uidl(std::string_view argument);
  Result<void> cmd_user(std::string_view argument);
  Result<void> cmd_utf8(std::string_view argument);

  void say(std::string_view text);
  std::string expire_line() const;
  Result<void> send_message(size_t number, TopLines top, std::string_view what);
  Result<void> check_utf8(const Body& body) const;
  Result<void> update();
  void flush_seen();

  std::shared_ptr<const Options> options_;
  wire::SessionEnv env_;
  AnswerGate gate_;
  LoginCredentials credentials_;
  wire::Login login_;
  State state_ = kAuthorization;
  std::string input_;
  size_t head_ = 0;  // input_ before this is taken
  std::string output_;
  std::unique_ptr<Work> work_;
  std::string user_;  // of USER, until PASS
  std::optional<Maildrop> maildrop_;
  UidSet seen_;                           // retrieved and not yet marked
  std::optional<Result<void>> farewell_;  // what came of QUIT, which is not yet answered
  size_t retrieved_ = 0;
  size_t commands_ = 0;
  size_t bad_in_a_row_ = 0;
  size_t login_failures_ = 0;
  bool is_utf8_ = false;
  bool skipping_line_ = false;
  bool waiting_for_input_ = true;
  bool awaits_replicas_ = false;
  bool is_starting_tls_ = false;
  bool is_input_over_ = false;
  bool is_shutting_down_ = false;
};

}  // namespace gemel::pop3
