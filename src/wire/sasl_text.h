// The pieces of SASL messages that several mechanisms share. Inside wire only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel::wire {

/// Cuts the text up to `separator` off `rest`, all of it if there is none.
std::string_view cut_off(std::string_view& rest, char separator);

/// False for what is empty or holds control characters.
bool is_usable_secret(std::string_view text);

/// The value of the attribute `name` (`n=`, `r=`, ...) that must come next. Errors: kSyntax.
Result<std::string_view> take_attribute(std::string_view& rest, char name);

/// saslname (RFC 5802 §5.1). Errors: kSyntax.
Result<std::string> decode_saslname(std::string_view name);
std::string encode_saslname(std::string_view name);

/// gs2-header (RFC 5801 §4, RFC 5802 §7).
struct Gs2Header {
  enum class Flag : uint8_t { kNone, kCouldBind, kBinds } flag = Flag::kNone;
  std::string binding;  // its type, where the flag is kBinds
  std::string authzid;
  std::string text;  // the header as it was sent
};
/// Cuts it off `message`. Errors: kSyntax.
Result<Gs2Header> take_gs2_header(std::string_view& message);

/// Errors: kTooBig.
Result<void> check_sasl_message(std::string_view message);
/// Errors: kAuthFailed; kDenied, `authzid` is another than `userid`.
Result<void> check_sasl_identities(std::string_view authzid, std::string_view userid);

}  // namespace gemel::wire
