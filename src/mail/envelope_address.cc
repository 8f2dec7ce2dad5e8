#include "mail/envelope_address.h"

#include "base/bytes.h"
#include "mail/charset.h"

namespace gemel {
namespace {

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// Part of a character of UTF-8 (RFC 6531 §3.3); whether it is sound, and allowed at all, is checked
// for the whole path.
bool is_utf8_byte(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// RFC 5322 §3.2.3, atext, and the dot. Dots in any place are taken: such addresses are in use.
bool is_local_char(char c) {
  return is_alphanumeric(c) || is_utf8_byte(c) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~.").contains(c);
}

bool is_domain_char(char c) {
  return is_alphanumeric(c) || is_utf8_byte(c) || c == '-' || c == '.' || c == '_';
}

bool is_printable(char c) { return (c >= ' ' && c <= '~') || is_utf8_byte(c); }

// A cursor over one path.
struct Reader {
  std::string_view text;
  size_t at = 0;

  char peek() const { return at < text.size() ? text[at] : '\0'; }
  bool skip(char c) {
    if (at >= text.size() || text[at] != c) return false;
    ++at;
    return true;
  }
  template <class Pred>
  std::string_view take_while(Pred pred) {
    const size_t start = at;
    while (at < text.size() && pred(text[at])) ++at;
    return text.substr(start, at - start);
  }
};

// RFC 5321 §4.1.2, Quoted-string; the opening quote has been taken.
Result<std::string> quoted_local(Reader& reader) {
  std::string local;
  while (!reader.skip('"')) {
    reader.skip('\\');
    const char c = reader.peek();
    if (!is_printable(c)) return fail(Code::kSyntax, "the quoted local part has no end");
    local += c;
    ++reader.at;
  }
  return local;
}

// RFC 5321 §4.1.2: A-d-l is obsolete, and what it says is ignored.
Result<void> skip_route(Reader& reader) {
  if (reader.peek() != '@') return {};
  reader.take_while([](char c) { return is_domain_char(c) || c == '@' || c == ','; });
  if (!reader.skip(':')) return fail(Code::kSyntax, "a source route must end with a colon");
  return {};
}

Result<std::string> domain(Reader& reader) {
  const bool is_literal = reader.peek() == '[';
  const size_t start = reader.at;
  if (is_literal) {
    ++reader.at;
    reader.take_while([](char c) { return is_domain_char(c) || c == ':'; });
    if (!reader.skip(']')) return fail(Code::kSyntax, "the address literal has no end");
  } else {
    reader.take_while(is_domain_char);
  }
  if (reader.at == start) return fail(Code::kSyntax, "the domain is empty");
  return to_lower(reader.text.substr(start, reader.at - start));
}

Result<EnvelopeAddress> mailbox(Reader& reader) {
  EnvelopeAddress address;
  if (reader.skip('"')) {
    TRY(address.local, quoted_local(reader));
  } else {
    address.local = reader.take_while(is_local_char);
  }
  if (address.local.empty()) return fail(Code::kSyntax, "the local part is empty");
  if (reader.skip('@')) {
    TRY(address.domain, domain(reader));
  }
  return address;
}

// C1 controls are no address in any charset.
Result<void> check_charset(std::string_view text, AddressCharset charset) {
  if (is_ascii(text)) return {};
  if (charset == AddressCharset::kAscii) return fail(Code::kSyntax, "the path is not ASCII");
  if (!is_utf8(text)) return fail(Code::kSyntax, "the path is not UTF-8");
  for (size_t i = 0; i + 1 < text.size(); ++i)
    if (text[i] == '\xc2' && static_cast<unsigned char>(text[i + 1]) < 0xa0)
      return fail(Code::kSyntax, "the path has a control character");
  return {};
}

}  // namespace

Result<EnvelopePath> parse_path(std::string_view argument, AddressCharset charset) {
  Reader reader{argument};
  if (!reader.skip('<')) return fail(Code::kSyntax, "a path starts with \"<\"");
  EnvelopePath path;
  if (!reader.skip('>')) {
    TRY_OK(skip_route(reader));
    const size_t start = reader.at;
    TRY(path.address, mailbox(reader));
    path.text = argument.substr(start, reader.at - start);
    TRY_OK(check_charset(path.text, charset));
    if (!reader.skip('>')) return fail(Code::kSyntax, "a path ends with \">\"");
  }
  if (reader.at > kPathBytesMax) return fail(Code::kTooBig, "the path is too long");
  path.rest = argument.substr(reader.at);
  if (!path.rest.empty() && path.rest.front() != ' ')
    return fail(Code::kSyntax, "a space must follow the path");
  return path;
}

Result<EnvelopeAddress> parse_envelope_address(std::string_view text) {
  Reader reader{text};
  if (text.size() > kPathBytesMax) return fail(Code::kTooBig, "the address is too long");
  TRY(EnvelopeAddress address, mailbox(reader));
  if (reader.at != text.size()) return fail(Code::kSyntax, "something stands behind the address");
  TRY_OK(check_charset(text, AddressCharset::kUtf8));
  return address;
}

}  // namespace gemel
