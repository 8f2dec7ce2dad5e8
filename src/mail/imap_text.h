// Text as an IMAP nstring.
//
// Threads  any; pure functions.
// Source   RFC 3501 §4.3 and §9 (string, nstring), RFC 9051 §4.3 and RFC 6855 §3 (UTF-8 in quoted
//          strings), RFC 6858 §2 (what to give a client that does not ask for UTF-8).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gemel {

/// Longer strings are literals; some clients keep quoted strings in small buffers.
inline constexpr size_t kQuotedBytesMax = 1000;

/// What a client takes: plain IMAP4rev1, or what UTF8=ACCEPT and IMAP4rev2 add.
enum class ImapDialect : uint8_t {
  kAscii,  // 7 bit: raw 8-bit text is given as encoded words (RFC 2047)
  kUtf8,   // valid UTF-8
};

/// Appends `text` quoted, or as a literal if it is long. `text` is one line: see unfold().
void put_imap_string(std::string& out, std::string_view text, ImapDialect dialect);
/// The same, or NIL.
void put_imap_nstring(std::string& out, const std::optional<std::string>& text,
                      ImapDialect dialect);

}  // namespace gemel
