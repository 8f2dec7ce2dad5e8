#include "lmtp/address.h"

#include "base/bytes.h"

namespace gemel::lmtp {
namespace {

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// RFC 5322 §3.2.3, atext, and the dot. Dots in any place are taken: such addresses are in use.
bool is_local_char(char c) {
  return is_alphanumeric(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").contains(c);
}

bool is_domain_char(char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; }

bool is_printable(char c) { return c >= ' ' && c <= '~'; }

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

Result<Address> mailbox(Reader& reader) {
  Address address;
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

}  // namespace

Result<Path> parse_path(std::string_view argument) {
  Reader reader{argument};
  if (!reader.skip('<')) return fail(Code::kSyntax, "a path starts with \"<\"");
  Path path;
  if (!reader.skip('>')) {
    TRY_OK(skip_route(reader));
    const size_t start = reader.at;
    TRY(path.address, mailbox(reader));
    path.text = argument.substr(start, reader.at - start);
    if (!reader.skip('>')) return fail(Code::kSyntax, "a path ends with \">\"");
  }
  if (reader.at > kPathBytesMax) return fail(Code::kTooBig, "the path is too long");
  path.rest = argument.substr(reader.at);
  if (!path.rest.empty() && path.rest.front() != ' ')
    return fail(Code::kSyntax, "a space must follow the path");
  return path;
}

}  // namespace gemel::lmtp
