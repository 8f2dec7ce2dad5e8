#include "outgoing/status_notice.h"

#include <fmt/format.h>

#include "mail/charset.h"
#include "mail/header_date.h"

namespace gemel::outgoing {

std::string status_notice(const StatusNotice& notice) {
  // RFC 6533 §3: an address that is not ASCII has a type of its own.
  const bool is_plain = is_ascii(notice.recipient);
  const std::string header_encoding = is_ascii(notice.header) ? "7bit" : "8bit";
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
      "\r\n"
      "--={3}=\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: 8bit\r\n"
      "\r\n"
      "Your message was accepted at {0} and could not be sent on to\r\n"
      "\r\n"
      "    <{4}>\r\n"
      "\r\n"
      "The last answer was: {5}\r\n"
      "\r\n"
      "--={3}=\r\n"
      "Content-Type: message/delivery-status\r\n"
      "\r\n"
      "Reporting-MTA: dns; {0}\r\n"
      "\r\n"
      "Final-Recipient: {6}; {4}\r\n"
      "Action: failed\r\n"
      "Status: 5.0.0\r\n"
      "Diagnostic-Code: smtp; {5}\r\n"
      "\r\n"
      "--={3}=\r\n"
      "Content-Type: text/rfc822-headers\r\n"
      "Content-Transfer-Encoding: {7}\r\n"
      "\r\n"
      "{8}\r\n"
      "--={3}=--\r\n",
      notice.hostname, notice.sender, header_date_text(notice.now_s), notice.id, notice.recipient,
      notice.reason, is_plain ? "rfc822" : "utf-8", header_encoding, notice.header);
}

}  // namespace gemel::outgoing
