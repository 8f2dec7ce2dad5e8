// TLS contexts of OpenSSL as Asio wants them. Inside net only.
#pragma once

#include <boost/asio/ssl.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "net/network.h"

namespace gemel::net {

struct TlsIdentity::State {
  std::string certificate_file;
  std::string key_file;
  std::mutex mutex;
  std::shared_ptr<boost::asio::ssl::context> context;

  std::shared_ptr<boost::asio::ssl::context> current() {
    const std::lock_guard lock(mutex);
    return context;
  }
};

/// Errors: kInvalid, the CA file.
Result<std::shared_ptr<boost::asio::ssl::context>> client_context(const ConnectOptions::Tls& tls);

}  // namespace gemel::net
