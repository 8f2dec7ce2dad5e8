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

std::string text_of(const Error& error) { return error.text; }

}  // namespace

void Session::cmd_lhlo(std::string_view argument, std::string& out) {
  if (!is_client_name(argument)) return refuse(out, {501, "5.5.4", "LHLO needs a domain"});
  reset();  // RFC 5321 §4.1.4
  state_ = kReady;
  client_name_ = argument;
  out += fmt::format(
      "250-{}\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-PIPELINING\r\n250 SIZE {}\r\n",
      options_.hostname, options_.message_bytes_max);
}

void Session::cmd_mail(std::string_view argument, std::string& out) {
  const Result<std::string_view> rest = after_keyword(argument, "FROM:");
  if (!rest) return refuse(out, {501, "5.5.4", text_of(rest.error())});
  const Result<Path> path = parse_path(*rest);
  if (!path) return refuse(out, {501, "5.1.7", text_of(path.error())});
  if (const Result<void> checked = mail_parameters(path->rest); !checked) {
    if (checked.error().code == Code::kTooBig) return say(out, reply_for(checked.error()));
    const bool is_unknown = checked.error().code == Code::kUnsupported;
    return refuse(out, {is_unknown ? 555 : 501, "5.5.4", text_of(checked.error())});
  }
  message_ = Message();
  message_.return_path = path->text;
  message_.id = to_hex(services_.random.bytes(8));
  state_ = kMail;
  say(out, {250, "2.1.0", "OK"});
}

// SIZE=n (RFC 1870 §3), BODY=7BIT and BODY=8BITMIME (RFC 6152 §2).
Result<void> Session::mail_parameters(std::string_view text) const {
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view parameter = text.substr(0, text.find(' '));
    text.remove_prefix(parameter.size());
    if (parameter.empty()) continue;
    const size_t equals = parameter.find('=');
    const std::string name = to_upper(parameter.substr(0, equals));
    const std::string value =
        equals == std::string_view::npos ? "" : to_upper(parameter.substr(equals + 1));
    if (name == "SIZE") {
      const Result<uint64_t> size = parse_number(value);
      if (!size) return fail(Code::kSyntax, "SIZE needs a number");
      if (*size > options_.message_bytes_max) return fail(Code::kTooBig, "the message is too big");
    } else if (name == "BODY") {
      if (value != "7BIT" && value != "8BITMIME")
        return fail(Code::kSyntax, "BODY is 7BIT or 8BITMIME");
    } else {
      return fail(Code::kUnsupported, "unknown parameter");
    }
  }
  return {};
}

void Session::cmd_rcpt(std::string_view argument, std::string& out) {
  const Result<std::string_view> rest = after_keyword(argument, "TO:");
  if (!rest) return refuse(out, {501, "5.5.4", text_of(rest.error())});
  const Result<Path> path = parse_path(*rest);
  if (!path) return refuse(out, {501, "5.1.3", text_of(path.error())});
  if (path->is_null()) return refuse(out, {501, "5.1.3", "a recipient can't be null"});
  if (path->rest.find_first_not_of(' ') != std::string_view::npos)
    return refuse(out, {555, "5.5.4", "unknown parameter"});
  // Said before the body crosses in vain; deliver() would say the same.
  if (services_.store.role() == Role::kReplica)
    return say(out, reply_for({Code::kReadOnly, "replica"}));
  // RFC 5321 §4.5.3.1.10: 452, and the client sends the rest with another message.
  if (message_.recipients.size() >= options_.recipients_max)
    return say(out, {452, "4.5.3", "too many recipients"});
  Result<Recipient> found =
      find_recipient(services_.store, options_.recipient_rules, path->address);
  // An unknown user is no bad command: a list server may have many of them.
  if (!found) return say(out, reply_for(found.error()));
  message_.recipients.push_back({path->text, std::move(*found)});
  state_ = kRecipients;
  say(out, {250, "2.1.5", "OK"});
}

void Session::cmd_data(std::string_view argument, std::string& out) {
  if (!argument.empty()) return refuse(out, {501, "5.5.4", "DATA takes no argument"});
  // RFC 2033 §4.2: 503 after a transaction whose recipients were all refused; it goes on with the
  // next one.
  if (state_ != kRecipients) return refuse(out, {503, "5.5.1", "no valid recipients"});
  start_body();
  state_ = kBody;
  say(out, {354, "", "go on, end with a dot"});
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
