// The LMTP server: takes messages from a mail server next to it and hands them to delivery.
//
// A message's bytes flow from receive() into the store, dots taken off or by BDAT's chunks; it is
// never whole in memory unless a script looks at it. Its trace fields are the same for all its
// recipients, so it is stored once. Every accepted recipient has a reply of its own; what was
// answered with 250 is durable.
//
// Owns     one connection's state. Memory: at most one line and what one receive() brought, the
//          accepted recipients, and BodyWriter's chunk.
// Threads  one at a time.
// Source   RFC 2033 (LMTP), RFC 5321 (SMTP), RFC 2920 (PIPELINING), RFC 6152 (8BITMIME), RFC 1870
//          (SIZE), RFC 2034 (ENHANCEDSTATUSCODES), RFC 3030 (CHUNKING, BINARYMIME), RFC 3207
//          (STARTTLS), RFC 4954 (AUTH), RFC 6531 (SMTPUTF8).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/network_range.h"
#include "base/random.h"
#include "delivery/deliverer.h"
#include "lmtp/reply.h"
#include "store/ack_gate.h"
#include "store/mail_store.h"
#include "wire/dot_stuffing.h"
#include "wire/login.h"
#include "wire/session.h"
#include "wire/session_count.h"

namespace gemel::lmtp {

/// What a session works with; it must outlive every session.
struct Services {
  MailStore& store;
  Clock& clock;
  Random& random;
  const delivery::Deliverer& deliverer;
  AckGate* ack_gate = nullptr;  // that replies of deliveries wait for; none: they don't
};

/// RFC 4954 §4.3: what a line of an AUTH exchange may have.
inline constexpr size_t kAuthLineBytesMax = 12'288;
/// A chunk that is refused is read and dropped, unless it is larger: then the connection ends.
inline constexpr uint64_t kRefusedChunkBytesMax = 256 << 20;
inline constexpr size_t kLoginFailuresMax = 3;

struct Options {
  std::string hostname;
  uint64_t message_bytes_max = 50 << 20;  // as sent; announced by SIZE (RFC 1870)
  size_t recipients_max = 1000;           // of one message; RFC 5321 §4.5.3.1.8: at least 100
  size_t line_bytes_max = 2048;           // a command with its CRLF
  size_t bad_commands_max = 20;           // between two messages; the next one ends the connection
  int64_t input_timeout_ms = 300'000;     // RFC 5321 §4.5.3.2.7: at least 5 minutes
  /// What a recipient's full mailbox is: tried again, or returned to the sender.
  enum class OverQuota : uint8_t { kTemporary, kPermanent } over_quota = OverQuota::kTemporary;

  /// Who may come, besides unix sockets; empty: whoever reaches the listener.
  std::vector<NetworkRange> allow = {};
  std::shared_ptr<wire::PeerCount> peers = std::make_shared<wire::PeerCount>(0);

  /// Who may log in: the mail server, and not whoever has mail here. None: nobody, and AUTH is not
  /// offered. Tokens are their users', and not taken.
  wire::CredentialSource* credentials = nullptr;
  std::string server_secret = {};  // see wire::SaslOptions
  wire::LoginGuard* login_guard = nullptr;
  enum class Auth : uint8_t { kOffered, kRequired } auth = Auth::kOffered;
};

class Session final : public wire::Session {
 public:
  Session(const Services& services, const Options& options, wire::SessionEnv env);

  void receive(std::string_view bytes) override;
  void produce(std::string& out, size_t bytes_max) override;
  wire::Want want() const override;
  void tls_started() override;
  std::optional<int64_t> input_timeout_ms() const override;
  void timed_out() override;
  void end_of_input() override;
  void shut_down() override;

