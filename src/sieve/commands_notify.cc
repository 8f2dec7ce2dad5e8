// The action notify, by mailto. RFC 5435, RFC 5436, RFC 8580.
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "sieve/commands.h"
#include "sieve/delivery_target.h"
#include "sieve/fields.h"
#include "sieve/mail_address.h"
#include "sieve/mailto.h"
#include "sieve/outgoing.h"

namespace gemel::sieve {
namespace {

/// RFC 5435 §3.5: "name=value", the name of letters, digits, ".", "-", "_".
bool is_option(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos) return false;
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return is_letter(text.front()) && std::ranges::all_of(text.substr(1, equals - 1), [&](char c) {
           return is_letter(c) || c == '.' || c == '-' || c == '_';
         });
}

/// RFC 5436 §2.7: a notification must not notify.
Result<bool> is_automatic(Machine& machine) {
  TRY(const auto value, first_field(machine, "auto-submitted"));
  if (!value) return false;
  return !equals_ignoring_case(value->substr(0, value->find_first_of(" ;")), "no");
}

struct Sender {
  std::string envelope;
  std::string field;
};

Result<Sender> sender_for(Machine& machine, const Node& node) {
  const Delivery& delivery = machine.delivery();
  Sender out = {.envelope = user_address(delivery), .field = user_address(delivery)};
  TRY(const auto from, machine.string(node, Tag::kFrom));
  if (from) {
    const auto addresses = parse_mailbox_list(*from);
    if (!addresses) return fail(Code::kInvalid, fmt::format("\"{}\" is no address", *from));
    out = {.envelope = addresses->front().addr_spec(), .field = address_list_field(*from)};
  }
  // RFC 5436 §2.7: against loops.
  if (delivery.envelope.from.empty()) out.envelope.clear();
  return out;
}

Result<std::string> subject_for(Machine& machine, const Node& node, const Mailto& method) {
  TRY(const auto message, machine.string(node, Tag::kMessage));
  if (message) return *message;
  if (method.subject) return *method.subject;
  TRY(const auto original, first_field(machine, "subject"));
  return original.value_or("New message");
}

/// What RFC 5435 §3.6 recommends where the method has no body.
Result<std::string> body_for(Machine& machine, const Mailto& method) {
  if (method.body) return *method.body;
  TRY(const auto from, first_field(machine, "from"));
  TRY(const auto subject, first_field(machine, "subject"));
  return fmt::format("From: {}\r\nSubject: {}\r\n", from.value_or(""), subject.value_or(""));
}

/// "low", "normal" or "high"; errors: kInvalid.
Result<std::string_view> importance_of(Machine& machine, const Node& node) {
  TRY(const auto given, machine.string(node, Tag::kImportance));
  if (!given || *given == "2") return std::string_view("normal");
  if (*given == "1") return std::string_view("high");
  if (*given == "3") return std::string_view("low");
  return fail(Code::kInvalid, fmt::format("\":importance\" can't be \"{}\"", *given));
}

std::string joined_addresses(const std::vector<std::string>& addresses) {
  std::string out;
  for (const std::string& each : addresses) (out += out.empty() ? "" : ", ") += each;
  return out;
}

std::string with_capital(std::string_view name) {
  return to_upper(name.substr(0, 1)) + std::string(name.substr(1));
}

Result<OutgoingMail> mail_for(Machine& machine, const Node& node, const Mailto& method) {
  TRY(const Sender sender, sender_for(machine, node));
  TRY(const std::string_view importance, importance_of(machine, node));
  TRY(const std::string subject, subject_for(machine, node, method));
  TRY(const std::string body, body_for(machine, method));
  HeaderWriter fields;
  // RFC 5436 §2.7.1.
  fields.add("Auto-Submitted",
             "auto-notified; owner-email=" + quoted_string(user_address(machine.delivery())));
  fields.add("Date", date_now(machine));
  fields.add("Message-ID", new_message_id(machine));
  fields.add("From", sender.field);
  if (!method.to.empty()) fields.add("To", joined_addresses(method.to));
  if (!method.cc.empty()) fields.add("Cc", joined_addresses(method.cc));
  fields.add_text("Subject", subject);
  if (importance != "normal") fields.add("Importance", importance);
  for (const auto& [name, value] : method.headers) fields.add_text(with_capital(name), value);
  fields.add("MIME-Version", "1.0");
  OutgoingMail out = {.envelope_from = sender.envelope,
                      .envelope_to = method.to,
                      .bytes = fields.take() + text_entity(body)};
  out.envelope_to.insert(out.envelope_to.end(), method.cc.begin(), method.cc.end());
  return out;
}

}  // namespace

Result<std::optional<FileInto>> copy_for(Machine& machine, const Node& node,
                                         const OutgoingMail& mail) {
  const Argument* mailbox = node.find(Tag::kFcc);
  if (mailbox == nullptr) return std::optional<FileInto>();
  TRY(FileInto out, target_for(machine, node, *mailbox));
  // RFC 8580 §3.2: only flags that are given with it, not those of the message at hand.
  if (node.has(Tag::kFlags)) {
    TRY(out.flags, flags_for(machine, node));
  }
  out.message = std::make_shared<const std::string>(mail.bytes);
  return std::optional(std::move(out));
}

Result<Flow> run_notify(Machine& machine, const Node& node) {
  TRY(const std::string uri, machine.string(node.at(0)));
  auto method = parse_mailto(uri);
  if (!method) return fail(Code::kInvalid, fmt::format("can't notify by \"{}\"", uri));
  if (const Argument* options = node.find(Tag::kOptions)) {
    TRY(const std::vector<std::string> given, machine.texts(*options));
    for (const std::string& option : given)
      if (!is_option(option))
        return fail(Code::kInvalid, fmt::format("\"{}\" is no option", option));
  }
  TRY(const bool automatic, is_automatic(machine));
  if (automatic) return Flow::kNext;
  // RFC 5436 §2.7: one notification for each address.
  const auto is_told = [&](const std::string& to) { return machine.verdict().notifies(to); };
  std::erase_if(method->to, is_told);
  std::erase_if(method->cc, is_told);
  if (method->to.empty() && method->cc.empty()) return Flow::kNext;
  Notify action;
  TRY(action.mail, mail_for(machine, node, *method));
  TRY(action.fcc, copy_for(machine, node, action.mail));
  TRY_OK(machine.verdict().notify(std::move(action)));
  return Flow::kNext;
}

}  // namespace gemel::sieve
