#include "bin/gemeld_channels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>

#include "base/log.h"

namespace gemel::bin {
namespace {

sync::ChannelOptions channel_options(const ChannelConfig& config, const Channels::Shared& shared) {
  using Mode = sync::ChannelOptions::Mode;
  using Plaintext = sync::ChannelOptions::Plaintext;
  sync::ChannelOptions out;
  out.upstreams = shared.upstreams;
  out.on_standing = shared.on_standing;
  out.name = config.name;
  out.userid = config.user;
  out.password = config.password;
  out.bytes_per_s_max = config.bytes_per_s_max;
  out.mode = config.mode == ChannelConfig::Mode::kRolling ? Mode::kRolling : Mode::kOneShot;
  // That the administrator wants it so off the loopback was checked with the configuration.
  if (config.tls == ChannelConfig::Tls::kOff) out.plaintext = Plaintext::kAnywhere;
  return out;
}

AckPolicy ack_policy(const AcknowledgeConfig& config) {
  return {.level = static_cast<AckLevel>(config.level),
          .away = config.when_away == AcknowledgeConfig::Away::kRefuse
                      ? AckPolicy::Away::kRefuse
                      : AckPolicy::Away::kDegraded};
}

net::ConnectOptions connect_options(const ChannelConfig& config) {
  net::ConnectOptions out;
  out.host = config.host;
  out.port = config.port;
  if (config.tls == ChannelConfig::Tls::kRequired) {
    out.tls = std::make_unique<net::ConnectOptions::Tls>();
    out.tls->ca_file = config.ca_file;
    out.tls->server_name = config.server_name.empty() ? config.host : config.server_name;
    out.tls->when = net::ConnectOptions::Tls::When::kAsked;
  }
  return out;
}

// Where TLS is required, the loopback is no exception: no session may take it for one.
wire::SessionEnv env_for(const ChannelConfig& config, wire::SessionEnv env) {
  if (config.tls == ChannelConfig::Tls::kRequired) env.is_local = false;
  return env;
}

admin::ChannelStatus status_of(const ChannelConfig& config, const sync::ChannelStatus& status) {
  admin::ChannelStatus out;
  out.name = config.name;
  out.address = fmt::format("{}:{}", config.host, config.port);
  out.connected = status.connected;
  out.paused = status.paused;
  out.is_apart = status.is_apart;
  out.journal_position = status.position.value;
  out.changes_behind = status.changes_behind;
  out.lag_s = static_cast<double>(status.lag_ms) / 1000;
  out.last_error = status.last_error;
  out.retry_in_s = (status.retry_in_ms + 999) / 1000;
  for (const auto& aside : status.set_aside)
    out.set_aside.push_back({aside.entity, aside.reason, (aside.retry_in_ms + 999) / 1000});
  out.acknowledge = std::array{"local", "received", "durable",
                               "applied"}[static_cast<size_t>(status.acknowledges.policy.level)];
  out.acknowledge_away = status.acknowledges.is_away;
  if (status.acknowledges.policy.away == AckPolicy::Away::kRefuse) out.when_away = "refuse";
  out.unacknowledged = status.acknowledges.without_it;
  out.batches = status.batches;
  out.round_trips = status.round_trips;
  out.bytes_up = status.bytes_up;
  out.bytes_down = status.bytes_down;
  return out;
}

sync::SyncEffect effect_of(admin::SyncRequest::Effect effect) {
  using Effect = admin::SyncRequest::Effect;
  switch (effect) {
    case Effect::kDryRun:
      return sync::SyncEffect::kDryRun;
    case Effect::kVerify:
      return sync::SyncEffect::kVerify;
    case Effect::kRepair:
      return sync::SyncEffect::kRepair;
    case Effect::kSend:
      break;
  }
  return sync::SyncEffect::kSend;
}

admin::SyncOutcome outcome_of(sync::SyncReport report) {
  return {.result = std::move(report.result),
          .actions = std::move(report.actions),
          .round_trips = report.round_trips,
          .bytes_up = report.bytes_up,
          .bytes_down = report.bytes_down};
}

}  // namespace

Channels::Link::Link(const ChannelConfig& given, MailStore& store, sync::ChannelOptions options)
    : config(given), channel(store, std::move(options), system_clock()) {}

Channels::Channels(MailStore& store, const std::vector<ChannelConfig>& configs,
                   const Shared& shared)
    : store_(store), shared_(shared) {
  for (const ChannelConfig& config : configs) {
    sync::ChannelOptions options = channel_options(config, shared);
    if (shared.ack_gate != nullptr)
      options.acknowledges = shared.ack_gate->add(config.name, ack_policy(config.acknowledge));
    links_.push_back(std::make_unique<Link>(config, store, std::move(options)));
  }
}

Channels::~Channels() = default;

void Channels::start(net::Network& network) {
  network_ = &network;
  for (const auto& link : links_) connect(*link);
}

void Channels::renew() {
  for (const auto& link : links_) {
    link->channel.renew();
    if (network_ != nullptr) connect(*link);
  }
}

bool Channels::have_heard() {
  return std::ranges::all_of(links_, [](const auto& link) {
    if (link->channel.status().connected) return true;
    const std::scoped_lock lock(link->mutex);
    return !link->is_busy;
  });
}

void Channels::connect(Link& link) {
  {
    const std::scoped_lock lock(link.mutex);
    if (std::exchange(link.is_busy, true)) return;
    ++link.waits;
  }
  net::ConnectOptions options = connect_options(link.config);
  options.session = [&link](wire::SessionEnv env) {
    log::info("channel={} is connected to {}", link.config.name, env.peer_address);
    return link.channel.connect(env_for(link.config, std::move(env)));
  };
  options.on_bytes = [&link](uint64_t up, uint64_t down) { link.channel.count_bytes(up, down); };
  options.on_end = [this, &link](const Error& reason) {
    link.channel.disconnected(reason);
    connect_after(link, link.channel.next_attempt_ms());
  };
  network_->connect(std::move(options));
}

void Channels::connect_after(Link& link, int64_t delay_ms) {
  uint64_t wait = 0;
  {
    const std::scoped_lock lock(link.mutex);
    link.is_busy = false;
    wait = ++link.waits;
  }
  log::debug("channel={} connects again in {} ms", link.config.name, delay_ms);
  network_->after(delay_ms, [this, &link, wait] {
    {
      const std::scoped_lock lock(link.mutex);
      if (link.waits != wait) return;
    }
    connect(link);
  });
}

std::vector<admin::ChannelStatus> Channels::status() const {
  std::vector<admin::ChannelStatus> out;
  for (const auto& link : links_) out.push_back(status_of(link->config, link->channel.status()));
  return out;
}

std::map<std::string, std::vector<admin::UserLag>> Channels::users_behind() const {
  std::map<std::string, std::vector<admin::UserLag>> out;
  for (const auto& link : links_) {
    std::vector<admin::UserLag>& lags = out[link->config.name];
    for (sync::UserLag& lag : link->channel.users_behind())
      lags.push_back({.user = std::move(lag.userid),
                      .changes = lag.changes,
                      .lag_s = static_cast<double>(lag.lag_ms) / 1000,
                      .set_aside = lag.set_aside});
  }
  return out;
}

Result<Channels::Link*> Channels::find(std::string_view name) {
  if (name.empty() && links_.size() == 1) return links_.front().get();
  if (links_.empty()) return fail(Code::kNotFound, "this server has no channel");
  if (name.empty()) return fail(Code::kInvalid, "there are several channels: name one");
  const auto found =
      std::ranges::find_if(links_, [&](const auto& link) { return link->config.name == name; });
  if (found == links_.end()) return fail(Code::kNotFound, fmt::format("no channel \"{}\"", name));
  return found->get();
}

Result<void> Channels::set_flow(std::string_view channel, admin::Services::Flow flow) {
  TRY(Link * link, find(channel));
  if (flow == admin::Services::Flow::kPause)
    link->channel.pause();
  else
    link->channel.resume();
  return {};
}

void Channels::sync(admin::SyncRequest request,
                    const std::function<void(admin::SyncOutcome)>& done) {
  const Result<Link*> link = find(request.channel);
  if (!link) return done({.result = std::unexpected(link.error()), .actions = {}});
  const sync::SyncEffect effect = effect_of(request.effect);
  sync::SyncScope scope{std::move(request.users), std::move(request.mailboxes)};
  auto report = [done](sync::SyncReport given) { done(outcome_of(std::move(given))); };
  if (request.link == admin::SyncRequest::Link::kFresh)
    sync_fresh(**link, std::move(scope), effect, std::move(report));
  else
    (*link)->channel.sync(std::move(scope), effect, std::move(report));
}

// --- one sync over a connection of its own ---

// Ends its connection when its sync is done.
class Channels::OneShot final : public wire::Session {
 public:
  // What its channel, its connection and its session share.
  struct State {
    State(MailStore& store, const sync::ChannelOptions& options)
        : channel(store, options, system_clock()) {}
    sync::Channel channel;
    std::atomic<bool> is_done = false;
    std::mutex mutex;
    std::function<void()> wake = [] {};  // under mutex
  };

