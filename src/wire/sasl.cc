#include "wire/sasl.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/hash.h"

namespace gemel::wire {
namespace {

constexpr size_t kNonceBytes = 18;
constexpr size_t kSaltBytes = 16;
constexpr size_t kKeyBytes = 32;
constexpr std::string_view kScramName = "SCRAM-SHA-256";
// "n,,": no channel binding, no other identity (RFC 5802 §7, gs2-header).
constexpr std::string_view kPlainHeader = "n,,";

bool is_usable(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](char c) {
    return static_cast<uint8_t>(c) < 0x20 || c == '\x7f';
  });
}

std::string as_text(const Sha256& digest) { return {digest.begin(), digest.end()}; }

std::string exclusive_or(std::string_view a, std::string_view b) {
  std::string out(a);
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(out[i] ^ b[i]);
  return out;
}

/// Cuts the text up to `separator` off `rest`, all of it if there is none.
std::string_view cut(std::string_view& rest, char separator) {
  const size_t end = rest.find(separator);
  const std::string_view out = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return out;
}

/// The value of the attribute `name` (`n=`, `r=`, ...) that must come next.
Result<std::string_view> attribute(std::string_view& rest, char name) {
  const std::string_view part = cut(rest, ',');
  if (part.size() < 3 || part[0] != name || part[1] != '=')
    return fail(Code::kSyntax, fmt::format("SCRAM message without {}=", name));
  return part.substr(2);
}

/// saslname (RFC 5802 §5.1): "=2C" stands for a comma, "=3D" for an equals sign, nothing else.
Result<std::string> decode_name(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '=') {
      out += name[i];
      continue;
    }
    const std::string_view code = name.substr(i + 1, 2);
    if (code != "2C" && code != "3D") return fail(Code::kSyntax, "SCRAM name with a stray \"=\"");
    out += code == "2C" ? ',' : '=';
    i += 2;
  }
  return out;
}

std::string encode_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == ',')
      out += "=2C";
    else if (c == '=')
      out += "=3D";
    else
      out += c;
  }
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

Result<void> check_message(std::string_view message) {
  if (message.size() > kSaslMessageBytesMax) return fail(Code::kTooBig, "SASL message too long");
  return {};
}

Result<void> check_identities(std::string_view authzid, std::string_view userid) {
  if (!is_usable(userid)) return fail(Code::kAuthFailed, "no such user or wrong password");
  if (!authzid.empty() && authzid != userid)
    return fail(Code::kDenied, "acting for another user is not allowed");
  return {};
}

class PlainServer final : public SaslServer {
 public:
  explicit PlainServer(SaslOptions options) : options_(std::move(options)) {}

  // [authzid] NUL authcid NUL passwd (RFC 4616 §2).
  Result<SaslStep> step(std::string_view message) override {
    TRY_OK(check_message(message));
    if (std::ranges::count(message, '\0') != 2) return fail(Code::kSyntax, "not a PLAIN message");
    const std::string_view authzid = cut(message, '\0');
    const std::string_view userid = cut(message, '\0');
    TRY_OK(check_identities(authzid, userid));
    if (!is_usable(message)) return fail(Code::kAuthFailed, "no such user or wrong password");
    TRY_OK(options_.credentials.check_password(userid, message));
    return SaslStep{.challenge = {}, .done = true, .userid = std::string(userid)};
  }

 private:
  SaslOptions options_;
};

class ScramServer final : public SaslServer {
 public:
  explicit ScramServer(SaslOptions options) : options_(std::move(options)) {}

