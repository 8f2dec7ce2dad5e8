// TLS contexts of OpenSSL as Asio wants them. Inside net only.
#pragma once

#include <boost/asio/ssl.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "net/network.h"

namespace gemel::net {

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

/// Errors: kInvalid, the CA file.
Result<std::shared_ptr<boost::asio::ssl::context>> client_context(const ConnectOptions::Tls& tls);

}  // namespace gemel::net
