// Replication as a whole server has it: the channels to its replicas, those who send to it, and
// which of both it is now.
//
// Threads  any, but for make and start.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "admin/services.h"
#include "bin/config.h"
#include "bin/gemeld_channels.h"
#include "net/network.h"
#include "store/ack_gate.h"
#include "store/mail_store.h"
#include "sync/receiver.h"
#include "sync/upstreams.h"
#include "wire/login_guard.h"

namespace gemel::bin {

class Replication {
 public:
  /// `config` and `store` must outlive it. Errors: kInvalid, the password can't be one.
  static Result<std::unique_ptr<Replication>> make(const Config& config, MailStore& store,
                                                   const std::string& server_secret);
  /// Call once. The network must be stopped before this is destroyed.
  void start(net::Network& network);

  /// What answers to clients wait for.
  AckGate& ack_gate() { return ack_gate_; }
  /// The sessions of those who send to this server.
  wire::SessionFactory receivers();
  /// What administrators ask of it.
  void offer(admin::Services& services);

 private:
  Replication(const Config& config, MailStore& store);

  /// This server's role or term has changed: everyone who was told is told anew.
  void on_standing();
  using Done = std::function<void(admin::RoleOutcome)>;
  void promote(const admin::RoleRequest& request, const Done& done);
  void begin_term(int64_t deadline_ms, Done done);
  /// Errors: kBusy, a primary is there.
  Result<void> check_promotion() const;
  void demote(const admin::RoleRequest& request, Done done);
  void tick();
  void wait_sent(int64_t deadline_ms, Done done);
  admin::RoleOutcome outcome(Result<void> result) const;
  std::vector<admin::UpstreamStatus> upstreams() const;

  const Config& config_;
  MailStore& store_;
  sync::Upstreams upstreams_;
  std::unique_ptr<ConfiguredCredential> credential_;  // none: nobody may send
  std::unique_ptr<wire::LoginGuard> guard_;           // of those who would send; none: as above
  sync::ReceiverOptions receiver_options_;
  AckGate ack_gate_;
  Channels channels_;
  net::Network* network_ = nullptr;
};

}  // namespace gemel::bin
