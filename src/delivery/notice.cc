#include "delivery/notice.h"

#include <fmt/format.h>

#include "mail/charset.h"
#include "mail/encoded_word.h"
#include "mail/header_date.h"

namespace gemel::delivery {

std::string first_of_line(std::string_view line) {
  if (line.size() <= kMistakeLineBytesMax) return std::string(line);
  return std::string(whole_characters(line, kMistakeLineBytesMax)) + "...";
}

namespace {

/// Lines, none of them too long, as many as there is room for.
std::string shown(std::string_view mistakes) {
  std::string out;
  for (;;) {
    const size_t end = mistakes.find("\r\n");
    const std::string line = first_of_line(mistakes.substr(0, end));
    if (out.size() + line.size() + 5 > kMistakesBytesMax) return out + "...";
    out += line;
    if (end == std::string_view::npos) return out;
    out += "\r\n";
    mistakes.remove_prefix(end + 2);
  }
}

}  // namespace

std::string script_notice(const ScriptNotice& notice) {
  const std::string subject = fmt::format("Your Sieve script \"{}\" does not work", notice.script);
  return fmt::format(
      "From: Mail delivery <postmaster@{0}>\r\n"
      "To: <{1}>\r\n"
      "Subject: {2}\r\n"
      "Date: {3}\r\n"
      "Message-ID: <script.{4}@{0}>\r\n"
      "Auto-Submitted: auto-generated\r\n"
      "MIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: 8bit\r\n"
      "\r\n"
      "Your active Sieve script could not be run on a message that came for you.\r\n"
      "The message is in your INBOX, as all others will be until the script is corrected:\r\n"
      "\r\n"
      "script \"{5}\"\r\n"
      "{6}\r\n"
      "\r\n"
      "You get this message once a day while it lasts.\r\n",
      notice.hostname, notice.to, is_ascii(subject) ? subject : encode_words(subject),
      header_date_text(notice.now_s), notice.id, notice.script, shown(notice.mistakes));
}

}  // namespace gemel::delivery
