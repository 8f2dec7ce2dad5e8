// What a POP3 session is given, and the limits it keeps.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "pop3/maildrops.h"
#include "store/ack_gate.h"
#include "store/mail_store.h"
#include "wire/login.h"
#include "wire/session.h"

namespace gemel::pop3 {

/// Each bounds what one client can make the server hold or do.
struct Limits {
  size_t line_bytes_max = 2048;       // a command with its CRLF; RFC 2449 §4: at least 255
  size_t sasl_line_bytes_max = 8192;  // an answer to a challenge; RFC 5034 §4
  size_t commands_before_login_max = 100;
  size_t login_failures_max = 5;
  size_t bad_commands_max = 20;              // in a row; the next one ends the connection
  size_t seen_pending_max = 64;              // retrieved messages that are not yet marked \Seen
  size_t output_piece_bytes = 64 << 10;      // a command pauses when it has made so much
  int64_t login_timeout_ms = 60'000;         // from connect to login
  int64_t idle_timeout_ms = 10 * 60 * 1000;  // RFC 1939 §3: at least 10 minutes
};

/// Where a password may cross the wire as it is.
enum class PlaintextAuth : uint8_t { kOnTlsOrLocal, kAnywhere };

/// What DELE comes to at QUIT: the message is expunged, or only POP3 does not show it any more.
enum class OnDelete : uint8_t { kExpunge, kHide };

/// What a client gets that asks for a message with UTF-8 in its header without having said UTF8:
/// its bytes, as ever, or -ERR [UTF8] as RFC 6856 §2.1 wants it.
enum class Utf8Headers : uint8_t { kSend, kRefuse };

/// CAPA's EXPIRE for a mailbox: the days that a message stays at least, "NEVER" where none expires,
/// or empty where nothing can be promised. Null: of a user who has not logged in yet, by what is
/// configured for all of them.
using ExpireWords = std::function<std::string(const MailboxName* mailbox)>;

/// Everything referred to must outlive the sessions.
struct Options {
  std::string hostname;
  MailStore& store;
  Maildrops& maildrops;
  Clock& clock;
  Random& random;  // fit for secrets
  wire::CredentialSource& credentials;
  std::string server_secret;  // see wire::SaslOptions
  wire::LoginServices login = {};
  PlaintextAuth plaintext_auth = PlaintextAuth::kOnTlsOrLocal;
  OnDelete on_delete = OnDelete::kExpunge;
  Utf8Headers utf8_headers = Utf8Headers::kSend;
  std::string mailbox_separator = "+";  // "ann+Lists" is ann's mailbox Lists; empty: none
  int64_t login_delay_s = 0;            // between two logins of a user (RFC 2449 §6.5)
  ExpireWords expire_words = [](const MailboxName*) { return std::string("NEVER"); };
  AckGate* ack_gate = nullptr;  // that QUIT's answer waits for; none: it doesn't
  Limits limits = {};
};

/// The session of one connection.
std::unique_ptr<wire::Session> make_session(std::shared_ptr<const Options> options,
                                            wire::SessionEnv env);

}  // namespace gemel::pop3
