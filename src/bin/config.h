// The configuration of a server, as its file says; the reference of every key is in
// doc/operations.md.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "bin/config_delivery.h"
#include "bin/config_endpoint.h"
#include "bin/config_login.h"
#include "bin/config_news.h"
#include "bin/config_table.h"
#include "expire/rule.h"

namespace gemel::bin {

/// What of a replica an answer to a client waits for; see AckPolicy (store/ack_gate.h).
struct AcknowledgeConfig {
  enum class Level : uint8_t { kLocal, kReceived, kDurable, kApplied } level = Level::kLocal;
  enum class Away : uint8_t { kDegraded, kRefuse } when_away = Away::kDegraded;
};

struct ChannelConfig {
  std::string name;
  std::string host;
  uint16_t port = 0;
  std::string user;
  std::string password;
  enum class Tls : uint8_t { kRequired, kOff } tls = Tls::kRequired;
  std::string ca_file;      // empty: the system's
  std::string server_name;  // in the certificate; empty: host
  enum class Mode : uint8_t { kRolling, kManual } mode = Mode::kRolling;
  AcknowledgeConfig acknowledge = {};
  uint64_t bytes_per_s_max = 0;  // 0: no cap
};

struct Config {
  std::string hostname;
  enum class Role : uint8_t { kPrimary, kReplica } role = Role::kPrimary;
  int workers = 0;  // threads that run sessions; 0: by the machine
  log::Level log_level = log::Level::kInfo;

  std::string store_path;
  std::map<std::string, std::string> partitions;
  uint64_t message_bytes_max = 0;
  uint64_t free_bytes_min = 0;
  int keep_expunged_days = 0;
  int keep_deleted_days = 0;
  uint64_t user_mailboxes_max = 0;  // 0: any number
  uint64_t scrub_bytes_per_s = 0;   // 0: bodies are not read again
  int scrub_every_days = 0;
  uint64_t text_index_bytes_per_s = 0;  // 0: there is no text index

  int64_t expire_interval_s = 0;
  expire::RulesByPath expire_rules;
  std::string expire_archive;  // partition; empty: nothing is archived

  std::string admin_socket;
  unsigned admin_mode = 0600;

  std::vector<Endpoint> metrics;

  struct Certificate {
    std::string file;
    std::string key;
  };
  std::vector<Certificate> certificates;  // the first for clients that name no host, or another
  std::string tls_client_ca;              // empty: clients are not asked for certificates
  enum class ClientName : uint8_t {
    kEmail,
    kLocalPart,
    kCommonName
  } tls_client_name = ClientName::kEmail;

  std::vector<Endpoint> imap;
  std::vector<Endpoint> imap_tls;
  enum class PlaintextAuth : uint8_t { kOnTlsOrLocal, kAnywhere };
  PlaintextAuth plaintext_auth = PlaintextAuth::kOnTlsOrLocal;
  int64_t imap_idle_timeout_s = 0;
  // RFC 9738; 0: none. At most one of them is set.
  uint64_t imap_message_limit = 0;
  uint64_t imap_save_limit = 0;
  size_t imap_sessions_per_user = 0;  // 0: any number
  bool imap_unauthenticate = true;

  wire::LoginGuardOptions login;
  OauthConfig oauth;

  std::vector<std::string> admins;  // userids
  std::string other_users_prefix;   // of names (RFC 2342); empty: that namespace is not shown
  std::string shared_prefix;

  LmtpConfig lmtp;
  SieveConfig sieve;
  ManageSieveConfig managesieve;
  OutgoingConfig outgoing;

  std::vector<Endpoint> pop3;
  std::vector<Endpoint> pop3_tls;
  PlaintextAuth pop3_plaintext_auth = PlaintextAuth::kOnTlsOrLocal;
  enum class Pop3Delete : uint8_t { kExpunge, kHide } pop3_delete = Pop3Delete::kExpunge;
  enum class Pop3Utf8 : uint8_t { kSend, kRefuse } pop3_utf8 = Pop3Utf8::kSend;
  std::string pop3_mailbox_separator;
  int64_t pop3_login_delay_s = 0;
  int64_t pop3_idle_timeout_s = 0;

  NewsConfig news;

  std::vector<Endpoint> sync;
  /// Of those who bring mail: TLS from elsewhere but not from this machine, from everywhere, never.
  enum class SyncTls : uint8_t { kRemote, kAlways, kOff } sync_tls = SyncTls::kRemote;
  std::string sync_user;
  std::string sync_password;

  std::map<std::string, std::string> user_mailboxes;  // path -> special use, empty for none
  uint32_t password_iterations = 0;

  AcknowledgeConfig acknowledge = {};  // of channels that say nothing else
  int64_t acknowledge_wait_s = 0;

  size_t connections_max = 0;
  std::vector<ChannelConfig> channels;

  bool has_tls() const { return !certificates.empty(); }
};

/// Reads and checks a file. Problems come by line and name the key.
std::expected<Config, std::vector<ConfigProblem>> load_config(const std::string& path);
std::expected<Config, std::vector<ConfigProblem>> parse_config(std::string_view text);

/// One line each, as `gemel.toml:12: imap.listen: ...`.
std::string text_of(const std::string& path, const std::vector<ConfigProblem>& problems);

}  // namespace gemel::bin
