// Addresses that a script gives or tests: strictly read where mail goes out to them, tolerantly
// where they come from a message.
//
// Threads  any; pure functions.
// Source   RFC 5228 §2.4.2.3 (sieve-address) and §2.7.4 (parts), RFC 5233 §4 (user, detail), RFC
// 5322
//          §3.4.1 (addr-spec); RFC 6532 §3.2 (UTF-8 in them).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sieve/match_spec.h"

namespace gemel::sieve {

struct MailAddress {
  std::string local;   // without quotes and escapes
  std::string domain;  // "" if there is none: then the address is not valid
  std::string name;    // the phrase, raw

  bool is_valid() const { return !local.empty() && !domain.empty(); }
  /// "local@domain", the local part quoted if it must be.
  std::string addr_spec() const;
};

/// `text` in quotes, with what must be escaped there (RFC 5322 §3.2.4).
std::string quoted_string(std::string_view text);

/// RFC 5321 §4.5.3.1.3 allows 256; longer ones are in use (VERP, SRS).
inline constexpr size_t kAddressBytesMax = 1024;

/// addr-spec, or phrase "<" addr-spec ">"; nothing for anything else, routes and groups too.
std::optional<MailAddress> parse_sieve_address(std::string_view text);
/// One or more of those, parted by commas (mailbox-list).
std::optional<std::vector<MailAddress>> parse_mailbox_list(std::string_view text);

/// The addresses in a field's unfolded value, those inside groups too, names of groups not.
std::vector<MailAddress> addresses_in(std::string_view value);
/// A path of the envelope: "local@domain", with or without a source route; "" is the null path.
MailAddress parse_path(std::string_view text);

/// What of `address` is compared; nothing if it has no such part, as an invalid address has only
/// its whole.
std::optional<std::string> part_of(const MailAddress& address, AddressPart part,
                                   std::string_view detail_separator);

/// Same address, in any case (in theory a local part has case, in practice none).
bool is_same_address(std::string_view a, std::string_view b);

}  // namespace gemel::sieve