 private:
  // Where a connection stands; bits, so that a command can name several.
  enum State : uint16_t {
    kStart = 1,       // before LHLO
    kReady = 2,       // no message under way
    kMail = 4,        // MAIL was taken
    kRecipients = 8,  // and at least one RCPT
    kChunks = 16,     // a chunk was taken, and not the last one
    kBody = 32,       // the bytes after DATA flow
    kChunk = 64,      // the bytes of a chunk flow
    kClosing = 128,   // goodbye is said
    kReplying = 256,  // the message is in its mailboxes, and its replies wait for replicas
  };
  struct Command {
    std::string_view name;
    uint8_t states;  // where it is legal; elsewhere 503
    void (Session::*run)(std::string_view argument, std::string& out);
  };
  enum class BodyKind : uint8_t { kText, kBinary };
  // The message under way, from MAIL to the replies.
  struct Message {
    std::string return_path;
    std::string id;
    AddressCharset charset = AddressCharset::kAscii;
    BodyKind kind = BodyKind::kText;
    std::vector<delivery::LetterRecipient> recipients;
    std::optional<BodyWriter> writer;
    wire::DotUnstuffer unstuffer;
    uint64_t bytes = 0;
    std::optional<Error> error;  // of staging; the rest of the body is read and dropped
    std::vector<delivery::Verdict> verdicts;  // one a recipient, when it has been delivered
  };
  // The chunk under way (RFC 3030 §2).
  struct Chunk {
    uint64_t left = 0;
    enum class Place : uint8_t { kMiddle, kLast } place = Place::kMiddle;
    std::optional<Reply> refusal = {};  // said when its bytes have been dropped
    State back = kReady;                // where the connection stood before it
  };
  struct MailParameters {
    AddressCharset charset = AddressCharset::kAscii;
    BodyKind kind = BodyKind::kText;
  };

  static std::span<const Command> commands();

  bool may_send_password() const { return env_.is_tls || env_.is_local; }
  wire::Login::Secrets secrets() const {
    return may_send_password() ? wire::Login::Secrets::kMayShow : wire::Login::Secrets::kHidden;
  }
  bool is_logging_in() const { return login_ && login_->is_under_way(); }
  bool is_login_waiting() const { return login_ && login_->is_waiting(); }
  bool is_closing() const { return state_ == kClosing; }
  void greet();
  bool step(std::string& out);
  std::optional<std::string_view> next_line(std::string& out);
  void run_line(std::string_view line, std::string& out);
  void say(std::string& out, const Reply& reply) { out += lines_of(reply); }
  void refuse(std::string& out, const Reply& reply);
  void close_with(Reply reply);
  void reset();

  void cmd_auth(std::string_view argument, std::string& out);
  void cmd_bdat(std::string_view argument, std::string& out);
  void cmd_data(std::string_view argument, std::string& out);
  void cmd_lhlo(std::string_view argument, std::string& out);
  void cmd_mail(std::string_view argument, std::string& out);
  void cmd_noop(std::string_view argument, std::string& out);
  void cmd_quit(std::string_view argument, std::string& out);
  void cmd_rcpt(std::string_view argument, std::string& out);
  void cmd_rset(std::string_view argument, std::string& out);
  void cmd_starttls(std::string_view argument, std::string& out);
  void cmd_vrfy(std::string_view argument, std::string& out);

  void take_auth_line(std::string_view line, std::string& out);
  void take_auth_step(const Result<wire::SaslStep>& step, std::string& out);
  void refuse_login(const Error& error, std::string& out);

  Result<MailParameters> mail_parameters(std::string_view text) const;
  Result<MailStore::Filing::Quota> recipient_parameters(std::string_view text) const;
  void start_body();
  void take_body();
  void take_chunk(std::string& out);
  void finish_chunk(std::string& out);
  void take_body_piece(std::string_view piece);
  void finish_body();
  bool say_replies(std::string& out);
  std::vector<delivery::Verdict> deliver();
  Reply reply_to(const delivery::Verdict& verdict) const;

  Services services_;
  const Options& options_;
  wire::SessionEnv env_;
  std::optional<wire::Login> login_;  // none: nobody logs in
  AnswerGate gate_;
  std::optional<wire::SessionCount::Slot> place_;  // among its peer's sessions
  State state_ = kStart;
  std::string client_name_;
  std::string userid_;  // who logged in
  size_t login_failures_ = 0;
  Message message_;
  Chunk chunk_;
  std::string input_;
  size_t head_ = 0;  // input_ before this is taken
  bool skipping_line_ = false;
  bool waiting_for_input_ = true;
  bool is_stopping_ = false;
  bool is_starting_tls_ = false;
  size_t bad_commands_ = 0;
  int64_t input_since_ms_;  // from when on the next input is waited for
  std::string pending_;     // said outside produce(): the greeting, goodbyes
};

/// The sessions of one listener. `options` and what `services` names must outlive them.
wire::SessionFactory session_factory(Services services, const Options& options);

}  // namespace gemel::lmtp
