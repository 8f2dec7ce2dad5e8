// The ManageSieve server: users put their Sieve scripts here.
//
// Owns     one connection's state. Memory: one command with its script, and what one receive()
//          brought.
// Threads  one at a time.
// Source   RFC 5804 (ManageSieve); RFC 5228 for what a script is.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "managesieve/reply.h"
#include "sieve/script.h"
#include "store/ack_gate.h"
#include "store/sieve_scripts.h"
#include "wire/framer.h"
#include "wire/login.h"
#include "wire/session.h"
#include "wire/session_count.h"
#include "wire/tokens.h"

namespace gemel::managesieve {

/// What one client can make the server hold or do.
struct Limits {
  size_t line_bytes_max = 8192;  // a line, without its literals' octets
  // Before a login: a line of SASL, and nothing large.
  size_t command_bytes_before_login_max = 16 << 10;
  size_t literals_max = 4;       // in one command
  size_t bad_commands_max = 20;  // in a row
  size_t login_failures_max = 5;
  int64_t login_timeout_ms = 60'000;         // from connect to login
  int64_t idle_timeout_ms = 30 * 60 * 1000;  // RFC 5804 §1.2: at least 30 minutes
};

enum class PlaintextAuth : uint8_t { kOnTlsOrLocal, kAnywhere };

/// Everything referred to must outlive the sessions.
struct Options {
  MailStore& store;
  Clock& clock;
  Random& random;  // fit for secrets
  wire::CredentialSource& credentials;
  std::string server_secret = {};  // see wire::SaslOptions
  wire::LoginServices login = {};
  PlaintextAuth plaintext_auth = PlaintextAuth::kOnTlsOrLocal;
  ScriptQuota quota = {};
  sieve::CompileOptions compile = {};
  size_t redirects_max = 4;  // told as MAXREDIRECTS
  std::shared_ptr<wire::PeerCount> peers = std::make_shared<wire::PeerCount>(0);
  AckGate* ack_gate = nullptr;  // that answers to changes wait for; none: they don't
  Limits limits = {};
};

class Session final : public wire::Session {
 public:
  Session(std::shared_ptr<const Options> options, wire::SessionEnv env);

  void receive(std::string_view bytes) override { framer_.feed(bytes); }
  void produce(std::string& out, size_t bytes_max) override;
  wire::Want want() const override;
  void tls_started() override;
  bool is_stranger() const override { return userid_.empty(); }
  std::optional<int64_t> input_timeout_ms() const override;
  void timed_out() override { leave("nothing was heard for too long"); }
  void end_of_input() override { is_input_over_ = true; }
  void shut_down() override { is_shutting_down_ = true; }

 private:
  enum State : uint8_t { kNotAuthenticated = 1, kAuthenticated = 2 };
  struct Command {
    std::string_view name;
    uint8_t states;
    /// Says its untagged part to output_ and gives its last line.
    Result<Reply> (Session::*run)(wire::Tokenizer& args);
  };
  static std::span<const Command> commands();

  State state() const { return userid_.empty() ? kNotAuthenticated : kAuthenticated; }
  bool may_send_password() const;
  wire::Login::Secrets secrets() const {
    return may_send_password() ? wire::Login::Secrets::kMayShow : wire::Login::Secrets::kHidden;
  }
  SieveScripts scripts() const { return SieveScripts(options_->store, userid_); }
  wire::FramerLimits framer_limits() const;
  std::string capabilities() const;

  bool advance();
  void take_step(wire::Step step);
  void take_literal(const wire::Literal& literal);
  void take_command(const wire::Frame& frame);
  Result<Reply> run(wire::Tokenizer& args);
  bool answer_when_replicated();
  void answer(const Result<Reply>& reply);
  void leave(std::string_view text);

  Result<Reply> cmd_authenticate(wire::Tokenizer& args);
  Result<Reply> cmd_capability(wire::Tokenizer& args);
  Result<Reply> cmd_checkscript(wire::Tokenizer& args);
  Result<Reply> cmd_deletescript(wire::Tokenizer& args);
  Result<Reply> cmd_getscript(wire::Tokenizer& args);
  Result<Reply> cmd_havespace(wire::Tokenizer& args);
  Result<Reply> cmd_listscripts(wire::Tokenizer& args);
  Result<Reply> cmd_logout(wire::Tokenizer& args);
  Result<Reply> cmd_noop(wire::Tokenizer& args);
  Result<Reply> cmd_putscript(wire::Tokenizer& args);
  Result<Reply> cmd_renamescript(wire::Tokenizer& args);
  Result<Reply> cmd_setactive(wire::Tokenizer& args);
  Result<Reply> cmd_starttls(wire::Tokenizer& args);
  Result<Reply> cmd_unauthenticate(wire::Tokenizer& args);

  void take_sasl_line(wire::Tokenizer& args);
  std::optional<Result<Reply>> take_sasl_step(Result<wire::SaslStep> step);
  bool resume_login();
  Reply welcome(const std::string& userid, Reply reply);
  std::unexpected<Error> refuse_login(Error error);

  std::shared_ptr<const Options> options_;
  wire::SessionEnv env_;
  wire::Login login_;
  AnswerGate gate_;
  std::optional<wire::SessionCount::Slot> place_;  // among its peer's sessions
  wire::Framer framer_;
  std::string output_;
  std::string userid_;
  std::optional<Result<Reply>> due_;  // of a command that has run
  std::optional<std::string> bye_;
  size_t bad_in_a_row_ = 0;
  size_t login_failures_ = 0;
  bool has_greeted_ = false;
  bool has_more_ = false;
  bool awaits_replicas_ = false;
  bool is_starting_tls_ = false;
  bool is_input_over_ = false;
  bool is_shutting_down_ = false;
  bool is_closing_ = false;
};

/// The sessions of one listener.
wire::SessionFactory session_factory(std::shared_ptr<const Options> options);

}  // namespace gemel::managesieve
