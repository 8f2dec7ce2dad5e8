// The message that tells a sender of a rejection. RFC 5429 §2.2.1, RFC 8098 §3 (MDN).
#include <fmt/format.h>

#include "mail/charset.h"
#include "mail/mime_header.h"
#include "mail/transfer_encoding.h"
#include "sieve/fields.h"
#include "sieve/mail_address.h"
#include "sieve/outgoing.h"

namespace gemel::sieve {
namespace {

std::string disposition(Machine& machine, std::string_view header) {
  HeaderWriter fields;
  const Delivery& delivery = machine.delivery();
  fields.add("Reporting-UA", fmt::format("{}; Gemel", delivery.hostname));
  const std::string recipient = parse_path(delivery.envelope.to).addr_spec();
  fields.add("Final-Recipient",
             fmt::format("{}; {}", is_ascii(recipient) ? "rfc822" : "utf-8", recipient));
  const std::string id = field_text(header, "message-id");
  if (!id.empty()) fields.add("Original-Message-ID", id);
  // RFC 5429 §2.2.1: MUST be "deleted", sent and decided without a person.
  fields.add("Disposition", "automatic-action/MDN-sent-automatically; deleted");
  return fields.take();
}

}  // namespace

Result<std::optional<OutgoingMail>> rejection_notice(Machine& machine, std::string_view reason) {
  const Delivery& delivery = machine.delivery();
  const MailAddress sender = parse_path(delivery.envelope.from);
  // RFC 5429 §2.2.1: no MDN to the null path.
  if (!sender.is_valid()) return std::optional<OutgoingMail>();
  TRY(const std::string_view header, machine.message().original_header());
  const std::string boundary = fmt::format("{}.{}.reject", delivery.unique, machine.next_message());
  HeaderWriter fields;
  fields.add("Date", date_now(machine));
  fields.add("Message-ID", new_message_id(machine));
  // RFC 8098 §3: the address of the person that the notification speaks for.
  fields.add("From", user_address(delivery));
  fields.add("To", sender.addr_spec());
  fields.add_text("Subject", "Automatically rejected mail");
  fields.add("Auto-Submitted", "auto-replied (rejected)");
  const std::string id = field_text(header, "message-id");
  if (!id.empty()) fields.add("In-Reply-To", id);
  fields.add("MIME-Version", "1.0");
  fields.add("Content-Type",
             fmt::format("multipart/report; report-type=disposition-notification; boundary=\"{}\"",
                         boundary));
  const std::string_view returned = header.substr(0, kReturnedHeaderBytesMax);
  const std::string report = disposition(machine, header);
  // RFC 2045 §6.4: what holds eight-bit parts says so itself.
  if (!is_ascii(returned) || !is_ascii(report)) fields.add("Content-Transfer-Encoding", "8bit");
  std::string bytes = fields.take() + "\r\n";
  const std::string words = fmt::format(
      "Your message to {} was refused by the recipient's mail filtering program.\r\n"
      "The reason given is as follows:\r\n\r\n{}",
      parse_path(delivery.envelope.to).addr_spec(), reason);
  bytes += fmt::format("--{}\r\n{}", boundary, text_entity(words));
  // RFC 6533 §5: one that is not ASCII has a type of its own.
  bytes += fmt::format(
      "\r\n--{}\r\nContent-Type: message/{}disposition-notification\r\n"
      "Content-Transfer-Encoding: {}\r\n\r\n{}",
      boundary, is_ascii(report) ? "" : "global-", identity_encoding(report), report);
  bytes += fmt::format(
      "\r\n--{}\r\nContent-Type: text/rfc822-headers\r\n"
      "Content-Transfer-Encoding: {}\r\n\r\n{}",
      boundary, identity_encoding(returned), with_crlf(returned));
  bytes += fmt::format("\r\n--{}--\r\n", boundary);
  return std::optional(OutgoingMail{
      .envelope_from = "", .envelope_to = {sender.addr_spec()}, .bytes = std::move(bytes)});
}

}  // namespace gemel::sieve
