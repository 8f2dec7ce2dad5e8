#include "bin/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "bin/config_fields.h"

namespace gemel::bin {
namespace {

constexpr int64_t kDaysMax = 36'500;
constexpr int64_t kTerabyte = int64_t{1} << 40;
// Less, and a login would take minutes.
constexpr uint64_t kBytesPerSMin = 10'000;
using Switch = ConfigTable::Switch;

std::string machine_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

void read_server(ConfigTable& table, Config& config) {
  config.hostname = table.text("hostname", machine_name());
  config.role = static_cast<Config::Role>(table.choice("role", {"primary", "replica"}));
  config.workers = static_cast<int>(table.number("workers", 0, 0, 1024));
  constexpr std::array kLevels = {log::Level::kInfo, log::Level::kDebug, log::Level::kWarn,
                                  log::Level::kError, log::Level::kOff};
  config.log_level = kLevels[table.choice("log_level", {"info", "debug", "warn", "error", "off"})];
  config.connections_max =
      static_cast<size_t>(table.number("connections_max", 10'000, 1, 1'000'000));
  config.admins = table.texts("admins");
}

void read_store(ConfigTable table, Config& config) {
  config.store_path = table.text("path", "/var/lib/gemel");
  config.partitions = table.text_map("partitions");
  config.message_bytes_max =
      static_cast<uint64_t>(table.number("message_bytes_max", 50 << 20, 1024, kTerabyte));
  config.free_bytes_min =
      static_cast<uint64_t>(table.number("free_bytes_min", 64 << 20, 0, kTerabyte));
  config.keep_expunged_days = static_cast<int>(table.number("keep_expunged_days", 14, 0, kDaysMax));
  config.keep_deleted_days = static_cast<int>(table.number("keep_deleted_days", 14, 0, kDaysMax));
  config.user_mailboxes_max =
      static_cast<uint64_t>(table.number("user_mailboxes_max", 100'000, 0, 100'000'000));
  config.scrub_bytes_per_s =
      static_cast<uint64_t>(table.number("scrub_bytes_per_s", 2 << 20, 0, kTerabyte));
  config.text_index_bytes_per_s =
      static_cast<uint64_t>(table.number("text_index_bytes_per_s", 8 << 20, 0, kTerabyte));
  config.scrub_every_days = static_cast<int>(table.number("scrub_every_days", 30, 1, kDaysMax));
  table.check_all_read();
}

void read_expire(ConfigTable table, Config& config) {
  config.expire_interval_s = table.number("interval_minutes", 60, 1, 10'080) * 60;
  for (const auto& [path, text] : table.text_map("rules")) {
    const Result<expire::Rule> rule = expire::parse_rule(text);
    if (rule)
      config.expire_rules.emplace(path, *rule);
    else
      table.wrong("rules", fmt::format("{}: {}", path, rule.error().text));
  }
  config.expire_archive = table.text("archive_partition");
  if (!config.expire_archive.empty() && config.expire_archive != "default" &&
      !config.partitions.contains(config.expire_archive))
    table.wrong("archive_partition", "must be one of store.partitions, or \"default\"");
  table.check_all_read();
}

void read_admin(ConfigTable table, Config& config) {
  config.admin_socket = table.text("socket", "/run/gemel/admin.sock");
  config.admin_mode = file_mode_of(table, "0600");
  if (!parse_endpoint("unix:" + config.admin_socket))
    table.wrong("socket", "must be a whole path of at most 107 bytes");
  table.check_all_read();
}

void read_metrics(ConfigTable table, Config& config) {
  config.metrics = endpoints_of(table, "listen");
  const bool allowed = table.on_off("allow_remote", Switch::kOff) == Switch::kOn;
  if (!allowed && !std::ranges::all_of(config.metrics, &Endpoint::is_loopback))
    table.wrong("listen",
                "anyone who reaches it may read; if that is what you want, say allow_remote = "
                "true");
  table.check_all_read();
}

void read_certificate(ConfigTable& table, Config& config) {
  Config::Certificate out{.file = existing_file(table, "certificate"),
                          .key = existing_file(table, "key")};
  if (out.file.empty() != out.key.empty())
    table.wrong(out.key.empty() ? "certificate" : "key",
                "a certificate and its key belong together");
  if (!out.file.empty()) config.certificates.push_back(std::move(out));
}

void read_tls(ConfigTable table, Config& config) {
  read_certificate(table, config);
  for (ConfigTable& host : table.tables("host")) {
    if (!config.has_tls()) host.wrong("certificate", "needs tls.certificate and tls.key too");
    if (!host.has("certificate")) host.wrong("certificate", "a host needs a certificate");
    read_certificate(host, config);
    host.check_all_read();
  }
  config.tls_client_ca = existing_file(table, "client_ca");
  config.tls_client_name = static_cast<Config::ClientName>(
      table.choice("client_name", {"email", "local-part", "common-name"}));
  if (!config.tls_client_ca.empty() && !config.has_tls())
    table.wrong("client_ca", "needs tls.certificate and tls.key");
  table.check_all_read();
}

// RFC 9738 §3: limits below a thousand should not be told.
constexpr int64_t kMessageLimitMin = 1000;
constexpr int64_t kMessageLimit = 1'000'000;

uint64_t message_limit(ConfigTable& table, std::string_view key, int64_t fallback) {
  const int64_t limit = table.number(key, fallback, 0, UINT32_MAX);
  if (limit != 0 && limit < kMessageLimitMin) table.wrong(key, "must be 0, or at least 1000");
  return static_cast<uint64_t>(limit);
}

void read_imap(ConfigTable table, Config& config) {
  config.imap = endpoints_of(table, "listen");
  config.imap_tls = endpoints_of(table, "listen_tls");
  config.plaintext_auth = static_cast<Config::PlaintextAuth>(
      table.choice("plaintext_auth", {"tls-or-local", "anywhere"}));
  config.imap_idle_timeout_s = table.number("idle_timeout_s", 1800, 60, 86'400);
  config.imap_sessions_per_user =
      static_cast<size_t>(table.number("sessions_per_user", 5000, 0, 1'000'000));
  config.imap_unauthenticate = table.on_off("unauthenticate", Switch::kOn) == Switch::kOn;
  config.imap_save_limit = message_limit(table, "save_limit", 0);
  config.imap_message_limit =
      message_limit(table, "message_limit", config.imap_save_limit == 0 ? kMessageLimit : 0);
  if (config.imap_save_limit != 0 && config.imap_message_limit != 0)
    table.wrong("save_limit", "only one of message_limit and save_limit can be told to clients");
  if (!config.imap_tls.empty() && !config.has_tls())
    table.wrong("listen_tls", "needs tls.certificate and tls.key");
  table.check_all_read();
}

// RFC 2342: where in a user's names those of others begin.
std::string namespace_prefix(ConfigTable& table, std::string_view key, std::string_view fallback) {
  std::string prefix = table.text(key, fallback);
  if (prefix.empty()) return prefix;
  if (prefix.front() == '/' || prefix.back() == '/' || prefix.find("//") != std::string::npos)
    table.wrong(key, "must be levels of a mailbox name, as \"Shared\" or \"Public/All\"");
  if (prefix.find_first_of("*%") != std::string::npos)
    table.wrong(key, "must not hold \"*\" or \"%\"");
  return prefix;
}

bool is_level_of(std::string_view prefix, std::string_view other) {
  return other == prefix || other.starts_with(std::string(prefix) + "/");
}

void read_namespaces(ConfigTable table, Config& config) {
  config.other_users_prefix = namespace_prefix(table, "other_users", "Other Users");
  config.shared_prefix = namespace_prefix(table, "shared", "Shared");
  const std::string& a = config.other_users_prefix;
  const std::string& b = config.shared_prefix;
  if (!a.empty() && !b.empty() && (is_level_of(a, b) || is_level_of(b, a)))
    table.wrong("shared", "must not be the same as other_users, or a level of it");
  for (const std::string& prefix : {a, b})
    if (is_level_of("INBOX", prefix)) table.wrong("shared", "INBOX is each user's own");
  table.check_all_read();
}

void read_pop3(ConfigTable table, Config& config) {
  config.pop3 = endpoints_of(table, "listen");
  config.pop3_tls = endpoints_of(table, "listen_tls");
  config.pop3_plaintext_auth = static_cast<Config::PlaintextAuth>(
      table.choice("plaintext_auth", {"tls-or-local", "anywhere"}));
  config.pop3_delete =
      static_cast<Config::Pop3Delete>(table.choice("on_delete", {"expunge", "hide"}));
  config.pop3_utf8 =
      static_cast<Config::Pop3Utf8>(table.choice("utf8_headers", {"send", "refuse"}));
  config.pop3_mailbox_separator = table.text("mailbox_separator", "+");
  config.pop3_login_delay_s = table.number("login_delay_s", 0, 0, 86'400);
  config.pop3_idle_timeout_s = table.number("idle_timeout_s", 600, 60, 86'400);
  if (!config.pop3_tls.empty() && !config.has_tls())
    table.wrong("listen_tls", "needs tls.certificate and tls.key");
  table.check_all_read();
}

void read_sync(ConfigTable table, Config& config) {
  config.sync = endpoints_of(table, "listen");
  config.sync_tls = static_cast<Config::SyncTls>(table.choice("tls", {"remote", "always", "off"}));
  config.sync_user = table.text("user", "gemel-sync");
  config.sync_password = password_of(table);
  if (!config.sync.empty() && config.sync_password.empty())
    table.wrong("listen", "needs sync.password_file or sync.password");
  table.check_all_read();
}

void read_users(ConfigTable table, Config& config) {
  config.user_mailboxes = table.text_map("mailboxes");
  config.password_iterations =
      static_cast<uint32_t>(table.number("password_iterations", 10'000, 4096, 10'000'000));
  table.check_all_read();
}

// The default of a choice comes first.
template <class Choice>
Choice choice_or(ConfigTable& table, std::string_view key,
                 const std::vector<std::string_view>& words, Choice otherwise) {
  return table.has(key) ? static_cast<Choice>(table.choice(key, words)) : otherwise;
}

AcknowledgeConfig acknowledge_of(ConfigTable& table, std::string_view key,
                                 const AcknowledgeConfig& otherwise) {
  return {
      .level = choice_or(table, key, {"local", "received", "durable", "applied"}, otherwise.level),
      .when_away = choice_or(table, "when_away", {"degraded", "refuse"}, otherwise.when_away)};
}

void read_acknowledge(ConfigTable table, Config& config) {
  config.acknowledge = acknowledge_of(table, "level", {});
  config.acknowledge_wait_s = table.number("wait_s", 10, 1, 600);
  table.check_all_read();
}

ChannelConfig read_channel(ConfigTable& table, const AcknowledgeConfig& acknowledge) {
  ChannelConfig out;
  out.acknowledge = acknowledge_of(table, "acknowledge", acknowledge);
  out.name = table.text("name");
  if (out.name.empty()) table.wrong("name", "a channel needs a name");
  out.host = table.text("host");
  if (out.host.empty()) table.wrong("host", "a channel needs the host of its replica");
  out.port = static_cast<uint16_t>(table.number("port", 0, 1, 65'535));
  if (!table.has("port")) table.wrong("port", "a channel needs the port of its replica");
  out.user = table.text("user", "gemel-sync");
  out.password = password_of(table);
  if (out.password.empty()) table.wrong("password_file", "a channel needs a password");
  out.ca_file = existing_file(table, "ca_file");
  out.server_name = table.text("server_name");
  out.mode = static_cast<ChannelConfig::Mode>(table.choice("mode", {"rolling", "manual"}));
  out.bytes_per_s_max = static_cast<uint64_t>(table.number("bytes_per_s_max", 0, 0, kTerabyte));
  if (out.bytes_per_s_max > 0 && out.bytes_per_s_max < kBytesPerSMin)
    table.wrong("bytes_per_s_max", "must be at least 10000, or 0 for none");
  const bool is_loopback = is_loopback_host(out.host);
  if (table.has("tls"))
    out.tls = static_cast<ChannelConfig::Tls>(table.choice("tls", {"required", "off"}));
  else if (is_loopback)
    out.tls = ChannelConfig::Tls::kOff;
  const bool allowed = table.on_off("allow_plaintext_link", Switch::kOff) == Switch::kOn;
  if (out.tls == ChannelConfig::Tls::kOff && !is_loopback && !allowed)
    table.wrong("tls",
                "mail would cross the network readable by all; if that is what you want, "
                "say allow_plaintext_link = true");
  table.check_all_read();
  return out;
}

void read_channels(ConfigTable& root, Config& config) {
  std::set<std::string> names;
  for (ConfigTable& table : root.tables("channel")) {
    config.channels.push_back(read_channel(table, config.acknowledge));
    if (!names.insert(config.channels.back().name).second)
      table.wrong("name", "another channel has this name");
  }
}

std::expected<Config, std::vector<ConfigProblem>> read(ConfigTable root) {
  Config config;
  read_server(root, config);
  read_store(root.table("store"), config);
  read_expire(root.table("expire"), config);
  read_admin(root.table("admin"), config);
  read_metrics(root.table("metrics"), config);
  read_tls(root.table("tls"), config);
  config.login = read_login(root.table("login"));
  config.oauth = read_oauth(root.table("oauth"));
  read_imap(root.table("imap"), config);
  read_namespaces(root.table("namespaces"), config);
  config.lmtp = read_lmtp(root.table("lmtp"));
  config.sieve = read_sieve(root.table("sieve"));
  config.managesieve = read_managesieve(root.table("managesieve"));
  config.outgoing = read_outgoing(root.table("outgoing"));
  read_pop3(root.table("pop3"), config);
  using Certificate = NewsSurroundings::Certificate;
  config.news =
      read_news(root.table("nntp"),
                {.hostname = config.hostname,
                 .keep_expunged_days = config.keep_expunged_days,
                 .certificate = config.has_tls() ? Certificate::kThere : Certificate::kNone});
  read_sync(root.table("sync"), config);
  read_users(root.table("users"), config);
  read_acknowledge(root.table("acknowledge"), config);
  read_channels(root, config);
  root.check_all_read();
  if (auto problems = root.problems(); !problems.empty())
    return std::unexpected(std::move(problems));
  return config;
}

}  // namespace

std::expected<Config, std::vector<ConfigProblem>> load_config(const std::string& path) {
  return read(ConfigTable::read_file(path));
}

std::expected<Config, std::vector<ConfigProblem>> parse_config(std::string_view text) {
  return read(ConfigTable::parse(text));
}

std::string text_of(const std::string& path, const std::vector<ConfigProblem>& problems) {
  std::string out;
  for (const ConfigProblem& problem : problems)
    out += problem.line == 0 ? fmt::format("{}: {}\n", path, problem.text)
                             : fmt::format("{}:{}: {}\n", path, problem.line, problem.text);
  return out;
}

}  // namespace gemel::bin
