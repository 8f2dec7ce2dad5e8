// The LMTP server: takes messages from a mail server next to it and puts them into mailboxes.
//
// A message's bytes flow from receive() through dot-unstuffing into the store; it is never whole in
// memory. Its trace fields are the same for all its recipients, so it is stored once and, where
// nothing fails, comes into all their mailboxes in one transaction. Every recipient has a reply of
// its own; what was answered with 250 is durable.
//
// Owns     one connection's state. Memory: at most one line and what one receive() brought, the
//          accepted recipients, and BodyWriter's chunk.
// Threads  one at a time.
// Source   RFC 2033 (LMTP), RFC 5321 (SMTP), RFC 2920 (PIPELINING), RFC 6152 (8BITMIME), RFC 1870
//          (SIZE), RFC 2034 (ENHANCEDSTATUSCODES).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "lmtp/recipient.h"
#include "lmtp/reply.h"
#include "store/ack_gate.h"
#include "store/mail_store.h"
#include "wire/dot_stuffing.h"
#include "wire/session.h"

namespace gemel::lmtp {

/// What a session works with; it must outlive every session.
struct Services {
  MailStore& store;
  Clock& clock;
  Random& random;
  AckGate* ack_gate = nullptr;  // that replies of deliveries wait for; none: they don't
};

struct Options {
  std::string hostname;
  RecipientRules recipient_rules = {};
  uint64_t message_bytes_max = 50 << 20;  // as sent; announced by SIZE (RFC 1870)
  size_t recipients_max = 1000;           // of one message; RFC 5321 §4.5.3.1.8: at least 100
  size_t line_bytes_max = 2048;           // a command with its CRLF
  size_t bad_commands_max = 20;           // between two messages; the next one ends the connection
  int64_t input_timeout_ms = 300'000;     // RFC 5321 §4.5.3.2.7: at least 5 minutes
};

class Session final : public wire::Session {
 public:
  Session(const Services& services, const Options& options, wire::SessionEnv env);

  void receive(std::string_view bytes) override;
  void produce(std::string& out, size_t bytes_max) override;
  wire::Want want() const override;
  std::optional<int64_t> input_timeout_ms() const override { return options_.input_timeout_ms; }
  void timed_out() override;
  void end_of_input() override;
  void shut_down() override;

 private:
  // Where a connection stands; bits, so that a command can name several.
  enum State : uint8_t {
    kStart = 1,       // before LHLO
    kReady = 2,       // no message under way
    kMail = 4,        // MAIL was taken
    kRecipients = 8,  // and at least one RCPT
    kBody = 16,       // the message's bytes flow
    kClosing = 32,    // goodbye is said
    kReplying = 64,   // the message is in its mailboxes, and its replies wait for replicas
  };
  struct Command {
    std::string_view name;
    uint8_t states;  // where it is legal; elsewhere 503
    void (Session::*run)(std::string_view argument, std::string& out);
  };
  struct AcceptedRecipient {
    std::string address;
    Recipient recipient;
  };
  // The message under way, from MAIL to the replies.
  struct Message {
    std::string return_path;
    std::string id;
    std::vector<AcceptedRecipient> recipients;
    std::optional<BodyWriter> writer;
    wire::DotUnstuffer unstuffer;
    uint64_t bytes = 0;
    std::optional<Error> error;  // of staging; the rest of the body is read and dropped
    std::optional<Result<std::vector<Result<void>>>> delivered;  // one a recipient, or everyone's
  };

  static std::span<const Command> commands();

  std::optional<std::string_view> next_line(std::string& out);
  void run_line(std::string_view line, std::string& out);
  void say(std::string& out, const Reply& reply) { out += line_of(reply); }
  void refuse(std::string& out, const Reply& reply);
  void close_with(Reply reply);
  void reset();

  void cmd_data(std::string_view argument, std::string& out);
  void cmd_lhlo(std::string_view argument, std::string& out);
  void cmd_mail(std::string_view argument, std::string& out);
  void cmd_noop(std::string_view argument, std::string& out);
  void cmd_quit(std::string_view argument, std::string& out);
  void cmd_rcpt(std::string_view argument, std::string& out);
  void cmd_rset(std::string_view argument, std::string& out);
  void cmd_vrfy(std::string_view argument, std::string& out);

  Result<void> mail_parameters(std::string_view text) const;
  void start_body();
  void take_body();
  void take_body_piece(std::string_view piece);
  void finish_body();
  bool say_replies(std::string& out);
  Result<std::vector<Result<void>>> deliver();

  Services services_;
  const Options& options_;
  wire::SessionEnv env_;
  AnswerGate gate_;
  State state_ = kStart;
  std::string client_name_;
  Message message_;
  std::string input_;
  size_t head_ = 0;  // input_ before this is taken
  bool skipping_line_ = false;
  bool waiting_for_input_ = true;
  bool is_stopping_ = false;
  size_t bad_commands_ = 0;
  std::string pending_;  // said outside produce(): the greeting, goodbyes
};

/// The sessions of one listener. `options` and what `services` names must outlive them.
wire::SessionFactory session_factory(Services services, const Options& options);

}  // namespace gemel::lmtp
