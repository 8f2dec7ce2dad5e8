#include "oauth/jwt.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "base/hash.h"

namespace gemel::oauth {
namespace {

constexpr size_t kEs256Bytes = 64;  // r and s, RFC 7518 §3.4

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

// A public key, or that of a certificate.
Key read_key(const std::string& pem) {
  const auto open = [&] {
    return std::unique_ptr<BIO, FreeBio>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  };
  Key key(PEM_read_bio_PUBKEY(open().get(), nullptr, nullptr, nullptr));
  if (key) return key;
  X509* const certificate = PEM_read_bio_X509(open().get(), nullptr, nullptr, nullptr);
  if (certificate == nullptr) return nullptr;
  key.reset(X509_get_pubkey(certificate));
  X509_free(certificate);
  return key;
}

Result<void> check_key(const EVP_PKEY* key, Algorithm algorithm) {
  if (key == nullptr) return fail(Code::kInvalid, "no public key or certificate in PEM");
  if (algorithm == Algorithm::kRs256) {
    if (EVP_PKEY_is_a(key, "RSA") != 1) return fail(Code::kInvalid, "RS256 needs an RSA key");
    if (EVP_PKEY_get_bits(key) < kRsaBitsMin)
      return fail(Code::kInvalid, fmt::format("RS256 needs a key of {} bits", kRsaBitsMin));
    return {};
  }
  std::array<char, 32> group{};
  size_t size = 0;
  if (EVP_PKEY_is_a(key, "EC") != 1 ||
      EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) != 1 ||
      std::string_view(group.data(), size) != "prime256v1")
    return fail(Code::kInvalid, "ES256 needs a key on the curve P-256");
  return {};
}

// OpenSSL wants the two numbers in DER.
std::string der_of(std::string_view signature) {
  ECDSA_SIG* const pair = ECDSA_SIG_new();
  constexpr int kHalf = static_cast<int>(kEs256Bytes / 2);
  ECDSA_SIG_set0(pair, BN_bin2bn(octets(signature), kHalf, nullptr),
                 BN_bin2bn(octets(signature) + kHalf, kHalf, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair, &der);
  ECDSA_SIG_free(pair);
  std::string out;
  if (size > 0) out.assign(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

bool verifies(EVP_PKEY* key, std::string_view text, std::string_view signature) {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  const bool good = EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key) == 1 &&
                    EVP_DigestVerify(context, octets(signature), signature.size(), octets(text),
                                     text.size()) == 1;
  EVP_MD_CTX_free(context);
  return good;
}

}  // namespace

struct JwtVerifier::Keys {
  std::vector<Key> asymmetric;
  std::vector<std::string> secrets;
};

std::string_view name_of(Algorithm algorithm) {
  constexpr std::array<std::string_view, 3> kNames = {"RS256", "ES256", "HS256"};
  return kNames[static_cast<size_t>(algorithm)];
}

Result<std::string> from_base64url(std::string_view text) {
  std::string padded(text);
  if (padded.find_first_of("+/=") != std::string::npos)
    return fail(Code::kSyntax, "that is not base64url");
  std::ranges::replace(padded, '-', '+');
  std::ranges::replace(padded, '_', '/');
  padded.append((4 - padded.size() % 4) % 4, '=');
  return from_base64(padded);
}

JwtVerifier::JwtVerifier(Algorithm algorithm, ClaimRules rules)
    : algorithm_(algorithm), rules_(std::move(rules)), keys_(std::make_unique<Keys>()) {}

JwtVerifier::~JwtVerifier() = default;

Result<std::unique_ptr<JwtVerifier>> JwtVerifier::make(Algorithm algorithm,
                                                       const std::vector<std::string>& keys,
                                                       ClaimRules rules) {
  if (keys.empty() || keys.size() > kJwtKeysMax)
    return fail(Code::kInvalid, fmt::format("from 1 to {} keys are needed", kJwtKeysMax));
  std::unique_ptr<JwtVerifier> out(new JwtVerifier(algorithm, std::move(rules)));
  for (size_t i = 0; i < keys.size(); ++i) {
    if (algorithm == Algorithm::kHs256) {
      if (keys[i].size() < kHmacSecretBytesMin)
        return fail(Code::kInvalid, fmt::format("key {}: HS256 needs a secret of {} octets", i + 1,
                                                kHmacSecretBytesMin));
      out->keys_->secrets.push_back(keys[i]);
      continue;
    }
    Key key = read_key(keys[i]);
    if (const Result<void> good = check_key(key.get(), algorithm); !good)
      return fail(Code::kInvalid, fmt::format("key {}: {}", i + 1, good.error().text));
    out->keys_->asymmetric.push_back(std::move(key));
  }
  return out;
}

bool JwtVerifier::is_signed(std::string_view text, const std::string& signature) const {
  if (algorithm_ == Algorithm::kHs256)
    return std::ranges::any_of(keys_->secrets, [&](const std::string& secret) {
      return equals_in_constant_time(hmac_sha256(secret, text), signature);
    });
  if (algorithm_ == Algorithm::kEs256 && signature.size() != kEs256Bytes) return false;
  const std::string raw = algorithm_ == Algorithm::kEs256 ? der_of(signature) : signature;
  return std::ranges::any_of(keys_->asymmetric,
                             [&](const Key& key) { return verifies(key.get(), text, raw); });
}

Result<std::string> JwtVerifier::check(std::string_view token, Clock& clock) const {
  const auto refused = [](const char* why) { return fail(Code::kAuthFailed, why); };
  if (std::ranges::count(token, '.') != 2) return refused("that is no JWT");
  const size_t first = token.find('.');
  const size_t second = token.find('.', first + 1);
  const Result<std::string> header = from_base64url(token.substr(0, first));
  const Result<std::string> claims = from_base64url(token.substr(first + 1, second - first - 1));
  const Result<std::string> signature = from_base64url(token.substr(second + 1));
  if (!header || !claims || !signature) return refused("a part of the JWT is not base64url");
  TRY_OK(check_jose_header(*header, name_of(algorithm_)));
  if (!is_signed(token.substr(0, second), *signature))
    return refused("the JWT's signature is wrong");
  return userid_of_claims(*claims, rules_, Lifetime::kNeeded, clock.unix_s());
}

}  // namespace gemel::oauth