  OneShot(std::shared_ptr<State> state, wire::SessionEnv env) : state_(std::move(state)) {
    {
      const std::scoped_lock lock(state_->mutex);
      state_->wake = env.wake;
    }
    inner_ = state_->channel.connect(std::move(env));
  }

  void receive(std::string_view bytes) override { inner_->receive(bytes); }
  void produce(std::string& out, size_t bytes_max) override { inner_->produce(out, bytes_max); }
  wire::Want want() const override { return inner_->want(); }
  void wake() override {
    if (state_->is_done)
      inner_->shut_down();
    else
      inner_->wake();
  }
  void tls_started() override { inner_->tls_started(); }
  wire::Compression compression() const override { return inner_->compression(); }
  std::optional<int64_t> input_timeout_ms() const override { return inner_->input_timeout_ms(); }
  void timed_out() override { inner_->timed_out(); }
  void end_of_input() override { inner_->end_of_input(); }
  void shut_down() override { inner_->shut_down(); }

 private:
  std::shared_ptr<State> state_;
  std::unique_ptr<wire::Session> inner_;
};

void Channels::sync_fresh(const Link& link, sync::SyncScope scope, sync::SyncEffect effect,
                          std::function<void(sync::SyncReport)> done) {
  // Its own name: what it remembers of the replica must not get between the lasting link and its
  // own memory.
  sync::ChannelOptions options = channel_options(link.config, shared_);
  options.name += "/one-shot";
  options.mode = sync::ChannelOptions::Mode::kOneShot;
  auto state = std::make_shared<OneShot::State>(store_, options);
  state->channel.sync(std::move(scope), effect,
                      [weak = std::weak_ptr(state), done](sync::SyncReport report) {
                        done(std::move(report));
                        const auto held = weak.lock();
                        if (!held) return;
                        held->is_done = true;
                        const std::scoped_lock lock(held->mutex);
                        held->wake();
                      });
  net::ConnectOptions connection = connect_options(link.config);
  connection.session = [state, config = link.config](wire::SessionEnv env) {
    return std::make_unique<OneShot>(state, env_for(config, std::move(env)));
  };
  connection.on_bytes = [state](uint64_t up, uint64_t down) {
    state->channel.count_bytes(up, down);
  };
  connection.on_end = [state](const Error& reason) { state->channel.disconnected(reason); };
  network_->connect(std::move(connection));
}

// --- the credential of [sync] ---

Result<std::unique_ptr<ConfiguredCredential>> ConfiguredCredential::make(
    std::string userid, std::string_view password) {
  TRY(wire::ScramCredential credential,
      wire::make_scram_credential(password, wire::kScramIterationsMin, system_random()));
  return std::make_unique<ConfiguredCredential>(std::move(userid), std::move(credential));
}

Result<void> ConfiguredCredential::check_user(std::string_view userid) {
  if (userid != userid_) return fail(Code::kAuthFailed, "wrong user name or password");
  return {};
}

Result<wire::ScramCredential> ConfiguredCredential::scram(std::string_view userid) {
  if (userid != userid_) return fail(Code::kNotFound, "no such user");
  return credential_;
}

Result<void> ConfiguredCredential::check_password(std::string_view userid,
                                                  std::string_view password) {
  if (userid != userid_ || !wire::password_matches(credential_, password))
    return fail(Code::kAuthFailed, "wrong user name or password");
  return {};
}

}  // namespace gemel::bin
