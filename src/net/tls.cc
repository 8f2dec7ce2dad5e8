#include "net/tls.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gemel::net {
namespace {

namespace ssl = boost::asio::ssl;

constexpr std::chrono::minutes kClientContextAge(10);

// An idle connection shall not keep OpenSSL's 32 KiB of buffers.
void save_memory(ssl::context& context) {
  SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
}

// SNI (RFC 6066 §3). A name that no certificate has gets the first: the client may know better.
int choose_certificate(SSL* tls, int*, void* argument) {
  const char* const name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  for (const auto& context : *static_cast<const TlsContexts*>(argument)) {
    X509* const certificate = SSL_CTX_get0_certificate(context->native_handle());
    if (X509_check_host(certificate, name, 0, 0, nullptr) != 1) continue;
    SSL_set_SSL_CTX(tls, context->native_handle());
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

int alpn_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// RFC 7301 §3.2: no protocol in common is fatal, and a client that names none is served.
int choose_protocol(SSL* tls, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  const auto* const protocols =
      static_cast<const std::vector<std::string>*>(SSL_get_ex_data(tls, alpn_index()));
  if (protocols == nullptr || protocols->empty()) return SSL_TLSEXT_ERR_NOACK;
  for (unsigned at = 0; at < offered_size && at + 1 + offered[at] <= offered_size;
       at += 1U + offered[at]) {
    const std::string_view name(reinterpret_cast<const char*>(offered) + at + 1, offered[at]);
    if (std::ranges::find(*protocols, name) == protocols->end()) continue;
    *chosen = offered + at + 1;
    *size = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// A certificate that is not good names nobody, but is no reason to end the handshake: whoever comes
// with it may log in by password.
int take_any_certificate(int, X509_STORE_CTX*) { return 1; }

Result<void> use_certificate(ssl::context& context, const TlsFiles::Certificate& files) {
  boost::system::error_code error;
  context.use_certificate_chain_file(files.certificate_file, error);
  if (error)
    return fail(Code::kInvalid,
                "TLS certificate " + files.certificate_file + ": " + error.message());
  context.use_private_key_file(files.key_file, ssl::context::pem, error);
  if (error) return fail(Code::kInvalid, "TLS key " + files.key_file + ": " + error.message());
  if (SSL_CTX_check_private_key(context.native_handle()) == 1) return {};
  return fail(Code::kInvalid, "TLS key " + files.key_file + " does not belong to certificate " +
                                  files.certificate_file);
}

Result<void> ask_clients(SSL_CTX* context, const std::string& ca_file) {
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(ca_file.c_str());
  if (names == nullptr || SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return fail(Code::kInvalid,
                "TLS client CA " + ca_file + ": no certificate can be read from it");
  }
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, take_any_certificate);
  return {};
}

Result<std::unique_ptr<ssl::context>> server_context(const TlsFiles::Certificate& certificate,
                                                     const std::string& client_ca_file) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  SSL_CTX* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION);
  // Sessions with a client's certificate are resumed only by the server that saw it.
  constexpr std::string_view kSessions = "gemel";
  SSL_CTX_set_session_id_context(native, reinterpret_cast<const unsigned char*>(kSessions.data()),
                                 kSessions.size());
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  save_memory(*context);
  TRY_OK(use_certificate(*context, certificate));
  if (!client_ca_file.empty()) TRY_OK(ask_clients(native, client_ca_file));
  return context;
}

Result<std::shared_ptr<const TlsContexts>> server_contexts(const TlsFiles& files) {
  if (files.certificates.empty()) return fail(Code::kInvalid, "TLS needs a certificate");
  auto out = std::make_shared<TlsContexts>();
  for (const TlsFiles::Certificate& certificate : files.certificates) {
    TRY(auto context, server_context(certificate, files.client_ca_file));
    out->push_back(std::move(context));
  }
  SSL_CTX* const first = out->front()->native_handle();
  SSL_CTX_set_tlsext_servername_callback(first, choose_certificate);
  SSL_CTX_set_tlsext_servername_arg(first, out.get());
  return out;
}

// RFC 9266 §4.2: before TLS 1.3 it is bound to the connection only with the extended master secret.
std::string exporter_of(SSL* tls) {
  if (SSL_version(tls) < TLS1_3_VERSION && SSL_get_extms_support(tls) != 1) return {};
  constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
  constexpr size_t kBytes = 32;
  std::string out(kBytes, '\0');
  const unsigned char nothing = 0;
  if (SSL_export_keying_material(tls, reinterpret_cast<unsigned char*>(out.data()), kBytes,
                                 kLabel.data(), kLabel.size(), &nothing, 0, 1) != 1)
    return {};
  return out;
}

// RFC 5929 §4.1: by the hash of the certificate's signature, SHA-256 in place of MD5 and SHA-1.
std::string server_end_point_of(const X509* certificate) {
  int digest_nid = NID_undef;
  if (certificate == nullptr ||
      X509_get_signature_info(const_cast<X509*>(certificate), &digest_nid, nullptr, nullptr,
                              nullptr) != 1 ||
      digest_nid == NID_undef)
    return {};
  if (digest_nid == NID_md5 || digest_nid == NID_sha1) digest_nid = NID_sha256;
  const EVP_MD* const digest = EVP_get_digestbynid(digest_nid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  if (digest == nullptr || X509_digest(certificate, digest, out.data(), &size) != 1) return {};
  return {reinterpret_cast<const char*>(out.data()), size};
}

std::vector<std::string> emails_of(const X509* certificate) {
  STACK_OF(OPENSSL_STRING)* const found = X509_get1_email(const_cast<X509*>(certificate));
  std::vector<std::string> out;
  for (int i = 0; i < sk_OPENSSL_STRING_num(found); ++i)
    out.emplace_back(sk_OPENSSL_STRING_value(found, i));
  X509_email_free(found);
  return out;
}

std::vector<std::string> common_names_of(const X509* certificate) {
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  std::vector<std::string> out;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
    const ASN1_STRING* const name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, name);
    if (size > 0) out.emplace_back(reinterpret_cast<const char*>(text), static_cast<size_t>(size));
    if (size >= 0) OPENSSL_free(text);
  }
  return out;
}

std::vector<std::string> userids_of(SSL* tls, TlsFiles::ClientName client_name) {
  const X509* const certificate = SSL_get0_peer_certificate(tls);
  if (certificate == nullptr || SSL_get_verify_result(tls) != X509_V_OK) return {};
  if (client_name == TlsFiles::ClientName::kCommonName) return common_names_of(certificate);
  std::vector<std::string> out = emails_of(certificate);
  if (client_name == TlsFiles::ClientName::kLocalPart)
    for (std::string& email : out) email.resize(std::min(email.find('@'), email.size()));
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

// Another text for a file that is another or was changed, as far as the file system tells.
std::string trace_of(const std::string& path) {
  struct stat there{};
  if (path.empty() || ::stat(path.c_str(), &there) != 0) return {};
  return fmt::format("{} {} {}.{:09}", there.st_ino, there.st_size, there.st_mtim.tv_sec,
                     there.st_mtim.tv_nsec);
}

Result<TlsContext> client_context(const ConnectOptions::Tls& tls) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  const bool needs_13 = tls.least == ConnectOptions::Tls::Least::kTls13;
  SSL_CTX_set_min_proto_version(context->native_handle(),
                                needs_13 ? TLS1_3_VERSION : TLS1_2_VERSION);
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

}  // namespace

TlsIdentity::TlsIdentity(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsIdentity::~TlsIdentity() = default;

Result<std::shared_ptr<TlsIdentity>> TlsIdentity::load(const TlsFiles& files) {
  std::shared_ptr<TlsIdentity> identity(new TlsIdentity(std::make_unique<State>()));
  TRY_OK(identity->reload(files));
  return identity;
}

Result<void> TlsIdentity::reload(const TlsFiles& files) {
  TRY(std::shared_ptr<const TlsContexts> fresh, server_contexts(files));
  const std::lock_guard lock(state_->mutex);
  state_->contexts = std::move(fresh);
  state_->client_name = files.client_name;
  return {};
}

void offer_alpn(SSL* tls, const std::vector<std::string>& protocols) {
  SSL_set_ex_data(tls, alpn_index(), const_cast<std::vector<std::string>*>(&protocols));
}

wire::TlsFacts facts_of(SSL* tls, TlsFiles::ClientName client_name) {
  return {.exporter = exporter_of(tls),
          .server_end_point = server_end_point_of(SSL_get_certificate(tls)),
          .client_userids = userids_of(tls, client_name)};
}

Result<TlsContext> ClientContexts::find(const ConnectOptions::Tls& tls) {
  std::string file = trace_of(tls.ca_file);
  const std::lock_guard lock(mutex_);
  Made& made = made_[{tls.ca_file, tls.server_name, tls.least}];
  const auto now = std::chrono::steady_clock::now();
  const bool is_fresh = now - made.at < kClientContextAge && made.file == file;
  if (!made.context || !is_fresh) {
    TRY(made.context, client_context(tls));
    made.at = now;
    made.file = std::move(file);
  }
  return made.context;
}

}  // namespace gemel::net
