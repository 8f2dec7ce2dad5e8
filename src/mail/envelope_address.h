// Mail addresses as an envelope carries them: `<local@domain>`, `<>`, `<postmaster>`.
//
// Threads  any; values and pure functions.
// Source   RFC 5321 §4.1.2 (Path, Mailbox), §4.1.1.3 (a source route is ignored), §4.5.3.1 (sizes);
//          RFC 6531 §3.3 (UTF-8 in both parts).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel {

/// RFC 5321 §4.5.3.1.3; we take more, for real addresses (VERP, SRS) are longer.
inline constexpr size_t kPathBytesMax = 1024;

/// `local` without quotes and escapes; `domain` in lower case, empty for a bare name.
struct EnvelopeAddress {
  std::string local;
  std::string domain;
  bool operator==(const EnvelopeAddress&) const = default;
};

/// A path as it was sent, without its source route, and what follows it.
struct EnvelopePath {
  std::string text;  // "alice@example.org", as sent; empty for the null path `<>`
  EnvelopeAddress address;
  std::string_view rest;  // of the argument: empty, or begins with a space

  bool is_null() const { return text.empty(); }
};

/// kUtf8: valid UTF-8 may stand in both parts (SMTPUTF8).
enum class AddressCharset : uint8_t { kAscii, kUtf8 };

/// Reads the path at the start of `argument`, which must outlive `rest`. Errors: kSyntax; kTooBig.
Result<EnvelopePath> parse_path(std::string_view argument,
                                AddressCharset charset = AddressCharset::kAscii);

/// All of `text` as an address without brackets, UTF-8 allowed. Errors: kSyntax; kTooBig.
Result<EnvelopeAddress> parse_envelope_address(std::string_view text);

}  // namespace gemel
