#include "wire/sasl.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/hash.h"
#include "wire/sasl_mechanisms.h"
#include "wire/sasl_text.h"

namespace gemel::wire {
namespace {

constexpr size_t kNonceBytes = 18;
constexpr size_t kSaltBytes = 16;
constexpr size_t kKeyBytes = 32;
constexpr std::string_view kScramName = "SCRAM-SHA-256";
constexpr std::string_view kScramPlusName = "SCRAM-SHA-256-PLUS";

std::string as_text(const Sha256& digest) { return {digest.begin(), digest.end()}; }

std::string exclusive_or(std::string_view a, std::string_view b) {
  std::string out(a);
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(out[i] ^ b[i]);
  return out;
}

std::string make_nonce(Random& random) { return to_base64(random.bytes(kNonceBytes)); }

struct ScramKeys {
  std::string client;
  std::string stored;
  std::string server;
};

// RFC 5802 §3.
ScramKeys derive(std::string_view password, std::string_view salt, uint32_t iterations) {
  const std::string salted = pbkdf2_sha256(password, salt, iterations);
  const std::string client = hmac_sha256(salted, "Client Key");
  return {client, as_text(sha256(client)), hmac_sha256(salted, "Server Key")};
}

bool can_bind(const SaslOptions& options) {
  return options.tls && !(options.tls->exporter.empty() && options.tls->server_end_point.empty());
}

class PlainServer final : public SaslServer {
 public:
  explicit PlainServer(SaslOptions options) : options_(std::move(options)) {}

  // [authzid] NUL authcid NUL passwd (RFC 4616 §2).
  Result<SaslStep> step(std::string_view message) override {
    TRY_OK(check_sasl_message(message));
    if (std::ranges::count(message, '\0') != 2) return fail(Code::kSyntax, "not a PLAIN message");
    const std::string_view authzid = cut_off(message, '\0');
    const std::string_view name = cut_off(message, '\0');
    TRY_OK(check_sasl_identities(authzid, name));
    if (!is_usable_secret(message))
      return fail(Code::kAuthFailed, "no such user or wrong password");
    TRY(const std::string userid, options_.credentials.userid_of(name));
    TRY_OK(options_.credentials.check_password(userid, message));
    return SaslStep{
        .challenge = {}, .done = true, .userid = userid, .login_name = std::string(name)};
  }

 private:
  SaslOptions options_;
};

class ScramServer final : public SaslServer {
 public:
  enum class Binding : uint8_t { kNo, kYes };
  ScramServer(SaslOptions options, Binding uses) : options_(std::move(options)), uses_(uses) {}

  Result<SaslStep> step(std::string_view message) override {
    TRY_OK(check_sasl_message(message));
    switch (std::exchange(stage_, Stage::kOver)) {
      case Stage::kFirst:
        return first(message);
      case Stage::kProof:
        return proof(message);
      case Stage::kLast:
        if (!message.empty()) return fail(Code::kSyntax, "SCRAM message after the last");
        return SaslStep{.challenge = {}, .done = true, .userid = userid_, .login_name = name_};
      case Stage::kOver:
        break;
    }
    return fail(Code::kAuthFailed, "the SASL exchange is over");
  }

 private:
  enum class Stage : uint8_t { kFirst, kProof, kLast, kOver };

  // client-first-message (RFC 5802 §7).
  Result<SaslStep> first(std::string_view message) {
    std::string_view rest = message;
    TRY(const Gs2Header header, take_gs2_header(rest));
    TRY_OK(check_binding(header));
    bound_text_ = header.text + binding_bytes_;
    first_bare_ = rest;
    if (rest.starts_with("m=")) return fail(Code::kUnsupported, "mandatory SCRAM extension");
    TRY(const std::string_view name, take_attribute(rest, 'n'));
    TRY(name_, decode_saslname(name));
    TRY(const std::string_view client_nonce, take_attribute(rest, 'r'));
    TRY_OK(check_sasl_identities(header.authzid, name_));
    TRY(userid_, options_.credentials.userid_of(name_));
    TRY(credential_, look_up());
    nonce_ = std::string(client_nonce) + make_nonce(options_.random);
    server_first_ =
        fmt::format("r={},s={},i={}", nonce_, to_base64(credential_.salt), credential_.iterations);
    stage_ = Stage::kProof;
    return SaslStep{.challenge = server_first_};
  }

