// The server: the store, the sessions of every protocol on it, and the network that runs them.
// Wiring only.
//
// Owns     all of it, from the store to the sockets.
// Threads  start, reload and the destructor on one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/credentials.h"
#include "admin/services.h"
#include "bin/config.h"
#include "bin/gemeld_delivery.h"
#include "bin/gemeld_news.h"
#include "bin/gemeld_replication.h"
#include "bin/gemeld_scrubber.h"
#include "bin/gemeld_sweeper.h"
#include "bin/gemeld_text_index.h"
#include "bin/gemeld_tokens.h"
#include "imap/options.h"
#include "net/network.h"
#include "pop3/options.h"
#include "store/mail_store.h"

namespace gemel::bin {

class Server {
 public:
  /// Opens the store, then listens. Errors: what kept it from starting, for people.
  static Result<std::unique_ptr<Server>> start(const Config& config);
  /// Says goodbye to every session and closes the store.
  ~Server();

  /// Takes over the log level, and reads aliases, global scripts and certificates again.
  Result<void> reload(const Config& config);

 private:
  explicit Server(const Config& config) : config_(config) {}

  Result<void> open_store();
  Result<void> make_services();
  Result<void> make_logins();
  wire::LoginServices logins() const { return {.tokens = tokens_.get(), .guard = guard_.get()}; }
  void make_pop3(const std::string& secret);
  void make_admin_services();
  Result<std::string> server_secret();
  Result<void> listen_everywhere();
  Result<void> listen(const std::string& service, const Endpoint& endpoint,
                      net::ListenOptions options);
  wire::SessionFactory imap_sessions() const;
  wire::SessionFactory pop3_sessions() const;
  wire::SessionFactory admin_sessions() const;
  wire::SessionFactory metrics_sessions() const;

  // In the order in which they need each other; destroyed the other way round.
  Config config_;
  std::unique_ptr<TextIndexing> text_index_;  // none: texts are searched without it
  std::unique_ptr<MailStore> store_;
  std::unique_ptr<admin::Credentials> credentials_;
  std::unique_ptr<wire::LoginGuard> guard_;
  std::unique_ptr<Tokens> tokens_;  // none: no tokens are taken
  std::optional<wire::SessionCount> imap_user_sessions_;
  std::shared_ptr<const imap::Options> imap_options_;
  AccessOptions access_options_;
  std::unique_ptr<Delivery> delivery_;
  std::unique_ptr<News> news_;  // none: no newsgroups are served or fed
  pop3::Maildrops maildrops_;
  std::shared_ptr<const pop3::Options> pop3_options_;
  std::unique_ptr<Replication> replication_;
  admin::Services admin_services_;
  std::vector<admin::Listener> listeners_;
  std::shared_ptr<net::TlsIdentity> identity_;
  std::unique_ptr<net::Network> network_;
  std::unique_ptr<Sweeper> sweeper_;
  std::unique_ptr<Scrubber> scrubber_;
};

}  // namespace gemel::bin
