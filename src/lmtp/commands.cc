// The commands of an LMTP session, one function each.
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "lmtp/session.h"

namespace gemel::lmtp {
namespace {

// RFC 5321 §4.1.1.1: a domain or an address literal. It goes into the Received field, so that only
// what can't break a header line is taken.
bool is_client_name(std::string_view name) {
  constexpr size_t kClientNameBytesMax = 255;
  return !name.empty() && name.size() <= kClientNameBytesMax &&
         std::ranges::all_of(name,
                             [](char c) { return c > ' ' && c <= '~' && c != '(' && c != ')'; });
}

// Takes "FROM:" or "TO:" off the argument, in any case; a space after it is a common mistake that
// does no harm.
Result<std::string_view> after_keyword(std::string_view argument, std::string_view keyword) {
  if (argument.size() < keyword.size() ||
      !equals_ignoring_case(argument.substr(0, keyword.size()), keyword))
    return fail(Code::kSyntax, fmt::format("{} is missing", keyword));
  argument.remove_prefix(keyword.size());
  while (argument.starts_with(' ')) argument.remove_prefix(1);
  return argument;
}

// " NAME=VALUE NAME": one after the other, until there is none.
struct Parameter {
  std::string name;  // upper case
  std::string value;
};
std::optional<Parameter> take_parameter(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  if (text.empty()) return std::nullopt;
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  const size_t equals = word.find('=');
  return Parameter{
      .name = to_upper(word.substr(0, equals)),
      .value = std::string(equals == std::string_view::npos ? "" : word.substr(equals + 1))};
}

Reply parameter_refusal(const Error& error) {
  if (error.code == Code::kTooBig) return reply_for(error);
  return {error.code == Code::kUnsupported ? 555 : 501, "5.5.4", error.text};
}

// RFC 6531 §3.5: an address that is not ASCII needs SMTPUTF8.
Reply path_refusal(const Error& error, std::string_view path, std::string_view enhanced) {
  const bool is_ascii_only =
      std::ranges::all_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (is_ascii_only) return {501, enhanced, error.text};
  return {553, "5.6.7", "the address is not ASCII, and MAIL did not say SMTPUTF8"};
}

// RFC 6531 §3.4: the parameter may stand anywhere behind the path, which it decides about.
AddressCharset charset_of(std::string_view argument) {
  const size_t end = argument.rfind('>');
  std::string_view rest =
      end == std::string_view::npos ? std::string_view() : argument.substr(end + 1);
  while (const std::optional<Parameter> parameter = take_parameter(rest))
    if (parameter->name == "SMTPUTF8") return AddressCharset::kUtf8;
  return AddressCharset::kAscii;
}

}  // namespace

void Session::cmd_lhlo(std::string_view argument, std::string& out) {
  if (!is_client_name(argument)) return refuse(out, {501, "5.5.4", "LHLO needs a domain"});
  reset();  // RFC 5321 §4.1.4
  state_ = kReady;
  client_name_ = argument;
  std::string more;
  if (env_.can_tls && !env_.is_tls) more += "250-STARTTLS\r\n";
  if (login_ && userid_.empty())
    more += fmt::format("250-AUTH {}\r\n", login_->mechanisms(secrets()));
  out += fmt::format(
      "250-{}\r\n250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n"
      "250-IGNOREQUOTA\r\n250-PIPELINING\r\n{}250-SIZE {}\r\n250 SMTPUTF8\r\n",
      options_.hostname, more, options_.message_bytes_max);
}

void Session::cmd_mail(std::string_view argument, std::string& out) {
  if (options_.auth == Options::Auth::kRequired && userid_.empty())
    return refuse(out, {530, "5.7.0", "log in first"});
  const Result<std::string_view> rest = after_keyword(argument, "FROM:");
  if (!rest) return refuse(out, {501, "5.5.4", rest.error().text});
  const Result<EnvelopePath> path = parse_path(*rest, charset_of(*rest));
  if (!path) return refuse(out, path_refusal(path.error(), *rest, "5.1.7"));
  const Result<MailParameters> parameters = mail_parameters(path->rest);
  if (!parameters && parameters.error().code == Code::kTooBig)
    return say(out, parameter_refusal(parameters.error()));
  if (!parameters) return refuse(out, parameter_refusal(parameters.error()));
  message_ = Message();
  message_.return_path = path->text;
  message_.id = to_hex(services_.random.bytes(8));
  message_.charset = parameters->charset;
  message_.kind = parameters->kind;
  state_ = kMail;
  say(out, {250, "2.1.0", "OK"});
}

// SIZE=n (RFC 1870 §3); BODY=7BIT, 8BITMIME (RFC 6152 §2), BINARYMIME (RFC 3030 §3); SMTPUTF8 (RFC
// 6531 §3.4); AUTH=x (RFC 4954 §5: who submitted it is of no use to a mailbox).
Result<Session::MailParameters> Session::mail_parameters(std::string_view text) const {
  MailParameters out;
  while (const std::optional<Parameter> parameter = take_parameter(text)) {
    const std::string& name = parameter->name;
    const std::string value = to_upper(parameter->value);
    if (name == "SIZE") {
      const Result<uint64_t> size = parse_number(value);
      if (!size) return fail(Code::kSyntax, "SIZE needs a number");
      if (*size > options_.message_bytes_max) return fail(Code::kTooBig, "the message is too big");
    } else if (name == "BODY") {
      if (value != "7BIT" && value != "8BITMIME" && value != "BINARYMIME")
        return fail(Code::kSyntax, "BODY is 7BIT, 8BITMIME or BINARYMIME");
      if (value == "BINARYMIME") out.kind = BodyKind::kBinary;
    } else if (name == "SMTPUTF8") {
      if (!value.empty()) return fail(Code::kSyntax, "SMTPUTF8 takes no value");
      out.charset = AddressCharset::kUtf8;
    } else if (name != "AUTH" || value.empty()) {
      return fail(Code::kUnsupported, "unknown parameter");
    }
  }
  return out;
}

Result<MailStore::Filing::Quota> Session::recipient_parameters(std::string_view text) const {
  auto quota = MailStore::Filing::Quota::kChecked;
  while (const std::optional<Parameter> parameter = take_parameter(text)) {
    if (parameter->name != "IGNOREQUOTA" || !parameter->value.empty())
      return fail(Code::kUnsupported, "unknown parameter");
    quota = MailStore::Filing::Quota::kIgnored;
  }
  return quota;
}

void Session::cmd_rcpt(std::string_view argument, std::string& out) {
  const Result<std::string_view> rest = after_keyword(argument, "TO:");
  if (!rest) return refuse(out, {501, "5.5.4", rest.error().text});
  const Result<EnvelopePath> path = parse_path(*rest, message_.charset);
  if (!path) return refuse(out, path_refusal(path.error(), *rest, "5.1.3"));
  if (path->is_null()) return refuse(out, {501, "5.1.3", "a recipient can't be null"});
  const Result<MailStore::Filing::Quota> quota = recipient_parameters(path->rest);
  if (!quota) return refuse(out, parameter_refusal(quota.error()));
  // Said before the body crosses in vain; deliver() would say the same.
  if (services_.store.role() == Role::kReplica)
    return say(out, reply_for({Code::kReadOnly, "replica"}));
  // RFC 5321 §4.5.3.1.10: 452, and the client sends the rest with another message.
  if (message_.recipients.size() >= options_.recipients_max)
    return say(out, {452, "4.5.3", "too many recipients"});
  Result<delivery::Recipient> found = services_.deliverer.find(path->address);
  // An unknown user is no bad command: a list server may have many of them.
  if (!found) return say(out, reply_for(found.error()));
  message_.recipients.push_back({.address = path->text,
                                 .parsed = path->address,
                                 .means = *std::move(found),
                                 .quota = *quota});
  state_ = kRecipients;
  say(out, {250, "2.1.5", "OK"});
}

void Session::cmd_data(std::string_view argument, std::string& out) {
  if (!argument.empty()) return refuse(out, {501, "5.5.4", "DATA takes no argument"});
  // RFC 2033 §4.2: 503 after a transaction whose recipients were all refused; it goes on with the
  // next one.
  if (state_ != kRecipients) return refuse(out, {503, "5.5.1", "no valid recipients"});
  // RFC 3030 §3: lines are what a binary message does not have.
  if (message_.kind == BodyKind::kBinary)
    return refuse(out, {503, "5.5.1", "a binary message comes by BDAT"});
  start_body();
  state_ = kBody;
  say(out, {354, "", "go on, end with a dot"});
}

// RFC 3030 §2: the bytes follow whatever the answer will be, and are read.
void Session::cmd_bdat(std::string_view argument, std::string& out) {
  const size_t space = argument.find(' ');
  const Result<uint64_t> size = parse_number(argument.substr(0, space));
  const std::string_view word =
      space == std::string_view::npos ? std::string_view() : argument.substr(space + 1);
  if (!size || (!word.empty() && !equals_ignoring_case(word, "LAST"))) {
    // Nobody knows how many bytes to pass over: what follows is not to be taken for commands.
    refuse(out, {501, "5.5.4", "BDAT needs a size, and LAST or nothing"});
    return close_with({421, "4.7.0", "lost in the stream"});
  }
  chunk_ = {.left = *size, .place = word.empty() ? Chunk::Place::kMiddle : Chunk::Place::kLast};
  if (*size > kRefusedChunkBytesMax && *size > options_.message_bytes_max) {
    say(out, reply_for({Code::kTooBig, ""}));
    return close_with({421, "4.7.0", "the chunk is too big"});
  }
  if (state_ == kRecipients)
    start_body();
  else if (state_ != kChunks)
    chunk_.refusal = Reply{503, "5.5.1", state_ == kStart ? "LHLO first" : "no valid recipients"};
  chunk_.back = state_;
  state_ = kChunk;
}

void Session::cmd_rset(std::string_view argument, std::string& out) {
  if (!argument.empty()) return refuse(out, {501, "5.5.4", "RSET takes no argument"});
  reset();
  say(out, {250, "2.0.0", "OK"});
}

void Session::cmd_noop(std::string_view, std::string& out) { say(out, {250, "2.0.0", "OK"}); }

// RFC 5321 §3.5.3: whether an address exists is told to those who have mail for it.
void Session::cmd_vrfy(std::string_view argument, std::string& out) {
  if (argument.empty()) return refuse(out, {501, "5.5.4", "VRFY needs an argument"});
  say(out, {252, "2.5.0", "send it mail and see"});
}

void Session::cmd_quit(std::string_view, std::string&) {
  close_with({221, "2.0.0", fmt::format("{} goodbye", options_.hostname)});
}

}  // namespace gemel::lmtp
