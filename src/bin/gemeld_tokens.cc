#include "bin/gemeld_tokens.h"

#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace gemel::bin {
namespace {

Result<std::string> logged(Result<std::string> owner) {
  if (owner) return owner;
  log::info("token refused reason=\"{}\"", owner.error().text);
  // What went wrong between us and the issuer would be taken for a fault of the client's own.
  if (owner.error().code != Code::kUnavailable) return owner;
  return fail(Code::kUnavailable, "the issuer of tokens can't be asked now; try again later");
}

}  // namespace

Result<std::unique_ptr<Tokens>> Tokens::make(const OauthConfig& config) {
  if (!config.is_on()) return nullptr;
  std::unique_ptr<Tokens> out(new Tokens(config));
  if (!config.keys.empty()) {
    TRY(out->keys_, oauth::JwtVerifier::make(config.algorithm, config.keys, config.rules));
  }
  return out;
}

void Tokens::check(std::string token, std::function<void(Result<std::string>)> done) {
  if (keys_) return done(logged(keys_->check(token, system_clock())));
  if (++under_way_ > kIntrospectionsMax) {
    --under_way_;
    return done(fail(Code::kBusy, "too many tokens are being asked about"));
  }
  ask(std::move(token), [this, done = std::move(done)](Result<std::string> owner) {
    --under_way_;
    done(logged(std::move(owner)));
  });
}

void Tokens::ask(std::string token, std::function<void(Result<std::string>)> done) {
  // The session may never be made: then the end of the connection says so.
  struct Asked {
    std::function<void(Result<std::string>)> done;
    void tell(Result<std::string> owner) {
      if (const auto once = std::exchange(done, nullptr)) once(std::move(owner));
    }
  };
  auto asked = std::make_shared<Asked>(std::move(done));
  const auto on_answer = [this, asked](const Result<std::string>& answer) {
    if (!answer) return asked->tell(fail(Code::kUnavailable, answer.error().text));
    asked->tell(oauth::userid_of_introspection(*answer, config_.rules, system_clock().unix_s()));
  };
  net::ConnectOptions connect{.host = config_.introspection.host,
                              .port = config_.introspection.port};
  connect.connect_timeout_ms = config_.timeout_s * 1000;
  if (config_.introspection.scheme == oauth::Url::Scheme::kHttps)
    connect.tls = std::make_unique<net::ConnectOptions::Tls>(
        net::ConnectOptions::Tls{.ca_file = config_.ca_file,
                                 .server_name = config_.introspection.host,
                                 .least = net::ConnectOptions::Tls::Least::kTls12});
  connect.session = [this, token = std::move(token), on_answer](const wire::SessionEnv&) {
    return oauth::make_session({.url = config_.introspection,
                                .client_id = config_.client_id,
                                .client_secret = config_.client_secret,
                                .token = token,
                                .timeout_ms = config_.timeout_s * 1000},
                               on_answer);
  };
  connect.on_end = [asked](const Error& reason) {
    asked->tell(fail(Code::kUnavailable, reason.text));
  };
  network_->connect(std::move(connect));
}

}  // namespace gemel::bin
