#include "bin/gemeld_replication.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "sync/standing.h"

namespace gemel::bin {
namespace {

using Effect = admin::RoleRequest::Effect;

// How often a demotion looks whether everything has been sent, and a promotion whether it has
// heard.
constexpr int64_t kLookMs = 20;
// A server that tells a promotion nothing for so long is not waited for.
constexpr int64_t kHearMsMax = 500;

// Apart from the users' logins, so that neither shuts the other out. One user may come here, whom
// nobody shall lock out by failing in that name: so only addresses are refused.
wire::LoginGuardOptions guard_options(wire::LoginGuardOptions users) {
  users.user_failures_max = 0;
  return users;
}

std::string role_text(Role role) { return role == Role::kPrimary ? "primary" : "replica"; }

}  // namespace

Replication::Replication(const Config& config, MailStore& store)
    : config_(config),
      store_(store),
      upstreams_(system_clock()),
      ack_gate_(system_clock(), config.acknowledge_wait_s * 1000),
      channels_(store, config.channels,
                {.upstreams = &upstreams_, .ack_gate = &ack_gate_, .on_standing = [this] {
                   on_standing();
                 }}) {}

Result<std::unique_ptr<Replication>> Replication::make(const Config& config, MailStore& store,
                                                       const std::string& server_secret) {
  std::unique_ptr<Replication> made(new Replication(config, store));
  if (config.sync.empty()) return made;
  TRY(made->credential_, ConfiguredCredential::make(config.sync_user, config.sync_password));
  made->guard_ = std::make_unique<wire::LoginGuard>(guard_options(config.login), system_clock());
  using Plaintext = sync::ReceiverOptions::Plaintext;
  sync::ReceiverOptions& options = made->receiver_options_;
  options.userid = config.sync_user;
  options.server_name = config.hostname;
  options.credentials = made->credential_.get();
  options.guard = made->guard_.get();
  options.server_secret = server_secret;
  options.plaintext =
      config.sync_tls == Config::SyncTls::kOff ? Plaintext::kAnywhere : Plaintext::kLocalOnly;
  options.upstreams = &made->upstreams_;
  options.on_standing = [replication = made.get()] { replication->on_standing(); };
  return made;
}

void Replication::start(net::Network& network) {
  network_ = &network;
  channels_.start(network);
  if (ack_gate_.is_needed()) tick();
}

void Replication::tick() {
  ack_gate_.expire();
  network_->after(kAckTickMs, [this] { tick(); });
}

wire::SessionFactory Replication::receivers() {
  return [this](wire::SessionEnv env) {
    // Where TLS is always required, the loopback is no exception.
    if (config_.sync_tls == Config::SyncTls::kAlways) env.is_local = false;
    return sync::make_receiver(store_, receiver_options_, std::move(env));
  };
}

void Replication::on_standing() {
  log::info("this server is a {} in term {}", role_text(store_.role()),
            sync::text_of(store_.term()));
  upstreams_.wake_all();
  channels_.renew();
}

void Replication::offer(admin::Services& services) {
  services.channels = [this] { return channels_.status(); };
  services.users_behind = [this] { return channels_.users_behind(); };
  services.upstreams = [this] { return upstreams(); };
  services.term = [this] { return sync::text_of(store_.term()); };
  services.promote = [this](const admin::RoleRequest& request, const Done& done) {
    promote(request, done);
  };
  services.demote = [this](const admin::RoleRequest& request, Done done) {
    demote(request, std::move(done));
  };
  services.sync = [this](admin::SyncRequest request,
                         const std::function<void(admin::SyncOutcome)>& done) {
    channels_.sync(std::move(request), done);
  };
  services.set_flow = [this](std::string_view channel, admin::Services::Flow flow) {
    return channels_.set_flow(channel, flow);
  };
}

std::vector<admin::UpstreamStatus> Replication::upstreams() const {
  std::vector<admin::UpstreamStatus> out;
  for (const sync::Upstream& upstream : upstreams_.list())
    out.push_back({.channel = upstream.channel,
                   .address = upstream.peer,
                   .role = role_text(upstream.standing.role),
                   .term = sync::text_of(upstream.standing.term),
                   .heard_s = static_cast<double>(upstream.heard_ms) / 1000,
                   .unsent = upstream.unsent});
  return out;
}

admin::RoleOutcome Replication::outcome(Result<void> result) const {
  return {.result = std::move(result),
          .role = role_text(store_.role()),
          .term = sync::text_of(store_.term())};
}

// --- promotion ---

Result<void> Replication::check_promotion() const {
  for (const sync::Upstream& upstream : upstreams_.list())
    if (upstream.standing.role == Role::kPrimary && !upstream.is_silent())
      return fail(Code::kBusy,
                  fmt::format("the primary (channel {}, from {}) is connected and was heard {:.1f} "
                              "s ago: demote it first, or say --force if it shall be cut off",
                              upstream.channel, upstream.peer,
                              static_cast<double>(upstream.heard_ms) / 1000));
  return {};
}

void Replication::promote(const admin::RoleRequest& request, const Done& done) {
  if (store_.role() == Role::kPrimary) return done(outcome({}));
  if (request.force == admin::RoleRequest::Force::kNo)
    if (Result<void> checked = check_promotion(); !checked)
      return done(outcome(std::move(checked)));
  if (request.effect == Effect::kDryRun) {
    const Term next{store_.heard().epoch + 1, store_.origin()};
    return done({.result = {}, .role = role_text(Role::kPrimary), .term = sync::text_of(next)});
  }
  channels_.renew();
  begin_term(system_clock().monotonic_ms() + kHearMsMax, done);
}

// The others are asked first, for any of them may have heard of a later term than this one: of a
// primary that has died since. A term that is before that one would be over as soon as they meet.
void Replication::begin_term(int64_t deadline_ms, Done done) {
  if (!channels_.have_heard() && system_clock().monotonic_ms() < deadline_ms)
    return network_->after(kLookMs, [this, deadline_ms, done = std::move(done)]() mutable {
      begin_term(deadline_ms, std::move(done));
    });
  if (store_.role() == Role::kPrimary) return done(outcome({}));
  const Result<Term> term = store_.promote();
  if (!term) return done(outcome(std::unexpected(term.error())));
  on_standing();
  done(outcome({}));
}

// --- demotion ---

// Writes stop first; what is left is sent by the same channels, in the term in which it was made.
void Replication::demote(const admin::RoleRequest& request, Done done) {
  if (request.effect == Effect::kDryRun)
    return done(
        {.result = {}, .role = role_text(Role::kReplica), .term = sync::text_of(store_.term())});
  if (store_.role() == Role::kPrimary) {
    if (Result<void> demoted = store_.demote(); !demoted) return done(outcome(std::move(demoted)));
    on_standing();
  }
  wait_sent(system_clock().monotonic_ms() + request.wait_ms, std::move(done));
}

void Replication::wait_sent(int64_t deadline_ms, Done done) {
  std::string unsent;
  for (const admin::ChannelStatus& channel : channels_.status()) {
    if (channel.is_apart || (channel.changes_behind == 0 && channel.set_aside.empty())) continue;
    unsent += fmt::format("{}{}: {} changes, {} set aside", unsent.empty() ? "" : "; ",
                          channel.name, channel.changes_behind, channel.set_aside.size());
  }
  if (unsent.empty()) return done(outcome({}));
  if (system_clock().monotonic_ms() >= deadline_ms)
    return done(outcome(
        fail(Code::kUnavailable, "this server is a replica now, but not all was sent: " + unsent)));
  network_->after(kLookMs, [this, deadline_ms, done = std::move(done)]() mutable {
    wait_sent(deadline_ms, std::move(done));
  });
}

}  // namespace gemel::bin
