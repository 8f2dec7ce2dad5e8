// Delivery as the configuration wants it: LMTP and ManageSieve sessions, the outbox, and what they
// share.
//
// Threads  load() and the destructor on one thread; sessions on any.
#pragma once

#include <memory>
#include <string>

#include "bin/config.h"
#include "bin/gemeld_channels.h"
#include "bin/gemeld_outgoing.h"
#include "delivery/deliverer.h"
#include "lmtp/session.h"
#include "managesieve/session.h"

namespace gemel::bin {

class Delivery {
 public:
  struct Parts {
    MailStore& store;
    const AccessOptions& access;
    AckGate& ack_gate;
    wire::CredentialSource& users;
    std::string server_secret;
    wire::LoginServices login;
  };
  /// What is passed must outlive this. Errors: for people.
  static Result<std::unique_ptr<Delivery>> make(const Config& config, const Parts& parts);

  /// Reads the aliases and the global scripts again; on an error the old ones stay.
  Result<void> load();

  /// As long as this lives.
  wire::SessionFactory lmtp_sessions() const;
  wire::SessionFactory managesieve_sessions() const;

  /// Null where no mail leaves.
  Outbox* outbox() const { return outbox_.get(); }

  /// Mail begins to leave. Call once, if outgoing mail is configured; the network must be stopped
  /// before this is destroyed.
  void start_sending(net::Network& network);
  /// Before the network is stopped.
  void stop_sending();

  /// Errors: kInvalid, the mistakes of a script's name or text.
  Result<void> check_script(std::string_view name, std::string_view text) const;
  const ScriptQuota& script_quota() const { return managesieve_->quota; }

 private:
  Delivery(const Config& config, const Parts& parts);
  Result<void> make_login();
  void make_options();

  const Config& config_;
  Parts parts_;
  sieve::CompileOptions compile_;
  delivery::AliasTable aliases_;
  delivery::ScriptLibrary scripts_;
  std::unique_ptr<Outbox> outbox_;                         // none: no mail leaves
  std::unique_ptr<ConfiguredCredential> lmtp_credential_;  // none: nobody logs in
  std::unique_ptr<delivery::Deliverer> deliverer_;
  lmtp::Options lmtp_;
  std::shared_ptr<managesieve::Options> managesieve_;
  std::unique_ptr<Outgoing> outgoing_;
};

}  // namespace gemel::bin
