// What a bearer token says, and whether that lets its bearer in here.
//
// Threads  any; values and pure functions.
// Source   RFC 7519 §4.1 (claims), RFC 7662 §2.2 (the answer of introspection), RFC 8725
// (pitfalls).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel::oauth {

/// What a token must say.
struct ClaimRules {
  std::string issuer = {};           // `iss`; empty: any
  std::string audience = {};         // one of `aud`; empty: any
  std::string userid_claim = "sub";  // whose value is the userid
};

/// Clocks of two machines differ so much at most.
inline constexpr int64_t kClockSkewS = 60;
/// JSON that is nested deeper says nothing that we ask for.
inline constexpr int kClaimDepthMax = 8;

enum class Lifetime : uint8_t {
  kNeeded,  // a token without `exp` is refused
  kIfSaid,
};

/// The userid of a JSON object of claims. Errors: kAuthFailed, with the reason for the log.
Result<std::string> userid_of_claims(std::string_view json, const ClaimRules& rules,
                                     Lifetime lifetime, int64_t now_s);
/// The answer of an introspection (RFC 7662 §2.2): the same, if the token is active.
Result<std::string> userid_of_introspection(std::string_view json, const ClaimRules& rules,
                                            int64_t now_s);
/// The header before the claims of a JWT (RFC 7515 §4): whether it names `algorithm`, and nothing
/// that must be understood and is not. Errors: as above.
Result<void> check_jose_header(std::string_view json, std::string_view algorithm);

}  // namespace gemel::oauth
