// A header value with parameters: Content-Type and Content-Disposition.
//
// Threads  any; pure functions.
// Source   RFC 2045 §5.1 (syntax), RFC 2183 §2, RFC 2231 §3 and §4 (continued and encoded values).
//          Broken values are read as far as they make sense; nothing fails.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gemel {

/// Parameters kept of one field; more are dropped, as some mail has them by the hundred thousand.
inline constexpr size_t kParametersMax = 100;

struct MimeParameter {
  std::string name;   // lower case; RFC 2231 marks such as "*0*" kept, as IMAP gives them raw
  std::string value;  // without quotes
  bool operator==(const MimeParameter&) const = default;
};

struct ParameterizedValue {
  std::string value;  // lower case, without white space: "text/plain", "attachment"
  std::vector<MimeParameter> parameters;
};

/// `text` is the unfolded field value. Cost: O(bytes).
ParameterizedValue parse_parameterized(std::string_view text);

/// The value of parameter `name` (lower case) as UTF-8, RFC 2231 pieces joined in their order and
/// decoded; where both are there, a plain value wins over pieces.
std::optional<std::string> parameter_of(const std::vector<MimeParameter>& parameters,
                                        std::string_view name);

/// As IMAP4rev2 gives them (RFC 9051 §7.5.2, RFC 2231 §6): pieces joined, decoded and in UTF-8,
/// "name*0*" and those behind it as "name*", "name*0" and those behind it as "name". What is not
/// part of such a row stays. Cost: O(parameters²).
std::vector<MimeParameter> joined_parameters(const std::vector<MimeParameter>& parameters);

}  // namespace gemel