  Result<SaslStep> step(std::string_view message) override {
    TRY_OK(check_message(message));
    switch (std::exchange(stage_, Stage::kOver)) {
      case Stage::kFirst:
        return first(message);
      case Stage::kProof:
        return proof(message);
      case Stage::kLast:
        if (!message.empty()) return fail(Code::kSyntax, "SCRAM message after the last");
        return SaslStep{.challenge = {}, .done = true, .userid = userid_};
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
    const std::string_view binding = cut(rest, ',');
    if (binding.starts_with("p=")) return fail(Code::kUnsupported, "channel binding not offered");
    // "y": the client could bind but believes that we can't, which is true (RFC 5802 §6).
    if (binding != "n" && binding != "y") return fail(Code::kSyntax, "not a SCRAM message");
    std::string_view authzid = cut(rest, ',');
    gs2_header_ = message.substr(0, message.size() - rest.size());
    if (!authzid.empty()) {
      TRY(authzid, attribute(authzid, 'a'));
    }
    TRY(const std::string identity, decode_name(authzid));
    first_bare_ = rest;
    if (rest.starts_with("m=")) return fail(Code::kUnsupported, "mandatory SCRAM extension");
    TRY(const std::string_view name, attribute(rest, 'n'));
    TRY(userid_, decode_name(name));
    TRY(const std::string_view client_nonce, attribute(rest, 'r'));
    TRY_OK(check_identities(identity, userid_));
    TRY(credential_, look_up());
    nonce_ = std::string(client_nonce) + make_nonce(options_.random);
    server_first_ =
        fmt::format("r={},s={},i={}", nonce_, to_base64(credential_.salt), credential_.iterations);
    stage_ = Stage::kProof;
    return SaslStep{.challenge = server_first_};
  }

  // Who does not exist gets a salt too, the same each time, so that nothing tells them from those
  // who do (RFC 5802 §9). No proof fits a stored key of nothing but zeros.
  Result<ScramCredential> look_up() {
    Result<ScramCredential> found = options_.credentials.scram(userid_);
    if (found || found.error().code != Code::kNotFound) return found;
    return ScramCredential{
        .iterations = kScramIterationsDefault,
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
    TRY(const std::string_view binding, attribute(rest, 'c'));
    TRY(const std::string_view nonce, attribute(rest, 'r'));
    if (from_base64(binding) != gs2_header_ || nonce != nonce_)
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
  Stage stage_ = Stage::kFirst;
  std::string userid_;
  std::string gs2_header_;
  std::string first_bare_;
  std::string server_first_;
  std::string nonce_;
  ScramCredential credential_;
};

}  // namespace

Result<ScramCredential> make_scram_credential(std::string_view password, uint32_t iterations,
                                              Random& random) {
  if (!is_usable(password))
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
  if (cut(text, '$') != kScramName) return fail(Code::kSyntax, "not a SCRAM-SHA-256 credential");
  TRY(const uint64_t iterations, parse_number(cut(text, ':')));
  ScramCredential out;
  TRY(out.salt, from_base64(cut(text, '$')));
  TRY(out.stored_key, from_base64(cut(text, ':')));
  TRY(out.server_key, from_base64(text));
  if (iterations < kScramIterationsMin || iterations > kScramIterationsMax || out.salt.empty() ||
      out.stored_key.size() != kKeyBytes || out.server_key.size() != kKeyBytes)
    return fail(Code::kSyntax, "SCRAM credential out of range");
  out.iterations = static_cast<uint32_t>(iterations);
  return out;
}

Result<std::unique_ptr<SaslServer>> make_sasl_server(std::string_view mechanism,
                                                     SaslOptions options) {
  if (equals_ignoring_case(mechanism, "PLAIN"))
    return std::make_unique<PlainServer>(std::move(options));
  if (equals_ignoring_case(mechanism, kScramName))
    return std::make_unique<ScramServer>(std::move(options));
  return fail(Code::kUnsupported, "unknown SASL mechanism");
}

Result<ScramClient> ScramClient::make(std::string_view userid, std::string_view password,
                                      Random& random) {
  if (!is_usable(userid) || !is_usable(password))
    return fail(Code::kInvalid, "userid and password must be without control characters");
  ScramClient out;
  out.password_ = password;
  out.nonce_ = make_nonce(random);
  out.first_bare_ = fmt::format("n={},r={}", encode_name(userid), out.nonce_);
  return out;
}

std::string ScramClient::first() const { return std::string(kPlainHeader) + first_bare_; }

Result<std::string> ScramClient::answer(std::string_view server_first) {
  TRY_OK(check_message(server_first));
  std::string_view rest = server_first;
  TRY(const std::string_view nonce, attribute(rest, 'r'));
  TRY(const std::string_view salt_text, attribute(rest, 's'));
  TRY(const std::string_view iterations_text, attribute(rest, 'i'));
  TRY(const std::string salt, from_base64(salt_text));
  TRY(const uint64_t iterations, parse_number(iterations_text));
  if (!nonce.starts_with(nonce_) || nonce.size() == nonce_.size())
    return fail(Code::kAuthFailed, "the server's nonce does not continue ours");
  // Fewer iterations would let a false server guess the password from our proof (RFC 7677 §4).
  if (iterations < kScramIterationsMin || iterations > kScramIterationsMax)
    return fail(Code::kAuthFailed, "the server asks for too few or too many iterations");
  const ScramKeys keys = derive(password_, salt, static_cast<uint32_t>(iterations));
  const std::string without_proof = fmt::format("c={},r={}", to_base64(kPlainHeader), nonce);
  const std::string signed_text = fmt::format("{},{},{}", first_bare_, server_first, without_proof);
  server_signature_ = hmac_sha256(keys.server, signed_text);
  password_.clear();
  return fmt::format("{},p={}", without_proof,
                     to_base64(exclusive_or(keys.client, hmac_sha256(keys.stored, signed_text))));
}

Result<void> ScramClient::verify(std::string_view server_final) const {
  TRY_OK(check_message(server_final));
  std::string_view rest = server_final;
  if (rest.starts_with("e=")) return fail(Code::kAuthFailed, "the server refused the login");
  TRY(const std::string_view signature_text, attribute(rest, 'v'));
  TRY(const std::string signature, from_base64(signature_text));
  if (server_signature_.empty() || !equals_in_constant_time(signature, server_signature_))
    return fail(Code::kAuthFailed, "the server does not know the password itself");
  return {};
}

}  // namespace gemel::wire
