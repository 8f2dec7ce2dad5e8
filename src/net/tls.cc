#include "net/tls.h"

#include <openssl/ssl.h>

namespace gemel::net {
namespace {

namespace ssl = boost::asio::ssl;
using Context = std::shared_ptr<ssl::context>;

// An idle connection shall not keep OpenSSL's 32 KiB of buffers.
void save_memory(ssl::context& context) {
  SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
}

Result<Context> server_context(const std::string& certificate_file, const std::string& key_file) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION);
  save_memory(*context);
  boost::system::error_code error;
  context->use_certificate_chain_file(certificate_file, error);
  if (error)
    return fail(Code::kInvalid, "TLS certificate " + certificate_file + ": " + error.message());
  context->use_private_key_file(key_file, ssl::context::pem, error);
  if (error) return fail(Code::kInvalid, "TLS key " + key_file + ": " + error.message());
  if (SSL_CTX_check_private_key(context->native_handle()) != 1)
    return fail(Code::kInvalid,
                "TLS key " + key_file + " does not belong to certificate " + certificate_file);
  return context;
}

}  // namespace

TlsIdentity::TlsIdentity(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsIdentity::~TlsIdentity() = default;

Result<std::shared_ptr<TlsIdentity>> TlsIdentity::load(const std::string& certificate_file,
                                                       const std::string& key_file) {
  auto state = std::make_unique<State>();
  state->certificate_file = certificate_file;
  state->key_file = key_file;
  std::shared_ptr<TlsIdentity> identity(new TlsIdentity(std::move(state)));
  TRY_OK(identity->reload());
  return identity;
}

Result<void> TlsIdentity::reload() {
  TRY(Context fresh, server_context(state_->certificate_file, state_->key_file));
  const std::lock_guard lock(state_->mutex);
  state_->context = std::move(fresh);
  return {};
}

Result<Context> client_context(const ConnectOptions::Tls& tls) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_3_VERSION);
  save_memory(*context);
  context->set_verify_mode(ssl::verify_peer);
  boost::system::error_code error;
  if (tls.ca_file.empty())
    context->set_default_verify_paths(error);
  else
    context->load_verify_file(tls.ca_file, error);
  if (error) return fail(Code::kInvalid, "CA file " + tls.ca_file + ": " + error.message());
  context->set_verify_callback(ssl::host_name_verification(tls.server_name));
  return context;
}

}  // namespace gemel::net
