#include "outgoing/status_notice.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/bytes.h"
#include "mail/charset.h"
#include "mail/header_date.h"
#include "mail/transfer_encoding.h"

namespace gemel::outgoing {
namespace {

/// "550" or "550 ...": an SMTP reply, not our own words.
bool is_reply(std::string_view reason) {
  return reason.size() >= 3 && std::ranges::all_of(reason.substr(0, 3), is_digit) &&
         (reason.size() == 3 || reason[3] == ' ');
}

/// RFC 2034 §4: the code behind the reply's own, of its class; empty if there is none.
std::string_view enhanced_code_in(std::string_view reason) {
  if (!is_reply(reason) || reason.size() < 4) return {};
  std::string_view code = reason.substr(4);
  code = code.substr(0, code.find(' '));
  // class "." subject "." detail, of 1 to 3 digits (RFC 3463 §2)
  std::string_view rest = code;
  for (int part = 0; part < 3; ++part) {
    const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const bool is_last = part == 2;
    const bool ends_well = is_last ? digits == rest.size() : rest.substr(digits).starts_with('.');
    if (digits == 0 || digits > 3 || !ends_well) return {};
    rest.remove_prefix(is_last ? digits : digits + 1);
  }
  return code[0] == reason[0] && code[1] == '.' ? code : std::string_view();
}

std::string_view status_of(const StatusNotice& notice) {
  if (const std::string_view code = enhanced_code_in(notice.reason); !code.empty()) return code;
  // RFC 3463 §3.5: the time is over.
  return notice.ending == StatusNotice::Ending::kTimeIsOver ? "4.4.7" : "5.0.0";
}

/// RFC 3464 §2; RFC 6533 §3 where the address is not ASCII.
std::string status_part(const StatusNotice& notice) {
  const bool is_plain = is_ascii(notice.recipient);
  const std::string diagnostic =
      is_reply(notice.reason) ? fmt::format("Diagnostic-Code: smtp; {}\r\n", notice.reason) : "";
  return fmt::format(
      "Content-Type: message/{}\r\n"
      "Content-Transfer-Encoding: {}\r\n"
      "\r\n"
      "Reporting-MTA: dns; {}\r\n"
      "\r\n"
      "Final-Recipient: {}; {}\r\n"
      "Action: failed\r\n"
      "Status: {}\r\n"
      "{}",
      is_plain ? "delivery-status" : "global-delivery-status", identity_encoding(notice.recipient),
      notice.hostname, is_plain ? "rfc822" : "utf-8", notice.recipient, status_of(notice),
      diagnostic);
}

}  // namespace

std::string status_notice(const StatusNotice& notice) {
  // RFC 2045 §6.4: what holds eight-bit parts says so itself.
  const bool is_plain = is_ascii(notice.recipient) && is_ascii(notice.header);
  return fmt::format(
      "From: Mail delivery <postmaster@{0}>\r\n"
      "To: <{1}>\r\n"
      "Subject: Your message could not be delivered\r\n"
      "Date: {2}\r\n"
      "Message-ID: <returned.{3}@{0}>\r\n"
      "Auto-Submitted: auto-replied\r\n"
      "MIME-Version: 1.0\r\n"
      "Content-Type: multipart/report; report-type=delivery-status;\r\n"
      "\tboundary=\"={3}=\"\r\n"
      "Content-Transfer-Encoding: {6}\r\n"
      "\r\n"
      "--={3}=\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: {7}\r\n"
      "\r\n"
      "Your message was accepted at {0} and could not be sent on to\r\n"
      "\r\n"
      "    <{4}>\r\n"
      "\r\n"
      "The last answer was: {5}\r\n"
      "\r\n"
      "--={3}=\r\n"
      "{8}"
      "\r\n"
      "--={3}=\r\n"
      "Content-Type: text/rfc822-headers\r\n"
      "Content-Transfer-Encoding: {9}\r\n"
      "\r\n"
      "{10}\r\n"
      "--={3}=--\r\n",
      notice.hostname, notice.sender, header_date_text(notice.now_s), notice.id, notice.recipient,
      notice.reason, is_plain ? "7bit" : "8bit", identity_encoding(notice.recipient),
      status_part(notice), identity_encoding(notice.header), notice.header);
}

}  // namespace gemel::outgoing
