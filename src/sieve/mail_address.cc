#include "sieve/mail_address.h"

#include <algorithm>

#include "base/bytes.h"
#include "mail/address.h"
#include "mail/rfc822_lexer.h"

namespace gemel::sieve {
namespace {

// RFC 5322 §3.2.3, with RFC 6532 §3.2.
bool is_atom_character(char c) {
  return static_cast<unsigned char>(c) > ' ' && c != 0x7f &&
         std::string_view("()<>[]:;@\\,.\"").find(c) == std::string_view::npos;
}

/// Reads addresses by the letter. Each call gives nothing where its thing does not stand.
class StrictReader {
 public:
  explicit StrictReader(std::string_view text) : lexer_(text) { lexer_.skip_cfws(); }

  std::optional<MailAddress> mailbox() {
    const StrictReader start = *this;
    if (auto simple = addr_spec(); simple && (at_end() || lexer_.at(','))) return simple;
    *this = start;
    MailAddress out;
    const std::string_view before = lexer_.rest();
    while (!lexer_.at('<'))
      if (!skip_word()) return std::nullopt;
    out.name = trim(before.substr(0, before.size() - lexer_.rest().size()));
    lexer_.skip();
    lexer_.skip_cfws();
    auto inner = addr_spec();
    if (!inner || !lexer_.at('>')) return std::nullopt;
    lexer_.skip();
    lexer_.skip_cfws();
    inner->name = std::move(out.name);
    return inner;
  }

  bool at_end() const { return lexer_.at_end(); }
  bool take_comma() {
    if (!lexer_.at(',')) return false;
    lexer_.skip();
    lexer_.skip_cfws();
    return true;
  }

 private:
  std::optional<MailAddress> addr_spec() {
    MailAddress out;
    if (lexer_.at('"')) {
      out.local = lexer_.quoted_string();
    } else if (auto local = dot_atom()) {
      out.local = std::move(*local);
    }
    lexer_.skip_cfws();
    if (out.local.empty() || !lexer_.at('@')) return std::nullopt;
    lexer_.skip();
    lexer_.skip_cfws();
    auto domain = lexer_.at('[') ? domain_literal() : dot_atom();
    if (!domain) return std::nullopt;
    out.domain = std::move(*domain);
    lexer_.skip_cfws();
    if (out.local.size() + out.domain.size() >= kAddressBytesMax) return std::nullopt;
    return out;
  }

  std::string atom() {
    std::string out;
    for (; !lexer_.at_end() && is_atom_character(lexer_.peek()); lexer_.skip())
      out += lexer_.peek();
    return out;
  }

  std::optional<std::string> dot_atom() {
    std::string out;
    for (;;) {
      const std::string word = atom();
      if (word.empty()) return std::nullopt;
      out += word;
      if (!lexer_.at('.')) return out;
      lexer_.skip();
      out += '.';
    }
  }

  std::optional<std::string> domain_literal() {
    const std::string_view rest = lexer_.rest();
    const size_t end = rest.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view literal = rest.substr(0, end + 1);
    const bool plain = std::ranges::none_of(literal.substr(1), [](char c) {
      return c == '[' || c == '\\' || static_cast<unsigned char>(c) <= ' ';
    });
    if (!plain) return std::nullopt;
    for (size_t i = 0; i < literal.size(); ++i) lexer_.skip();
    return std::string(literal);
  }

  // A word of a phrase; dots are in many real ones ("John Q. Public").
  bool skip_word() {
    if (lexer_.at('"'))
      lexer_.quoted_string();
    else if (lexer_.at('.'))
      lexer_.skip();
    else if (atom().empty())
      return false;
    lexer_.skip_cfws();
    return true;
  }

  Rfc822Lexer lexer_;
};

bool has_line_end(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

bool is_dot_atom(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  return text.find("..") == std::string_view::npos &&
         std::ranges::all_of(text, [](char c) { return c == '.' || is_atom_character(c); });
}

}  // namespace

std::string quoted_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string MailAddress::addr_spec() const {
  std::string out;
  if (is_dot_atom(local) || local.empty()) {
    out = local;
  } else {
    out = quoted_string(local);
  }
  return domain.empty() ? out : out + '@' + domain;
}

std::optional<MailAddress> parse_sieve_address(std::string_view text) {
  if (has_line_end(text)) return std::nullopt;
  StrictReader reader(text);
  auto out = reader.mailbox();
  if (!out || !reader.at_end()) return std::nullopt;
  return out;
}

std::optional<std::vector<MailAddress>> parse_mailbox_list(std::string_view text) {
  if (has_line_end(text)) return std::nullopt;
  StrictReader reader(text);
  std::vector<MailAddress> out;
  do {
    auto mailbox = reader.mailbox();
    if (!mailbox) return std::nullopt;
    out.push_back(std::move(*mailbox));
  } while (reader.take_comma());
  if (!reader.at_end()) return std::nullopt;
  return out;
}

std::vector<MailAddress> addresses_in(std::string_view value) {
  std::vector<MailAddress> out;
  for (Address& address : parse_addresses(value)) {
    if (!address.host) continue;  // a group's start or end
    out.push_back({.local = address.mailbox.value_or(""),
                   .domain = std::move(*address.host),
                   .name = address.name.value_or("")});
  }
  return out;
}

MailAddress parse_path(std::string_view text) {
  // RFC 5228 §5.4: source routes are dropped.
  if (text.starts_with('@')) {
    const size_t colon = text.find(':');
    text.remove_prefix(colon == std::string_view::npos ? text.size() : colon + 1);
  }
  if (auto strict = parse_sieve_address(text)) return *strict;
  MailAddress out;
  const size_t at = text.rfind('@');
  out.local = text.substr(0, at);
  if (at != std::string_view::npos) out.domain = text.substr(at + 1);
  return out;
}

std::optional<std::string> part_of(const MailAddress& address, AddressPart part,
                                   std::string_view detail_separator) {
  if (part == AddressPart::kAll) return address.addr_spec();
  if (!address.is_valid()) return std::nullopt;
  if (part == AddressPart::kDomain) return address.domain;
  if (part == AddressPart::kLocalpart) return address.local;
  const size_t at =
      detail_separator.empty() ? std::string::npos : address.local.find(detail_separator);
  if (part == AddressPart::kUser) return address.local.substr(0, at);
  if (at == std::string::npos) return std::nullopt;
  return address.local.substr(at + detail_separator.size());
}

bool is_same_address(std::string_view a, std::string_view b) {
  return equals_ignoring_case(parse_path(a).addr_spec(), parse_path(b).addr_spec());
}

}  // namespace gemel::sieve
