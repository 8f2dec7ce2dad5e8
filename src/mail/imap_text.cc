#include "mail/imap_text.h"

#include <algorithm>

#include "mail/charset.h"
#include "mail/encoded_word.h"

namespace gemel {
namespace {

/// 7 bit or valid UTF-8, as the dialect has it, and without CR, LF and NUL, which a quoted string
/// can't have.
std::string sendable(std::string_view text, ImapDialect dialect) {
  std::string out;
  if (is_ascii(text))
    out = text;
  else if (dialect == ImapDialect::kUtf8)
    out = to_utf8(text, {});
  else
    out = encode_words(decode_encoded_words(text));
  std::erase(out, '\0');
  std::ranges::replace_if(out, [](char c) { return c == '\r' || c == '\n'; }, ' ');
  return out;
}

}  // namespace

void put_imap_string(std::string& out, std::string_view text, ImapDialect dialect) {
  const std::string value = sendable(text, dialect);
  if (value.size() > kQuotedBytesMax) {
    out += '{' + std::to_string(value.size()) + "}\r\n";
    out += value;
    return;
  }
  out += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void put_imap_nstring(std::string& out, const std::optional<std::string>& text,
                      ImapDialect dialect) {
  if (text)
    put_imap_string(out, *text, dialect);
  else
    out += "NIL";
}

}  // namespace gemel
