// The client's side of SMTP: gives what waits in the outbox to a relay, one message after another
// over one connection.
//
// Owns     one connection's state. Memory: a piece of the message that flows, and a reply.
// Threads  one at a time.
// Source   RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 1870 (SIZE), RFC 6152
//          (8BITMIME), RFC 6531 (SMTPUTF8).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/random.h"
#include "outgoing/queue.h"
#include "wire/dot_stuffing.h"
#include "wire/sasl.h"
#include "wire/session.h"

namespace gemel::outgoing {

struct RelayOptions {
  std::string hostname;                                          // in EHLO
  enum class Tls : uint8_t { kOff, kRequired } tls = Tls::kOff;  // by STARTTLS
  std::string user = {};                                         // empty: no login
  std::string password = {};
};

/// A reply's lines together.
inline constexpr size_t kReplyBytesMax = 64 << 10;
/// RFC 5321 §4.5.3.2: for most commands 5 minutes, after the final dot 10.
inline constexpr int64_t kReplyTimeoutMs = 300'000;
inline constexpr int64_t kFinalReplyTimeoutMs = 600'000;

class RelaySession final : public wire::Session {
 public:
  /// What is passed must outlive the session.
  RelaySession(Feed& feed, const RelayOptions& options, Random& random, wire::SessionEnv env);
  /// What was under way and has no answer is tried again.
  ~RelaySession() override;

  void receive(std::string_view bytes) override;
  void produce(std::string& out, size_t bytes_max) override;
  wire::Want want() const override;
  void tls_started() override;
  std::optional<int64_t> input_timeout_ms() const override;
  void timed_out() override { abandon("the relay does not answer"); }
  void end_of_input() override { abandon("the relay closed the connection"); }
  void shut_down() override { stopping_ = true; }

 private:
  // What the next reply answers.
  enum class Step : uint8_t {
    kGreeting,
    kEhlo,
    kStartTls,
    kAuth,
    kMail,
    kRecipient,
    kData,
    kBody,  // no reply: the message flows
    kDot,
    kReset,
    kQuit,
    kEnd,
  };
  struct Reply {
    int code = 0;
    std::string text;  // of its last line
    std::vector<std::string> lines;
  };

  std::optional<Reply> take_reply();
  void on_reply(const Reply& reply);
  void on_ehlo(const Reply& reply);
  void on_auth(const Reply& reply);
  void start_login();
  void next_message();
  void say_mail();
  void say_recipient();
  void on_message_reply(const Reply& reply);
  void flow(std::string& out, size_t bytes_max);
  void say(Step next, std::string_view line);
  void report(const Outcome& outcome);
  void abandon(const std::string& text);

  Feed& feed_;
  const RelayOptions& options_;
  Random& random_;
  wire::SessionEnv env_;
  Step step_ = Step::kGreeting;
  std::set<std::string> extensions_;  // upper case, with their parameters
  std::optional<wire::ScramClient> scram_;
  std::optional<Feed::Item> item_;
  wire::DotStuffer stuffer_;
  uint64_t at_ = 0;  // of the body that flows
  std::string input_;
  std::string output_;
  bool is_starting_tls_ = false;
  bool was_ready_ = false;  // the relay would take mail
  bool stopping_ = false;
};

}  // namespace gemel::outgoing
