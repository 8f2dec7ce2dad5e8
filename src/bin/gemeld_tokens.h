// Bearer tokens as the configuration wants them checked: by keys, or by asking their issuer.
//
// Threads  any. A check by keys computes; one by introspection goes over the network, which tells
//          the outcome on a thread of its own.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "bin/config_login.h"
#include "net/network.h"
#include "wire/login.h"

namespace gemel::bin {

/// So many introspections at once; more tokens are refused for now.
inline constexpr size_t kIntrospectionsMax = 256;

class Tokens final : public wire::TokenSource {
 public:
  /// Null where no tokens are taken. Errors: kInvalid, a key.
  static Result<std::unique_ptr<Tokens>> make(const OauthConfig& config);
  /// Before the first check. The network must be stopped before this is destroyed.
  void start(net::Network& network) { network_ = &network; }

  void check(std::string token, std::function<void(Result<std::string>)> done) override;

 private:
  explicit Tokens(const OauthConfig& config) : config_(config) {}
  void ask(std::string token, std::function<void(Result<std::string>)> done);

  const OauthConfig& config_;
  std::unique_ptr<oauth::JwtVerifier> keys_;  // none: their issuer is asked
  net::Network* network_ = nullptr;
  std::atomic<size_t> under_way_ = 0;
};

}  // namespace gemel::bin
