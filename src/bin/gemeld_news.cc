#include "bin/gemeld_news.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"

namespace gemel::bin {
namespace {

constexpr int64_t kDayS = 86'400;
constexpr int64_t kSweepMs = kDayS * 1000;
// A replica may be promoted, and nobody says so.
constexpr auto kLookInterval = std::chrono::seconds(5);
constexpr int64_t kRetryMsFirst = 5'000;
constexpr int64_t kRetryMsMax = 600'000;

nntp::ControlRule::Kind kind_of(NewsControlConfig::Type type) {
  using Kind = nntp::ControlRule::Kind;
  switch (type) {
    case NewsControlConfig::Type::kCancel:
      return Kind::kCancel;
    case NewsControlConfig::Type::kSupersedes:
      return Kind::kSupersedes;
    case NewsControlConfig::Type::kNewgroup:
      return Kind::kNewgroup;
    case NewsControlConfig::Type::kRmgroup:
      return Kind::kRmgroup;
  }
  return Kind::kCancel;
}

nntp::Limits limits_of(const Config& config) {
  nntp::Limits out;
  out.article_bytes_max = config.message_bytes_max;
  out.idle_timeout_ms = config.news.idle_timeout_s * 1000;
  return out;
}

}  // namespace

struct News::Line {
  Line(const NewsFeedConfig& its_config, nntp::Feed::Setup setup, nntp::FeedOptions options)
      : config(its_config), feed(std::move(setup), std::move(options)) {}

  const NewsFeedConfig& config;
  nntp::Feed feed;
  // Under mutex_ of News.
  bool is_connected = false;
  int64_t retry_ms = kRetryMsFirst;
  int64_t next_ms = 0;  // not before
};

News::News(const Config& config, const Parts& parts)
    : config_(config.news),
      store_(parts.store),
      hostname_(config.hostname),
      history_(parts.store, config.news.prefix) {}

News::~News() { stop(); }

std::unique_ptr<News> News::make(const Config& config, const Parts& parts) {
  std::unique_ptr<News> out(new News(config, parts));
  out->make_options(parts, limits_of(config));
  out->make_lines();
  return out;
}

void News::make_options(const Parts& parts, const nntp::Limits& limits) {
  nntp::Options options{
      .hostname = hostname_,
      .path_identity = config_.path_identity,
      .prefix = config_.prefix,
      .store = store_,
      .clock = system_clock(),
      .random = system_random(),
      .credentials = parts.users,
      .access = parts.access,
      .history = history_,
      .outbox = parts.outbox,
      .ack_gate = &parts.ack_gate,
      .server_secret = parts.server_secret,
      .login = parts.login,
      .plaintext_auth = config_.plaintext_auth == NewsConfig::PlaintextAuth::kAnywhere
                            ? nntp::PlaintextAuth::kAnywhere
                            : nntp::PlaintextAuth::kOnTlsOrLocal,
      .anonymous = config_.anonymous == NewsConfig::Anonymous::kAnyone ? nntp::Anonymous::kAnyone
                                                                       : nntp::Anonymous::kRefused,
      .distrib_pats = config_.distrib_pats,
      .complaints_to = config_.complaints_to,
      .mail_sender = config_.mail_sender,
      .article_age_s_max = config_.article_age_days * kDayS,
      .limits = limits};
  for (const NewsPeerConfig& peer : config_.peers)
    options.peers.push_back({.name = peer.name,
                             .addresses = peer.addresses,
                             .userid = peer.user,
                             .path_name = peer.path_name,
                             .groups = peer.groups});
  for (const NewsControlConfig& rule : config_.controls)
    options.control_rules.push_back(
        {.kind = kind_of(rule.type), .from = rule.from, .groups = rule.groups});
  options_ = std::make_shared<const nntp::Options>(std::move(options));
}

void News::make_lines() {
  for (const NewsFeedConfig& feed : config_.feeds) {
    lines_.push_back(
        std::make_unique<Line>(feed,
                               nntp::Feed::Setup{.store = store_,
                                                 .clock = system_clock(),
                                                 .prefix = config_.prefix,
                                                 .path_identity = config_.path_identity},
                               nntp::FeedOptions{.name = feed.name,
                                                 .peer_path_name = feed.path_name,
                                                 .groups = feed.groups,
                                                 .userid = feed.user,
                                                 .password = feed.password,
                                                 .tls = feed.tls == NewsFeedConfig::Tls::kStartTls
                                                            ? nntp::FeedOptions::Tls::kStartTls
                                                            : nntp::FeedOptions::Tls::kNone,
                                                 .backlog_s = feed.backlog_hours * 3600}));
  }
}

wire::SessionFactory News::sessions() const {
  return [options = options_](wire::SessionEnv env) {
    return nntp::make_session(options, std::move(env));
  };
}

std::vector<admin::NewsFeedStatus> News::feeds() const {
  std::vector<admin::NewsFeedStatus> out;
  for (const auto& line : lines_) {
    const nntp::FeedStatus status = line->feed.status();
    out.push_back({.name = line->config.name,
                   .address = fmt::format("{}:{}", line->config.host, line->config.port),
                   .connected = status.connected,
                   .streaming = status.streaming,
                   .offered = status.offered,
                   .accepted = status.accepted,
                   .refused = status.refused,
                   .deferred = status.deferred,
                   .last_error = status.last_error});
  }
  return out;
}

void News::start(net::Network& network) {
  thread_ = std::thread([this, &network] { run(network); });
}

void News::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void News::wake() {
  {
    const std::scoped_lock lock(mutex_);
    has_news_ = true;
  }
  woken_.notify_all();
}

void News::run(net::Network& network) {
  const Watch watch = store_.watch_all([this](const Published&) { wake(); });
  swept_ms_ = system_clock().monotonic_ms();
  for (;;) {
    work(network);
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, kLookInterval, [this] { return stopping_ || has_news_; });
    if (stopping_) return;
    has_news_ = false;
  }
}

