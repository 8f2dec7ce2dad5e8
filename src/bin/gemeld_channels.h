// The links to the replicas: keeps each channel connected, with back-off, and answers what the
// administrator asks of it.
//
// Threads  any; what a channel tells comes from workers of the network.
#pragma once

#include <memory>
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
  /// The store must outlive this. Nothing is connected yet.
  Channels(MailStore& store, const std::vector<ChannelConfig>& configs);
  ~Channels();

  /// Call once. The network must be stopped before this is destroyed.
  void start(net::Network& network);

  std::vector<admin::ChannelStatus> status() const;
  void sync(admin::SyncRequest request, const std::function<void(admin::SyncOutcome)>& done);
  /// Errors: kNotFound.
  Result<void> set_flow(std::string_view channel, admin::Services::Flow flow);

 private:
  struct Link {
    ChannelConfig config;
    sync::Channel channel;
  };
  class OneShot;

  /// Errors: kNotFound; kInvalid, there are several and none is named.
  Result<Link*> find(std::string_view name);
  void connect(Link& link);
  void sync_fresh(const Link& link, sync::SyncScope scope, sync::SyncEffect effect,
                  std::function<void(sync::SyncReport)> done);

  MailStore& store_;
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
  Result<wire::ScramCredential> scram(std::string_view userid) override;
  Result<void> check_password(std::string_view userid, std::string_view password) override;

 private:
  std::string userid_;
  wire::ScramCredential credential_;
};

}  // namespace gemel::bin
