#include "mail/address.h"

#include <utility>

#include "mail/rfc822_lexer.h"

namespace gemel {
namespace {

std::optional<std::string> unless_empty(std::string text) {
  if (text.empty()) return std::nullopt;
  return text;
}

/// Words gathered until it is clear what they are: a display name, a group's name or a local part.
struct Words {
  std::string phrase;  // one space between words
  std::string local;   // no white space around dots (RFC 5322 §4.4, obs-local-part)
  bool quoted = false;

  bool empty() const { return phrase.empty() && !quoted; }
  void add(std::string_view word) {
    const bool dotted = word.starts_with('.') || local.ends_with('.');
    if (!phrase.empty()) phrase += ' ';
    if (!local.empty() && !dotted) local += ' ';
    phrase += word;
    local += word;
  }
  /// Behind the last word, with no white space between.
  void join(std::string_view text) {
    phrase += text;
    local += text;
  }
};

class AddressParser {
 public:
  explicit AddressParser(std::string_view text) : lexer_(text) {}
  std::vector<Address> run();

 private:
  void step();
  void gather_word();
  void read_angle();
  void read_at_sign();
  void finish_bare();
  void start_group();
  void end_group();
  std::string local_part();
  std::string domain(std::string_view stops);
  std::optional<std::string> route();
  void add(Address address);

  Rfc822Lexer lexer_;
  Words words_;
  bool in_group_ = false;
  std::vector<Address> out_;
};

std::vector<Address> AddressParser::run() {
  while (!lexer_.at_end() && out_.size() < kAddressesMax) step();
  if (out_.size() < kAddressesMax) finish_bare();
  if (in_group_) out_.emplace_back();
  return std::move(out_);
}

void AddressParser::step() {
  const std::string_view before = lexer_.rest();
  lexer_.skip_cfws();
  if (lexer_.at_end()) return;
  switch (lexer_.peek()) {
    case '<':
      return read_angle();
    case '@':
      return read_at_sign();
    case ':':
      return start_group();
    case ',':
      lexer_.skip();
      return finish_bare();
    case ';':
      lexer_.skip();
      finish_bare();
      return end_group();
    default: {
      // `a"b"c` is one local part to all who write it so; only white space separates words.
      const bool touches = lexer_.rest().size() == before.size() && !words_.empty();
      Words apart = touches ? std::exchange(words_, {}) : Words();
      gather_word();
      if (!touches) return;
      apart.join(words_.phrase);
      apart.quoted |= words_.quoted;
      words_ = std::move(apart);
    }
  }
}

void AddressParser::gather_word() {
  if (lexer_.at('"')) {
    words_.quoted = true;
    return words_.add(lexer_.quoted_string());
  }
  const std::string_view atom = lexer_.until(" \t\r\n()<>@,;:\"");
  if (!atom.empty()) return words_.add(atom);
  lexer_.skip();  // a ')' or '>' that closes nothing
}

/// The local part in angle brackets, up to '@', '>' or what can only belong to the next address.
std::string AddressParser::local_part() {
  Words local;
  for (;;) {
    lexer_.skip_cfws();
    if (lexer_.at('"')) {
      local.add(lexer_.quoted_string());
      continue;
    }
    const std::string_view atom = lexer_.until(" \t\r\n(\"@<>,;");
    if (atom.empty()) return std::move(local.local);
    local.add(atom);
  }
}

/// At a '@': the domain behind it, white space and comments taken out.
std::string AddressParser::domain(std::string_view stops) {
  lexer_.skip();
  std::string out;
  for (;;) {
    lexer_.skip_cfws();
    if (lexer_.at('[')) {  // RFC 5322 §3.4.1, domain-literal
      out += lexer_.until("] \t\r\n");
      if (lexer_.at(']')) out += ']';
      if (lexer_.at(']')) lexer_.skip();
      continue;
    }
    const bool goes_on = out.empty() || out.ends_with('.') || lexer_.at('.');
    if (!goes_on) return out;
    const std::string_view label = lexer_.until(stops);
    if (label.empty()) return out;
    out += label;
  }
}

/// At a '@' in angle brackets: "@a,@b:" if that is what stands there.
std::optional<std::string> AddressParser::route() {
  Rfc822Lexer ahead = lexer_;
  std::string text(ahead.until(":<>;"));
  if (!ahead.at(':')) return std::nullopt;
  ahead.skip();
  lexer_ = ahead;
  std::erase_if(text, is_white_space);
  return text;
}

void AddressParser::read_angle() {
  lexer_.skip();
  Address address{.name = unless_empty(std::exchange(words_, {}).phrase),
                  .route = {},
                  .mailbox = {},
                  .host = std::string()};
  lexer_.skip_cfws();
  if (lexer_.at('@')) address.route = route();
  address.mailbox = local_part();
  if (lexer_.at('@')) address.host = domain(" \t\r\n(<>,;");
  lexer_.skip_cfws();
  lexer_.until(">,;<");
  if (lexer_.at('>')) lexer_.skip();
  lexer_.skip_cfws();
  std::string comment = lexer_.take_comment();
  if (!address.name) address.name = unless_empty(std::move(comment));
  add(std::move(address));
}

void AddressParser::read_at_sign() {
  Words words = std::exchange(words_, {});
  std::string host = domain(" \t\r\n()<>,;:\"");
  lexer_.skip_cfws();
  if (lexer_.at('<')) {  // `a@b <a@b>`: the first is a name that should have been quoted
    words_ = std::move(words);
    words_.join("@" + host);
    return;
  }
  add({.name = unless_empty(lexer_.take_comment()),
       .route = {},
       .mailbox = std::move(words.local),
       .host = std::move(host)});
}

void AddressParser::finish_bare() {
  std::string comment = lexer_.take_comment();
  if (words_.empty()) return;
  add({.name = unless_empty(std::move(comment)),
       .route = {},
       .mailbox = std::exchange(words_, {}).local,
       .host = std::string()});
}

void AddressParser::start_group() {
  lexer_.skip();
  lexer_.take_comment();
  std::string name = std::exchange(words_, {}).phrase;
  if (in_group_) return;  // groups don't nest (RFC 5322 §3.4)
  in_group_ = true;
  out_.push_back({.name = {}, .route = {}, .mailbox = std::move(name), .host = {}});
}

void AddressParser::end_group() {
  if (!in_group_) return;  // some write ';' where ',' should be
  in_group_ = false;
  out_.emplace_back();
}

void AddressParser::add(Address address) { out_.push_back(std::move(address)); }

}  // namespace

std::vector<Address> parse_addresses(std::string_view text) { return AddressParser(text).run(); }

}  // namespace gemel