void News::work(net::Network& network) {
  const auto followed = history_.follow();
  if (!followed) log::warn("nntp index: {}", followed.error().text);
  if (followed && *followed == nntp::History::Progress::kMore) wake();
  for (const auto& line : lines_) look_at(*line, network);
  const int64_t now_ms = system_clock().monotonic_ms();
  if (now_ms - swept_ms_ < kSweepMs) return;
  swept_ms_ = now_ms;
  sweep();
}

void News::look_at(Line& line, net::Network& network) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_ || line.is_connected || system_clock().monotonic_ms() < line.next_ms) return;
  }
  const auto has_work = line.feed.has_work();
  if (!has_work) log::warn("feed={} {}", line.config.name, has_work.error().text);
  if (has_work && *has_work) connect(line, network);
}

void News::connect(Line& line, net::Network& network) {
  using Tls = net::ConnectOptions::Tls;
  net::ConnectOptions options;
  options.host = line.config.host;
  options.port = line.config.port;
  if (line.config.tls != NewsFeedConfig::Tls::kOff)
    options.tls = std::make_unique<Tls>(
        Tls{.ca_file = line.config.ca_file,
            .server_name = line.config.server_name,
            .when = line.config.tls == NewsFeedConfig::Tls::kImplicit ? Tls::When::kFirst
                                                                      : Tls::When::kAsked});
  options.session = [&line](wire::SessionEnv env) { return line.feed.connect(std::move(env)); };
  options.on_end = [this, &line](const Error& reason) { ended(line, reason); };
  {
    const std::scoped_lock lock(mutex_);
    line.is_connected = true;
  }
  network.connect(std::move(options));
}

void News::ended(Line& line, const Error& reason) {
  line.feed.disconnected(reason);
  const bool went_well = line.feed.status().last_error.empty();
  {
    const std::scoped_lock lock(mutex_);
    line.is_connected = false;
    line.next_ms = went_well ? 0 : system_clock().monotonic_ms() + line.retry_ms;
    line.retry_ms = went_well ? kRetryMsFirst : std::min(line.retry_ms * 2, kRetryMsMax);
  }
  wake();
}

// Once a day; a stop waits for the piece under way.
void News::sweep() {
  std::string after;
  do {
    auto next = history_.sweep(after);
    if (!next) return log::warn("nntp index: {}", next.error().text);
    after = *std::move(next);
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
  } while (!after.empty());
}

}  // namespace gemel::bin
