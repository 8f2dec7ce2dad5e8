// The links to the replicas: keeps each channel connected, with back-off, and answers what the
// administrator asks of it.
//
// Threads  any; what a channel tells comes from workers of the network.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "admin/services.h"
#include "bin/config.h"
#include "net/network.h"
#include "store/mail_store.h"
#include "sync/channel.h"
#include "wire/sasl.h"

namespace gemel::bin {

class Channels {
 public:
  /// What every channel has in common; see sync::ChannelOptions.
  struct Shared {
    sync::Upstreams* upstreams = nullptr;
    AckGate* ack_gate = nullptr;
    std::function<void()> on_standing = [] {};
  };
  /// The store and what is shared must outlive this. Nothing is connected yet.
  Channels(MailStore& store, const std::vector<ChannelConfig>& configs, const Shared& shared);
  ~Channels();

  /// Call once. The network must be stopped before this is destroyed.
  void start(net::Network& network);

  /// This server's role or term has changed: every channel logs in anew, or tries to now.
  void renew();

  std::vector<admin::ChannelStatus> status() const;
  std::map<std::string, std::vector<admin::UserLag>> users_behind() const;
  void sync(admin::SyncRequest request, const std::function<void(admin::SyncOutcome)>& done);
  /// Whether each of the others has told this server its term, or can't be reached now.
  bool have_heard();
  /// Errors: kNotFound.
  Result<void> set_flow(std::string_view channel, admin::Services::Flow flow);

 private:
  struct Link {
    Link(const ChannelConfig& given, MailStore& store, sync::ChannelOptions options);
    const ChannelConfig config;
    sync::Channel channel;
    std::mutex mutex;
    bool is_busy = false;  // connecting or connected; under mutex
    uint64_t waits = 0;    // only the last wait ends in a connection; under mutex
  };
  class OneShot;

  /// Errors: kNotFound; kInvalid, there are several and none is named.
  Result<Link*> find(std::string_view name);
  /// Unless it is connected, or about to be.
  void connect(Link& link);
  void connect_after(Link& link, int64_t delay_ms);
  void sync_fresh(const Link& link, sync::SyncScope scope, sync::SyncEffect effect,
                  std::function<void(sync::SyncReport)> done);

  MailStore& store_;
  const Shared shared_;
  net::Network* network_ = nullptr;
  std::vector<std::unique_ptr<Link>> links_;
};

/// Lets one user in, whom the configuration names: the primary, on a replica.
class ConfiguredCredential final : public wire::CredentialSource {
 public:
  ConfiguredCredential(std::string userid, wire::ScramCredential credential)
      : userid_(std::move(userid)), credential_(std::move(credential)) {}
  /// Errors: kInvalid, the password can't be one.
  static Result<std::unique_ptr<ConfiguredCredential>> make(std::string userid,
                                                            std::string_view password);
  Result<void> check_user(std::string_view userid) override;
  Result<wire::ScramCredential> scram(std::string_view userid) override;
  Result<void> check_password(std::string_view userid, std::string_view password) override;

 private:
  std::string userid_;
  wire::ScramCredential credential_;
};

}  // namespace gemel::bin
