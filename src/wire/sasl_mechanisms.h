// The mechanisms beside PLAIN and SCRAM. Inside wire only.
#pragma once

#include <memory>
#include <string_view>

#include "wire/sasl.h"

namespace gemel::wire {

inline constexpr std::string_view kPlainName = "PLAIN";
inline constexpr std::string_view kExternalName = "EXTERNAL";
inline constexpr std::string_view kOauthBearerName = "OAUTHBEARER";
inline constexpr std::string_view kXoauth2Name = "XOAUTH2";

/// RFC 4422 appendix A: whom the client's certificate names.
std::unique_ptr<SaslServer> make_external_server(const TlsFacts& tls);

/// OAUTHBEARER (RFC 7628), and XOAUTH2 as Google and Microsoft document it: the same token without
/// a GS2 header.
enum class TokenSyntax : uint8_t { kOauthBearer, kXoauth2 };
std::unique_ptr<SaslServer> make_token_server(TokenSyntax syntax);

}  // namespace gemel::wire