  // RFC 5802 §6: "y" says that the client could bind but has seen no mechanism for it. Where we
  // offered one, somebody has taken it out of our answer.
  Result<void> check_binding(const Gs2Header& header) {
    using Flag = Gs2Header::Flag;
    if (uses_ == Binding::kNo) {
      if (header.flag == Flag::kBinds)
        return fail(Code::kUnsupported, "binding needs a -PLUS mechanism");
      if (header.flag == Flag::kCouldBind && can_bind(options_))
        return fail(Code::kAuthFailed, "the list of mechanisms was changed on its way");
      return {};
    }
    if (header.flag != Flag::kBinds) return fail(Code::kSyntax, "-PLUS without a channel binding");
    if (header.binding == "tls-exporter") binding_bytes_ = options_.tls->exporter;
    if (header.binding == "tls-server-end-point") binding_bytes_ = options_.tls->server_end_point;
    if (binding_bytes_.empty()) return fail(Code::kUnsupported, "no such channel binding here");
    return {};
  }

  // Who does not exist gets a salt too, the same each time, so that nothing tells them from those
  // who do (RFC 5802 §9). No proof fits a stored key of nothing but zeros.
  Result<ScramCredential> look_up() {
    Result<ScramCredential> found = options_.credentials.scram(userid_);
    if (found || found.error().code != Code::kNotFound) return found;
    return ScramCredential{
        .iterations = options_.credentials.usual_iterations(),
        .salt = hmac_sha256(options_.server_secret, userid_).substr(0, kSaltBytes),
        .stored_key = std::string(kKeyBytes, '\0'),
        .server_key = std::string(kKeyBytes, '\0')};
  }

  // client-final-message (RFC 5802 §7).
  Result<SaslStep> proof(std::string_view message) {
    const size_t proof_at = message.rfind(",p=");
    if (proof_at == std::string_view::npos) return fail(Code::kSyntax, "SCRAM message without p=");
    const std::string_view without_proof = message.substr(0, proof_at);
    std::string_view rest = without_proof;
    TRY(const std::string_view binding, take_attribute(rest, 'c'));
    TRY(const std::string_view nonce, take_attribute(rest, 'r'));
    if (from_base64(binding) != bound_text_ || nonce != nonce_)
      return fail(Code::kAuthFailed, "SCRAM binding or nonce does not match");
    TRY(const std::string client_proof, from_base64(message.substr(proof_at + 3)));
    if (client_proof.size() != kKeyBytes) return fail(Code::kSyntax, "SCRAM proof of wrong size");
    const std::string signed_text =
        fmt::format("{},{},{}", first_bare_, server_first_, without_proof);
    const std::string signature = hmac_sha256(credential_.stored_key, signed_text);
    const std::string client_key = exclusive_or(client_proof, signature);
    if (!equals_in_constant_time(as_text(sha256(client_key)), credential_.stored_key))
      return fail(Code::kAuthFailed, "no such user or wrong password");
    stage_ = Stage::kLast;
    return SaslStep{.challenge = "v=" + to_base64(hmac_sha256(credential_.server_key, signed_text)),
                    .is_last = true};
  }

