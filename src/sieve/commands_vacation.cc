// The action vacation. RFC 5230, RFC 6131, RFC 8580.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "mail/charset.h"
#include "mail/mime_header.h"
#include "sieve/commands.h"
#include "sieve/delivery_target.h"
#include "sieve/fields.h"
#include "sieve/mail_address.h"
#include "sieve/outgoing.h"
#include "sieve/tracking.h"

namespace gemel::sieve {
namespace {

constexpr uint64_t kDay = 86'400;
constexpr uint64_t kDefaultDays = 7;  // RFC 5230 §4.1
constexpr size_t kReferencesKept = 20;

// RFC 5230 §4.6: addresses that no person reads, by the local part.
bool is_machine(std::string_view local) {
  const std::string name = to_lower(local);
  constexpr std::array<std::string_view, 6> kNames = {"mailer-daemon", "listserv", "majordomo",
                                                      "noreply",       "no-reply", "donotreply"};
  return std::ranges::find(kNames, name) != kNames.end() || name.starts_with("owner-") ||
         name.ends_with("-owner") || name.ends_with("-request") || name.ends_with("-bounces");
}

/// Does a field say that a list or a program sent the message?
Result<bool> is_automatic(Machine& machine) {
  constexpr std::array<std::string_view, 7> kListFields = {
      "list-id",   "list-help",  "list-subscribe", "list-unsubscribe",
      "list-post", "list-owner", "list-archive"};
  TRY(const std::string_view header, machine.message().header());
  HeaderReader reader(header.substr(0, kHeaderBytesMax));
  while (const auto field = reader.next()) {
    const std::string name = to_lower(field->name);
    if (std::ranges::find(kListFields, name) != kListFields.end()) return true;
    const std::string value = to_lower(unfold(field->value));
    // RFC 3834 §5: "no" may have parameters behind it.
    if (name == "auto-submitted" && value.substr(0, value.find_first_of(" ;")) != "no") return true;
    if (name == "precedence" && (value == "bulk" || value == "list" || value == "junk"))
      return true;
    if (name == "x-auto-response-suppress" &&
        (value.find("all") != std::string::npos || value.find("oof") != std::string::npos ||
         value.find("autoreply") != std::string::npos))
      return true;
  }
  return false;
}

/// RFC 5230 §4.5: does a recipient field name the user?
Result<bool> is_for(Machine& machine, const std::vector<std::string>& addresses) {
  constexpr std::array<std::string_view, 6> kFields = {"to",        "cc",        "bcc",
                                                       "resent-to", "resent-cc", "resent-bcc"};
  TRY(const std::string_view header, machine.message().header());
  HeaderReader reader(header.substr(0, kHeaderBytesMax));
  while (const auto field = reader.next()) {
    if (std::ranges::find(kFields, to_lower(field->name)) == kFields.end()) continue;
    for (const MailAddress& each : addresses_in(unfold(field->value))) {
      TRY_OK(machine.budget().take(addresses.size()));
      const std::string text = each.addr_spec();
      for (const std::string& own : addresses)
        if (equals_ignoring_case(own, text)) return true;
    }
  }
  return false;
}

Result<std::vector<std::string>> own_addresses(Machine& machine, const Node& node) {
  const Delivery& delivery = machine.delivery();
  std::vector<std::string> out = delivery.user_addresses;
  out.push_back(delivery.envelope.to);
  if (const Argument* given = node.find(Tag::kAddresses)) {
    TRY(const std::vector<std::string> more, machine.texts(*given));
    out.insert(out.end(), more.begin(), more.end());
  }
  for (std::string& address : out) address = parse_path(address).addr_spec();
  return out;
}

/// Is there a person to answer, who wrote to this user?
Result<bool> may_answer(Machine& machine, const Node& node) {
  const MailAddress sender = parse_path(machine.delivery().envelope.from);
  if (!sender.is_valid() || is_machine(sender.local)) return false;
  TRY(const std::vector<std::string> own, own_addresses(machine, node));
  const std::string sender_text = sender.addr_spec();
  for (const std::string& address : own)
    if (equals_ignoring_case(address, sender_text)) return false;
  TRY_OK(machine.budget().take(own.size()));
  TRY(const std::string_view header, machine.message().header());
  TRY_OK(machine.budget().take_for(header));
  TRY(const bool automatic, is_automatic(machine));
  if (automatic) return false;
  return is_for(machine, own);
}

/// For how long the sender gets no other answer; RFC 5230 §4.1, RFC 6131 §2.
uint64_t period_of(Machine& machine, const Node& node) {
  const uint64_t longest = machine.limits().vacation_days_max * kDay;
  if (const Argument* seconds = node.find(Tag::kSeconds)) return std::min(seconds->number, longest);
  const Argument* given = node.find(Tag::kDays);
  const uint64_t days = given != nullptr ? given->number : kDefaultDays;
  return std::clamp<uint64_t>(days, 1, machine.limits().vacation_days_max) * kDay;
}

/// RFC 5230 §4.2: by the handle, else by the arguments before variables are put in.
Result<std::string> key_of(Machine& machine, const Node& node) {
  const std::string sender = to_lower(parse_path(machine.delivery().envelope.from).addr_spec());
  TRY(const auto handle, machine.string(node, Tag::kHandle));
  if (handle) return tracking_key('v', {sender, "handle", *handle});
  const auto source = [&](Tag tag) -> std::string_view {
    const Argument* argument = node.find(tag);
    return argument != nullptr ? std::string_view(argument->texts.front().source)
                               : std::string_view();
  };
  return tracking_key('v', {sender, "arguments", source(Tag::kSubject), source(Tag::kFrom),
                            node.has(Tag::kMime) ? "mime" : "", node.at(0).texts.front().source});
}

Result<std::string> subject_of(Machine& machine, const Node& node) {
  TRY(const auto given, machine.string(node, Tag::kSubject));
  if (given) return *given;
  TRY(const auto original, first_field(machine, "subject"));
  // RFC 5230 §5.3.
  return original && !original->empty() ? "Auto: " + *original : std::string("Automated reply");
}

/// RFC 5322 §3.6.4: the ids of the message's References (or its one In-Reply-To), then its own.
Result<void> add_references(Machine& machine, HeaderWriter& fields) {
  TRY(const std::string_view header, machine.message().header());
  const auto ids_of = [&](std::string_view name) {
    const auto field = find_field(header, name);
    return field ? message_ids_of(field->value) : std::vector<std::string>();
  };
  const std::vector<std::string> own = ids_of("message-id");
  if (own.empty()) return {};
  fields.add("In-Reply-To", own.front());
  std::vector<std::string> chain = ids_of("references");
  if (chain.empty() && ids_of("in-reply-to").size() == 1) chain = ids_of("in-reply-to");
  // The first one names the thread; of the others the latest are enough.
  if (chain.size() > kReferencesKept)
    chain.erase(chain.begin() + 1, chain.end() - static_cast<std::ptrdiff_t>(kReferencesKept) + 1);
  std::string text;
  for (const std::string& id : chain) text += id + ' ';
  fields.add("References", text + own.front());
  return {};
}

/// RFC 5230 §4.4: what of a MIME entity may be in the header, and its content.
std::string entity_of(std::string_view reason) {
  const std::string text = with_crlf(reason);
  HeaderReader reader(text);
  std::string out;
  while (const auto field = reader.next())
    if (to_lower(field->name).starts_with("content-"))
      out += text.substr(field->start, field->end - field->start);
  std::string content = text.substr(header_size(text));
  if (!content.ends_with("\r\n")) content += "\r\n";
  return out + "\r\n" + content;
}

Result<OutgoingMail> reply_for(Machine& machine, const Node& node, std::string_view reason) {
  const Delivery& delivery = machine.delivery();
  const std::string sender = parse_path(delivery.envelope.from).addr_spec();
  TRY(const auto from, machine.string(node, Tag::kFrom));
  if (from && !parse_mailbox_list(*from))
    return fail(Code::kInvalid, fmt::format("\"{}\" is no address", *from));
  TRY(const std::string subject, subject_of(machine, node));
  HeaderWriter fields;
  fields.add("Date", date_now(machine));
  fields.add("Message-ID", new_message_id(machine));
  fields.add("From", from ? address_list_field(*from) : user_address(delivery));
  fields.add("To", sender);
  fields.add_text("Subject", subject);
  fields.add("Auto-Submitted", "auto-replied");  // §5.6
  TRY_OK(add_references(machine, fields));
  fields.add("MIME-Version", "1.0");
  return OutgoingMail{
      .envelope_from = "",  // §5.1
      .envelope_to = {sender},
      .bytes = fields.take() + (node.has(Tag::kMime) ? entity_of(reason) : text_entity(reason))};
}

}  // namespace

Result<Flow> run_vacation(Machine& machine, const Node& node) {
  TRY_OK(machine.verdict().note_vacation());
  TRY(const bool answers, may_answer(machine, node));
  if (!answers) return Flow::kNext;
  TRY(std::string key, key_of(machine, node));
  const uint64_t period = period_of(machine, node);
  if (period > 0) {
    TRY(const bool answered, machine.environment().is_tracked(key));
    if (answered) return Flow::kNext;
  }
  TRY(const std::string reason, machine.string(node.at(0)));
  if (node.has(Tag::kMime) && !is_ascii(reason.substr(0, reason.find("\r\n\r\n"))))
    return fail(Code::kInvalid, "the header in the text of \":mime\" must be ASCII");
  Vacation action;
  TRY(action.reply, reply_for(machine, node, reason));
  if (period > 0)
    action.sent = Tracked{.key = std::move(key),
                          .expires_s = machine.delivery().now_s + static_cast<int64_t>(period)};
  TRY(action.fcc, copy_for(machine, node, action.reply));
  TRY_OK(machine.verdict().vacation(std::move(action)));
  return Flow::kNext;
}

}  // namespace gemel::sieve
