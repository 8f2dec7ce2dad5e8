// Mail addresses as MAIL and RCPT carry them: `<local@domain>`, `<>`, `<postmaster>`.
//
// Source   RFC 5321 §4.1.2 (Path, Mailbox), §4.1.1.3 (a source route is ignored), §4.5.3.1 (sizes).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel::lmtp {

/// RFC 5321 §4.5.3.1.3; we take more, for real addresses (VERP, SRS) are longer.
inline constexpr size_t kPathBytesMax = 1024;

/// `local` without quotes and escapes; `domain` in lower case, empty for a bare name.
struct Address {
  std::string local;
  std::string domain;
  bool operator==(const Address&) const = default;
};

/// A path as it was sent, without its source route, and what follows it.
struct Path {
  std::string text;  // "alice@example.org", as sent; empty for the null path `<>`
  Address address;
  std::string_view rest;  // of the argument: empty, or begins with a space

  bool is_null() const { return text.empty(); }
};

/// Reads the path at the start of `argument`, which must outlive `rest`. Errors: kSyntax; kTooBig.
Result<Path> parse_path(std::string_view argument);

}  // namespace gemel::lmtp
