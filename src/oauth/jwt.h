// JSON Web Tokens, checked by keys that the configuration names.
//
// Owns     the keys.
// Threads  any. A check computes for less than a millisecond.
// Source   RFC 7515 (JWS, compact form), RFC 7518 §3 (RS256, ES256, HS256), RFC 7519 (JWT),
//          RFC 8725 §3.1 (the algorithm is ours to say, not the token's).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "oauth/claims.h"

namespace gemel::oauth {

enum class Algorithm : uint8_t { kRs256, kEs256, kHs256 };
/// "RS256" and so on.
std::string_view name_of(Algorithm algorithm);

inline constexpr int kRsaBitsMin = 2048;           // RFC 7518 §3.3
inline constexpr size_t kHmacSecretBytesMin = 32;  // RFC 7518 §3.2
inline constexpr size_t kJwtKeysMax = 16;

class JwtVerifier {
 public:
  /// `keys`: PEM of public keys or certificates, or for HS256 the secrets as they are; a token is
  /// good by any of them. Errors: kInvalid, says which is wrong and why.
  static Result<std::unique_ptr<JwtVerifier>> make(Algorithm algorithm,
                                                   const std::vector<std::string>& keys,
                                                   ClaimRules rules);
  ~JwtVerifier();

  /// The userid of who bears `token`. Errors: kAuthFailed, with the reason for the log.
  Result<std::string> check(std::string_view token, Clock& clock) const;

 private:
  struct Keys;
  JwtVerifier(Algorithm algorithm, ClaimRules rules);
  bool is_signed(std::string_view text, const std::string& signature) const;

  const Algorithm algorithm_;
  const ClaimRules rules_;
  std::unique_ptr<Keys> keys_;
};

/// RFC 7515 §2, base64url without padding. Errors: kSyntax.
Result<std::string> from_base64url(std::string_view text);

}  // namespace gemel::oauth
