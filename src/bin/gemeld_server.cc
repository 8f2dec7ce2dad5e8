#include "bin/gemeld_server.h"

#include <fmt/format.h>

#include <algorithm>

#include "admin/metrics.h"
#include "admin/session.h"
#include "base/log.h"
#include "bin/gemeld_expire_words.h"
#include "bin/gemeld_places.h"
#include "lmtp/trace.h"
#include "sieve/limits.h"

namespace gemel::bin {
namespace {

constexpr int kWorkersDefault = 64;  // most of them wait for the disk, and share its syncs
constexpr int64_t kGraceMs = 10'000;
constexpr int64_t kDayS = 86'400;
constexpr size_t kSecretBytes = 32;
// What the store remembers for this server alone, beside what channels keep there.
constexpr std::string_view kOwnMemory = "server";
constexpr std::string_view kSecretKey = "sasl-secret";

imap::Limits imap_limits(const Config& config) {
  imap::Limits limits;
  limits.message_bytes_max = config.message_bytes_max;
  limits.idle_timeout_ms = config.imap_idle_timeout_s * 1000;
  const bool limits_saving = config.imap_save_limit != 0;
  limits.messages_per_command_max =
      limits_saving ? config.imap_save_limit : config.imap_message_limit;
  limits.limited = limits_saving ? imap::Limits::Limited::kSaving : imap::Limits::Limited::kAll;
  return limits;
}

pop3::Limits pop3_limits(const Config& config) {
  pop3::Limits limits;
  limits.idle_timeout_ms = config.pop3_idle_timeout_s * 1000;
  return limits;
}

std::vector<admin::DefaultMailbox> default_mailboxes(const Config& config) {
  std::vector<admin::DefaultMailbox> out;
  for (const auto& [path, special_use] : config.user_mailboxes) out.push_back({path, special_use});
  return out;
}

net::TlsFiles tls_files(const Config& config) {
  net::TlsFiles out{.client_ca_file = config.tls_client_ca};
  for (const Config::Certificate& certificate : config.certificates)
    out.certificates.push_back({certificate.file, certificate.key});
  using Name = net::TlsFiles::ClientName;
  switch (config.tls_client_name) {
    case Config::ClientName::kEmail:
      out.client_name = Name::kEmail;
      break;
    case Config::ClientName::kLocalPart:
      out.client_name = Name::kLocalPart;
      break;
    case Config::ClientName::kCommonName:
      out.client_name = Name::kCommonName;
      break;
  }
  return out;
}

expire::Defaults expire_defaults(const Config& config) {
  return {.rules = config.expire_rules, .keep_expunged_s = config.keep_expunged_days * kDayS};
}

// What is younger may count yet, for LMTP or for a script's `duplicate`: so only what has lapsed
// goes.
int64_t longest_remembered_s(const Config& config) {
  const auto by_scripts = static_cast<int64_t>(sieve::RunLimits{}.duplicate_seconds_max);
  return std::max(config.lmtp.duplicates_days * kDayS, by_scripts);
}

Sweeper::Schedule expire_schedule(const Config& config) {
  return {.interval_s = config.expire_interval_s,
          .defaults = expire_defaults(config),
          .options = {.rules = expire::Options::Rules::kApply,
                      .expunged_s = config.keep_expunged_days * kDayS,
                      .deleted_s = config.keep_deleted_days * kDayS,
                      .duplicates_s = longest_remembered_s(config),
                      .archive = config.expire_archive}};
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const Config& config) {
  TRY(const ConnectionPlaces places, make_places(config.connections_max));
  std::unique_ptr<Server> server(new Server(config));
  TRY_OK(server->open_store());
  TRY_OK(server->make_services());
  if (config.has_tls()) {
    TRY(server->identity_, net::TlsIdentity::load(tls_files(config)));
  }
  server->network_ = std::make_unique<net::Network>(
      net::NetworkOptions{.workers = config.workers > 0 ? config.workers : kWorkersDefault,
                          .connections_max = places.all,
                          .client_connections_max = places.clients});
  if (server->tokens_) server->tokens_->start(*server->network_);
  TRY_OK(server->listen_everywhere());
  server->replication_->start(*server->network_);
  server->delivery_->start_sending(*server->network_);
  if (server->news_) server->news_->start(*server->network_);
  server->sweeper_ = std::make_unique<Sweeper>(*server->store_, expire_schedule(config));
  log::info("started version={} role={} store={}", GEMEL_VERSION,
            server->store_->role() == Role::kPrimary ? "primary" : "replica", config.store_path);
  return server;
}

Server::~Server() {
  sweeper_.reset();
  if (delivery_) delivery_->stop_sending();
  if (news_) news_->stop();
  if (network_) network_->stop(kGraceMs);
  if (text_index_) text_index_->stop();
}

Result<void> Server::reload(const Config& config) {
  log::set_level(config.log_level);
  // A mistake in the one must not keep a new certificate from clients.
  const Result<void> delivery = delivery_->load();
  const Result<void> tls =
      identity_ && config.has_tls() ? identity_->reload(tls_files(config)) : Result<void>();
  if (!delivery && !tls)
    return fail(delivery.error().code,
                fmt::format("{}; {}", delivery.error().text, tls.error().text));
  return delivery ? tls : delivery;
}

Result<void> Server::open_store() {
  MailStore::Options options;
  options.path = config_.store_path;
  options.partitions = config_.partitions;
  options.role = config_.role == Config::Role::kPrimary ? Role::kPrimary : Role::kReplica;
  // LMTP puts its trace fields before a message that may itself be as big as allowed.
  options.message_bytes_max = config_.message_bytes_max + lmtp::kTraceBytesMax;
  options.user_mailboxes_max = config_.user_mailboxes_max;
  options.free_bytes_min = config_.free_bytes_min;
  options.before_mend = [this](const UniqueId& mailbox, const Digest& before) {
    return text_index_ ? text_index_->distrust(mailbox, before) : Result<void>();
  };
  auto store = MailStore::open(std::move(options));
  if (!store)
    return fail(store.error().code,
                fmt::format("store {}: {}", config_.store_path, store.error().text));
  store_ = std::move(*store);
  if (config_.text_index_bytes_per_s > 0) {
    TRY(text_index_, TextIndexing::open(config_.store_path));
  } else {
    TextIndexing::remove(config_.store_path);
  }
  return {};
}

// Kept, so that an unknown user's salt stays the same from one start to the next.
Result<std::string> Server::server_secret() {
  TRY(std::optional<std::string> kept, store_->channel_get(kOwnMemory, kSecretKey));
  if (kept) return *std::move(kept);
  std::string made = system_random().bytes(kSecretBytes);
  TRY_OK(store_->channel_put(kOwnMemory, {{std::string(kSecretKey), made}}));
  return made;
}

Result<void> Server::make_logins() {
  credentials_ = std::make_unique<admin::Credentials>(
      *store_, admin::Credentials::Options{.usual_iterations = config_.password_iterations},
      system_clock(), system_random());
  guard_ = std::make_unique<wire::LoginGuard>(config_.login, system_clock());
  TRY(tokens_, Tokens::make(config_.oauth));
  return {};
}

Result<void> Server::make_services() {
  TRY_OK(make_logins());
  TRY(const std::string secret, server_secret());
  access_options_ = {.other_users_prefix = config_.other_users_prefix,
                     .shared_prefix = config_.shared_prefix,
                     .admins = config_.admins};
  TRY(replication_, Replication::make(config_, *store_, secret));
  imap_user_sessions_.emplace(config_.imap_sessions_per_user);
  imap_options_ = std::make_shared<imap::Options>(
      imap::Options{.hostname = config_.hostname,
                    .store = *store_,
                    .clock = system_clock(),
                    .random = system_random(),
                    .credentials = *credentials_,
                    .server_secret = secret,
                    .scratch_directory = config_.store_path,
                    .login = logins(),
                    .plaintext_auth = config_.plaintext_auth == Config::PlaintextAuth::kAnywhere
                                          ? imap::PlaintextAuth::kAnywhere
                                          : imap::PlaintextAuth::kOnTlsOrLocal,
                    .offers_unauthenticate = config_.imap_unauthenticate,
                    .access = access_options_,
                    .text_index = text_index_ ? &text_index_->index() : nullptr,
                    .ack_gate = &replication_->ack_gate(),
                    .user_sessions = &*imap_user_sessions_,
                    .limits = imap_limits(config_)});
  TRY(delivery_, Delivery::make(config_, {.store = *store_,
                                          .access = access_options_,
                                          .ack_gate = replication_->ack_gate(),
                                          .users = *credentials_,
                                          .server_secret = secret,
                                          .login = logins()}));
  make_pop3(secret);
  if (config_.news.is_on()) {
    news_ = News::make(config_, {.store = *store_,
                                 .access = access_options_,
                                 .users = *credentials_,
                                 .outbox = delivery_->outbox(),
                                 .ack_gate = replication_->ack_gate(),
                                 .server_secret = secret,
                                 .login = logins()});
  }
  if (config_.scrub_bytes_per_s > 0)
    scrubber_ = std::make_unique<Scrubber>(
        *store_, admin::ScrubPlan{.bytes_per_s = config_.scrub_bytes_per_s,
                                  .every_s = config_.scrub_every_days * kDayS});
  if (text_index_) text_index_->start(*store_, config_.text_index_bytes_per_s);
  make_admin_services();
  return {};
}

void Server::make_pop3(const std::string& secret) {
  const bool anywhere = config_.pop3_plaintext_auth == Config::PlaintextAuth::kAnywhere;
  const bool hides = config_.pop3_delete == Config::Pop3Delete::kHide;
  const bool refuses = config_.pop3_utf8 == Config::Pop3Utf8::kRefuse;
  pop3_options_ = std::make_shared<pop3::Options>(
      pop3::Options{.hostname = config_.hostname,
                    .store = *store_,
                    .maildrops = maildrops_,
                    .clock = system_clock(),
                    .random = system_random(),
                    .credentials = *credentials_,
                    .server_secret = secret,
                    .login = logins(),
                    .plaintext_auth = anywhere ? pop3::PlaintextAuth::kAnywhere
                                               : pop3::PlaintextAuth::kOnTlsOrLocal,
                    .on_delete = hides ? pop3::OnDelete::kHide : pop3::OnDelete::kExpunge,
                    .utf8_headers = refuses ? pop3::Utf8Headers::kRefuse : pop3::Utf8Headers::kSend,
                    .mailbox_separator = config_.pop3_mailbox_separator,
                    .login_delay_s = config_.pop3_login_delay_s,
                    .expire_words = expire_words(*store_, config_.expire_rules),
                    .ack_gate = &replication_->ack_gate(),
                    .limits = pop3_limits(config_)});
}

void Server::make_admin_services() {
  admin::Services& services = admin_services_;
  services.store = store_.get();
  services.hostname = config_.hostname;
  services.default_mailboxes = default_mailboxes(config_);
  services.expire = expire_defaults(config_);
  services.news_prefix = config_.news.prefix;
  if (news_) services.news_feeds = [this] { return news_->feeds(); };
  services.credential_of_password = [this](std::string_view password) {
    return admin::items_for_password(password, config_.password_iterations, system_random());
  };
  services.credential_of_hash = [](std::string_view hash) { return admin::items_for_hash(hash); };
  services.check_script = [this](std::string_view name, std::string_view text) {
    return delivery_->check_script(name, text);
  };
  services.script_quota = delivery_->script_quota();
  services.listeners = [this] { return listeners_; };
  if (text_index_) services.text_index = [this] { return text_index_->status(); };
  if (scrubber_) services.scrub = [this] { return scrubber_->status(); };
  replication_->offer(services);
}

wire::SessionFactory Server::imap_sessions() const {
  return [options = imap_options_](wire::SessionEnv env) {
    return imap::make_session(options, std::move(env));
  };
}

wire::SessionFactory Server::pop3_sessions() const {
  return [options = pop3_options_](wire::SessionEnv env) {
    return pop3::make_session(options, std::move(env));
  };
}

wire::SessionFactory Server::admin_sessions() const {
  return
      [this](wire::SessionEnv env) { return admin::make_session(admin_services_, std::move(env)); };
}

wire::SessionFactory Server::metrics_sessions() const {
  return [this](const wire::SessionEnv&) { return admin::make_metrics_session(admin_services_); };
}

Result<void> Server::listen(const std::string& service, const Endpoint& endpoint,
                            net::ListenOptions options) {
  options.host = endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host;
  options.port = endpoint.port;
  options.path = endpoint.path;
  if (options.tls != net::ListenOptions::Tls::kNone) options.identity = identity_;
  auto address = network_->listen(std::move(options));
  if (!address) return std::unexpected(std::move(address).error());
  log::info("listening service={} address={}", service, *address);
  listeners_.push_back({service, *std::move(address)});
  return {};
}

Result<void> Server::listen_everywhere() {
  using Tls = net::ListenOptions::Tls;
  using For = net::ListenOptions::For;
  const Tls start_tls = identity_ ? Tls::kStartTls : Tls::kNone;
  const auto serve_clients = [this](const std::string& service,
                                    const std::vector<Endpoint>& endpoints, Tls tls,
                                    const std::vector<std::string>& alpn,
                                    const wire::SessionFactory& session) -> Result<void> {
    for (const Endpoint& endpoint : endpoints)
      TRY_OK(listen(service, endpoint,
                    {.tls = tls, .alpn = alpn, .whom = For::kClients, .session = session}));
    return {};
  };
  TRY_OK(serve_clients("imap", config_.imap, start_tls, {"imap"}, imap_sessions()));
  TRY_OK(serve_clients("imaps", config_.imap_tls, Tls::kImplicit, {"imap"}, imap_sessions()));
  // The mail server runs as another user; what may reach the socket is for its directory to say.
  for (const Endpoint& endpoint : config_.lmtp.listen)
    TRY_OK(listen(
        "lmtp", endpoint,
        {.mode = config_.lmtp.mode, .tls = start_tls, .session = delivery_->lmtp_sessions()}));
  TRY_OK(serve_clients("managesieve", config_.managesieve.listen, start_tls, {"managesieve"},
                       delivery_->managesieve_sessions()));
  TRY_OK(serve_clients("pop3", config_.pop3, start_tls, {"pop3"}, pop3_sessions()));
  TRY_OK(serve_clients("pop3s", config_.pop3_tls, Tls::kImplicit, {"pop3"}, pop3_sessions()));
  if (news_) {
    // Readers and peers share the port: "nnsp" is what peers call it.
    const std::vector<std::string> alpn = {"nntp", "nnsp"};
    TRY_OK(serve_clients("nntp", config_.news.listen, start_tls, alpn, news_->sessions()));
    TRY_OK(
        serve_clients("nntps", config_.news.listen_tls, Tls::kImplicit, alpn, news_->sessions()));
  }
  for (const Endpoint& endpoint : config_.sync)
    TRY_OK(listen("sync", endpoint, {.tls = start_tls, .session = replication_->receivers()}));
  for (const Endpoint& endpoint : config_.metrics)
    TRY_OK(listen("metrics", endpoint, {.session = metrics_sessions()}));
  // Last, so that who finds the admin socket finds the others too.
  return listen("admin", {.path = config_.admin_socket},
                {.mode = config_.admin_mode, .session = admin_sessions()});
}

}  // namespace gemel::bin
