// mailto URIs, the one way of notifying here.
//
// Threads  any; pure functions.
// Source   RFC 6068 §2 (it replaces RFC 2368, which RFC 5436 names), RFC 5436 §2.1, §2.7 (URI
// headers
//          that are not followed).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gemel::sieve {

struct Mailto {
  std::vector<std::string> to;  // addr-specs; from the path and from "to"
  std::vector<std::string> cc;
  std::optional<std::string> subject;
  std::optional<std::string> body;
  std::vector<std::pair<std::string, std::string>> headers;  // others, harmless ones only
};

inline constexpr size_t kMailtoBytesMax = 8'192;
inline constexpr size_t kMailtoRecipientsMax = 8;

/// Nothing if `uri` is no mailto URI, or names more addresses than kMailtoRecipientsMax. It may
/// name none (RFC 5435 §4 asks for "mailto:"), and then nobody is notified.
std::optional<Mailto> parse_mailto(std::string_view uri);

}  // namespace gemel::sieve
