// What an NNTP session is given, and the limits it keeps.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "nntp/control.h"
#include "nntp/history.h"
#include "nntp/wildmat.h"
#include "store/access.h"
#include "store/ack_gate.h"
#include "store/outbox.h"
#include "wire/login.h"
#include "wire/session.h"

namespace gemel::nntp {

/// Each bounds what one client can make the server hold or do.
struct Limits {
  size_t line_bytes_max = 8192;         // RFC 3977 §3.1: at least 512; base64 of SASL is longer
  size_t header_bytes_max = 128 << 10;  // of an article that comes in
  uint64_t article_bytes_max = 50 << 20;
  size_t bad_commands_max = 20;  // in a row
  size_t login_failures_max = 5;
  size_t filings_max = 64;             // articles of one connection that wait for the disk
  int64_t login_timeout_ms = 180'000;  // from connect to login, where one is needed
  int64_t idle_timeout_ms = 600'000;   // RFC 3977 §3.1: at least 3 minutes
};

/// Another server that may offer articles, known by its address or by whom it logs in as.
struct Peer {
  std::string name;
  std::vector<std::string> addresses = {};  // "192.0.2.1", "::1"
  std::string userid = {};
  std::string path_name = {};       // what its Path entry is; empty: not checked
  Wildmat groups = Wildmat::all();  // what is taken from it
};

/// What those may do who have not logged in.
enum class Anonymous : uint8_t {
  kRefused,  // nothing but log in
  kAnyone,   // what the ACLs give to "anyone"
};

/// Where a password may cross the wire as it is.
enum class PlaintextAuth : uint8_t { kOnTlsOrLocal, kAnywhere };

/// Everything referred to must outlive the sessions.
struct Options {
  std::string hostname;
  std::string path_identity;  // our entry in Path and Xref; the same on primary and replica
  std::string prefix = "news";
  MailStore& store;
  Clock& clock;
  Random& random;  // fit for secrets
  wire::CredentialSource& credentials;
  const AccessOptions& access;
  History& history;
  Outbox* outbox = nullptr;     // none: nothing is mailed
  AckGate* ack_gate = nullptr;  // that answers to articles wait for; none: they don't
  std::string server_secret;    // see wire::SaslOptions
  wire::LoginServices login = {};
  PlaintextAuth plaintext_auth = PlaintextAuth::kOnTlsOrLocal;
  Anonymous anonymous = Anonymous::kRefused;
  std::vector<Peer> peers = {};
  std::vector<ControlRule> control_rules = {};
  std::vector<std::string> distrib_pats = {};  // "weight:wildmat:value" (RFC 3977 §7.6.5)
  std::string complaints_to = {};              // an address for Injection-Info
  std::string mail_sender = {};                // of what goes to moderators and gateways
  int64_t article_age_s_max = 10 * 86'400;
  Limits limits = {};
};

/// The session of one connection.
std::unique_ptr<wire::Session> make_session(std::shared_ptr<const Options> options,
                                            wire::SessionEnv env);

}  // namespace gemel::nntp
