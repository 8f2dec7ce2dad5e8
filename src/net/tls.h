// TLS contexts of OpenSSL as Asio wants them. Inside net only.
#pragma once

#include <boost/asio/ssl.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>

#include "net/network.h"

namespace gemel::net {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

/// One for each certificate; the first is what handshakes begin with.
using TlsContexts = std::vector<std::unique_ptr<boost::asio::ssl::context>>;

struct TlsIdentity::State {
  std::mutex mutex;
  std::shared_ptr<const TlsContexts> contexts;                      // under mutex
  TlsFiles::ClientName client_name = TlsFiles::ClientName::kEmail;  // under mutex

  /// It keeps the others alive.
  std::shared_ptr<boost::asio::ssl::context> current() {
    const std::lock_guard lock(mutex);
    return {contexts, contexts->front().get()};
  }
  TlsFiles::ClientName current_client_name() {
    const std::lock_guard lock(mutex);
    return client_name;
  }
};

/// The protocols that `tls` may agree on; they must outlive it.
void offer_alpn(SSL* tls, const std::vector<std::string>& protocols);
/// After the handshake, of the server's side.
wire::TlsFacts facts_of(SSL* tls, TlsFiles::ClientName client_name);

/// What connections that are made need of TLS. To read the CAs' certificates takes tens of
/// milliseconds, so it is kept for others: until the CA file changes, ten minutes at most.
/// Threads: any.
class ClientContexts {
 public:
  /// Errors: kInvalid, the CA file.
  Result<TlsContext> find(const ConnectOptions::Tls& tls);

 private:
  struct Made {
    TlsContext context;
    std::chrono::steady_clock::time_point at;
    std::string file;  // which file that was
  };
  using Key = std::tuple<std::string, std::string, ConnectOptions::Tls::Least>;
  std::mutex mutex_;
  std::map<Key, Made> made_;  // under mutex_; as many as servers are configured
};

}  // namespace gemel::net