  SaslOptions options_;
  const Binding uses_;
  Stage stage_ = Stage::kFirst;
  std::string name_;  // as the client gives it
  std::string userid_;
  std::string binding_bytes_;
  std::string bound_text_;  // GS2 header and binding, which the proof must repeat
  std::string first_bare_;
  std::string server_first_;
  std::string nonce_;
  ScramCredential credential_;
};

}  // namespace

Result<ScramCredential> make_scram_credential(std::string_view password, uint32_t iterations,
                                              Random& random) {
  if (!is_usable_secret(password))
    return fail(Code::kInvalid, "a password must not be empty or hold control characters");
  if (iterations < kScramIterationsMin || iterations > kScramIterationsMax)
    return fail(Code::kInvalid, "SCRAM iterations out of range");
  ScramCredential out;
  out.iterations = iterations;
  out.salt = random.bytes(kSaltBytes);
  ScramKeys keys = derive(password, out.salt, iterations);
  out.stored_key = std::move(keys.stored);
  out.server_key = std::move(keys.server);
  return out;
}

bool password_matches(const ScramCredential& credential, std::string_view password) {
  const ScramKeys keys = derive(password, credential.salt, credential.iterations);
  return equals_in_constant_time(keys.stored, credential.stored_key);
}

std::string format_scram_credential(const ScramCredential& credential) {
  return fmt::format("{}${}:{}${}:{}", kScramName, credential.iterations,
                     to_base64(credential.salt), to_base64(credential.stored_key),
                     to_base64(credential.server_key));
}

Result<ScramCredential> parse_scram_credential(std::string_view text) {
  if (cut_off(text, '$') != kScramName)
    return fail(Code::kSyntax, "not a SCRAM-SHA-256 credential");
  TRY(const uint64_t iterations, parse_number(cut_off(text, ':')));
  ScramCredential out;
  TRY(out.salt, from_base64(cut_off(text, '$')));
  TRY(out.stored_key, from_base64(cut_off(text, ':')));
  TRY(out.server_key, from_base64(text));
  if (iterations < kScramIterationsMin || iterations > kScramIterationsMax || out.salt.empty() ||
      out.stored_key.size() != kKeyBytes || out.server_key.size() != kKeyBytes)
    return fail(Code::kSyntax, "SCRAM credential out of range");
  out.iterations = static_cast<uint32_t>(iterations);
  return out;
}

Result<SaslStep> SaslServer::judge(const Result<std::string>&) {
  return fail(Code::kAuthFailed, "no token was asked about");
}

std::vector<std::string_view> sasl_mechanisms(const SaslOptions& options) {
  std::vector<std::string_view> out = {kPlainName, kScramName};
  if (can_bind(options)) out.push_back(kScramPlusName);
  if (options.tokens == SaslOptions::Tokens::kTaken)
    out.insert(out.end(), {kOauthBearerName, kXoauth2Name});
  if (options.tls && !options.tls->client_userids.empty()) out.push_back(kExternalName);
  return out;
}

bool shows_its_secret(std::string_view mechanism) {
  constexpr std::array kOpen = {kPlainName, kOauthBearerName, kXoauth2Name};
  return std::ranges::any_of(
      kOpen, [&](std::string_view name) { return equals_ignoring_case(mechanism, name); });
}

Result<std::unique_ptr<SaslServer>> make_sasl_server(std::string_view mechanism,
                                                     SaslOptions options) {
  const std::vector<std::string_view> offered = sasl_mechanisms(options);
  const auto found = std::ranges::find_if(
      offered, [&](std::string_view name) { return equals_ignoring_case(mechanism, name); });
  if (found == offered.end()) return fail(Code::kUnsupported, "unknown SASL mechanism");
  if (*found == kPlainName) return std::make_unique<PlainServer>(std::move(options));
  if (*found == kExternalName) return make_external_server(*options.tls);
  if (*found == kOauthBearerName) return make_token_server(TokenSyntax::kOauthBearer);
  if (*found == kXoauth2Name) return make_token_server(TokenSyntax::kXoauth2);
  const bool binds = *found == kScramPlusName;
  return std::make_unique<ScramServer>(
      std::move(options), binds ? ScramServer::Binding::kYes : ScramServer::Binding::kNo);
}

Result<ScramClient> ScramClient::make(std::string_view userid, std::string_view password,
                                      Random& random, const ChannelBinding& binding) {
  if (!is_usable_secret(userid) || !is_usable_secret(password))
    return fail(Code::kInvalid, "userid and password must be without control characters");
  ScramClient out;
  out.password_ = password;
  // RFC 5802 §7, gs2-header.
  out.gs2_header_ = binding.type.empty() ? "n,," : fmt::format("p={},,", binding.type);
  out.binding_bytes_ = binding.bytes;
  out.nonce_ = make_nonce(random);
  out.first_bare_ = fmt::format("n={},r={}", encode_saslname(userid), out.nonce_);
  return out;
}

std::string ScramClient::first() const { return gs2_header_ + first_bare_; }

Result<std::string> ScramClient::answer(std::string_view server_first) {
  TRY_OK(check_sasl_message(server_first));
  std::string_view rest = server_first;
  TRY(const std::string_view nonce, take_attribute(rest, 'r'));
  TRY(const std::string_view salt_text, take_attribute(rest, 's'));
  TRY(const std::string_view iterations_text, take_attribute(rest, 'i'));
  TRY(const std::string salt, from_base64(salt_text));
  TRY(const uint64_t iterations, parse_number(iterations_text));
  if (!nonce.starts_with(nonce_) || nonce.size() == nonce_.size())
    return fail(Code::kAuthFailed, "the server's nonce does not continue ours");
  // Fewer iterations would let a false server guess the password from our proof (RFC 7677 §4).
  if (iterations < kScramIterationsMin || iterations > kScramIterationsMax)
    return fail(Code::kAuthFailed, "the server asks for too few or too many iterations");
  const ScramKeys keys = derive(password_, salt, static_cast<uint32_t>(iterations));
  const std::string without_proof =
      fmt::format("c={},r={}", to_base64(gs2_header_ + binding_bytes_), nonce);
  const std::string signed_text = fmt::format("{},{},{}", first_bare_, server_first, without_proof);
  server_signature_ = hmac_sha256(keys.server, signed_text);
  password_.clear();
  return fmt::format("{},p={}", without_proof,
                     to_base64(exclusive_or(keys.client, hmac_sha256(keys.stored, signed_text))));
}

Result<void> ScramClient::verify(std::string_view server_final) const {
  TRY_OK(check_sasl_message(server_final));
  std::string_view rest = server_final;
  if (rest.starts_with("e=")) return fail(Code::kAuthFailed, "the server refused the login");
  TRY(const std::string_view signature_text, take_attribute(rest, 'v'));
  TRY(const std::string signature, from_base64(signature_text));
  if (server_signature_.empty() || !equals_in_constant_time(signature, server_signature_))
    return fail(Code::kAuthFailed, "the server does not know the password itself");
  return {};
}

}  // namespace gemel::wire
