// What an IMAP session is given, and the limits it keeps.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "store/access.h"
#include "store/ack_gate.h"
#include "store/mail_store.h"
#include "wire/login.h"
#include "wire/session.h"
#include "wire/session_count.h"

namespace gemel {
class TextIndex;
}

namespace gemel::imap {

/// Each bounds what one client can make the server hold or do; what is beyond gives BAD or NO, and
/// where it can only be bad will, BYE.
struct Limits {
  // A client that has not logged in gets little (line, and command with its literals), but all that
  // ID may say: 30 pairs of 30 and 1024 bytes (RFC 2971 §3.3).
  size_t line_bytes_before_login_max = 40 << 10;
  size_t command_bytes_before_login_max = 48 << 10;
  size_t commands_before_login_max = 100;
  size_t login_failures_max = 5;

  size_t line_bytes_max = 64 << 10;
  size_t command_bytes_max = 256 << 10;
  size_t literals_max = 1000;    // in one command
  size_t bad_commands_max = 20;  // in a row
  uint64_t message_bytes_max = 50 << 20;
  size_t append_messages_max = 1000;         // in one APPEND (RFC 3502)
  uint64_t append_held_bytes_max = 4 << 20;  // of its messages of at most 1 MiB

  // Messages that one command works on (RFC 9738); 0: any number, and nothing is said of it.
  uint64_t messages_per_command_max = 0;
  enum class Limited : uint8_t {
    kAll,
    kSaving
  } limited = Limited::kAll;  // MESSAGELIMIT, SAVELIMIT

  size_t sequence_ranges_max = 16'384;
  size_t fetch_items_max = 100;
  size_t search_keys_max = 1000;
  size_t search_text_bytes_max = 64 << 10;  // of all keys of one SEARCH, in UTF-8
  size_t search_mailboxes_max = 10'000;     // in one ESEARCH
  size_t search_contexts_max = 10;          // searches told of as they change
  size_t search_depth_max = 30;             // the tokenizer's lists end at 32
  // Message IDs of messages that are not there, in one THREAD; one more for each message.
  size_t thread_absent_ids_max = 1 << 16;
  // Of what one SORT or THREAD collects (see Sorter and Threader), in memory and in a file.
  size_t scratch_heap_bytes_max = 8 << 20;
  size_t scratch_file_bytes_max = 1 << 30;
  size_t list_patterns_max = 20;
  size_t notify_groups_max = 100;
  size_t notify_mailboxes_max = 10'000;  // with more, NOTIFY tells nothing (RFC 5465 §5.8)
  uint64_t quota_warning_percent = 90;   // of a limit that is used; 0: no warning
  size_t output_piece_bytes = 64 << 10;  // a command pauses when it has made so much

  int64_t progress_every_ms = 10'000;        // told to who waits for a command (RFC 9585)
  int64_t login_timeout_ms = 60'000;         // from connect to login
  int64_t idle_timeout_ms = 30 * 60 * 1000;  // RFC 3501 §5.4: at least 30 minutes
};

/// Where a password may cross the wire as it is.
enum class PlaintextAuth : uint8_t { kOnTlsOrLocal, kAnywhere };

/// Everything referred to must outlive the sessions.
struct Options {
  std::string hostname;
  MailStore& store;
  Clock& clock;
  Random& random;  // fit for secrets
  wire::CredentialSource& credentials;
  std::string server_secret;           // see wire::SaslOptions
  std::string scratch_directory = {};  // for SORT and THREAD of many messages: see Limits
  wire::LoginServices login = {};
  PlaintextAuth plaintext_auth = PlaintextAuth::kOnTlsOrLocal;
  bool offers_unauthenticate = true;  // RFC 8437 §8: there must be a way to disable it
  AccessOptions access = {};
  const TextIndex* text_index = nullptr;        // for TEXT and BODY; none: every message is read
  AckGate* ack_gate = nullptr;                  // that tagged answers wait for; none: they don't
  wire::SessionCount* user_sessions = nullptr;  // that a login enters; none: a user has any number
  Limits limits = {};
};

/// The session of one connection.
std::unique_ptr<wire::Session> make_session(std::shared_ptr<const Options> options,
                                            wire::SessionEnv env);

}  // namespace gemel::imap
