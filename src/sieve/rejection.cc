// The message that tells a sender of a rejection. RFC 5429 §2.2.1, RFC 8098 §3 (MDN).
#include <fmt/format.h>

#include "mail/mime_header.h"
#include "sieve/fields.h"
#include "sieve/mail_address.h"
#include "sieve/outgoing.h"

namespace gemel::sieve {
namespace {

std::string disposition(Machine& machine, std::string_view header) {
  HeaderWriter fields;
  const Delivery& delivery = machine.delivery();
  fields.add("Reporting-UA", fmt::format("{}; Gemel", delivery.hostname));
  fields.add("Final-Recipient",
             fmt::format("rfc822; {}", parse_path(delivery.envelope.to).addr_spec()));
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
  std::string bytes = fields.take() + "\r\n";
  const std::string words = fmt::format(
      "Your message to {} was refused by the recipient's mail filtering program.\r\n"
      "The reason given is as follows:\r\n\r\n{}",
      parse_path(delivery.envelope.to).addr_spec(), reason);
  bytes += fmt::format("--{}\r\n{}", boundary, text_entity(words));
  bytes += fmt::format("\r\n--{}\r\nContent-Type: message/disposition-notification\r\n\r\n{}",
                       boundary, disposition(machine, header));
  bytes += fmt::format(
      "\r\n--{}\r\nContent-Type: text/rfc822-headers\r\n"
      "Content-Transfer-Encoding: 8bit\r\n\r\n{}",
      boundary, with_crlf(header.substr(0, kReturnedHeaderBytesMax)));
  bytes += fmt::format("\r\n--{}--\r\n", boundary);
  return std::optional(OutgoingMail{
      .envelope_from = "", .envelope_to = {sender.addr_spec()}, .bytes = std::move(bytes)});
}

}  // namespace gemel::sieve
