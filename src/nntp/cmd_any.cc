// CAPABILITIES, DATE, HELP, MODE, QUIT (RFC 3977 §5 and §7, RFC 4644 §2.3).
#include <fmt/format.h>

#include <chrono>

#include "base/bytes.h"
#include "nntp/session.h"

namespace gemel::nntp {

void cmd_capabilities(Session& session, const Words&) {
  std::string out = "101 capabilities follow\r\nVERSION 2\r\n";
  out += fmt::format("IMPLEMENTATION Gemel {}\r\n", GEMEL_VERSION);
  // Before a login too, for some readers go away from a server that has nothing for them; what
  // needs one is answered with 480 (RFC 4643 §2.1).
  out += "READER\r\n";
  if (session.is_primary()) out += "POST\r\n";
  out += "HDR\r\nNEWNEWS\r\nOVER MSGID\r\nXPAT\r\n";
  out += "LIST ACTIVE ACTIVE.TIMES COUNTS DISTRIB.PATS HEADERS NEWSGROUPS OVERVIEW.FMT\r\n";
  if (session.peer() != nullptr) out += "IHAVE\r\nSTREAMING\r\n";
  // RFC 8054 §2.2.2: what a password compresses to tells of it; so no login behind COMPRESS.
  const bool may_log_in = session.userid().empty() && !session.is_compressed();
  if (may_log_in)
    out += session.may_send_password() ? "AUTHINFO USER SASL\r\n" : "AUTHINFO SASL\r\n";
  // RFC 4643 §2.2: the same after a login, so that a client sees whether somebody had changed them.
  if (may_log_in || !session.userid().empty())
    out += fmt::format("SASL {}\r\n", session.login().mechanisms(session.secrets()));
  if (may_log_in && session.env().can_tls && !session.env().is_tls) out += "STARTTLS\r\n";
  if (!session.is_compressed()) out += "COMPRESS DEFLATE\r\n";
  session.say(out + ".\r\n");
}

void cmd_date(Session& session, const Words&) {
  using namespace std::chrono;
  const sys_seconds now{seconds(session.options().clock.unix_s())};
  const sys_days day = floor<days>(now);
  const year_month_day date{day};
  const hh_mm_ss time{now - day};
  session.say(111,
              fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}", static_cast<int>(date.year()),
                          static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                          time.hours().count(), time.minutes().count(), time.seconds().count()));
}

void cmd_help(Session& session, const Words&) {
  session.say(
      "100 what is understood here\r\n"
      "ARTICLE|BODY|HEAD|STAT [number|<message-id>]\r\n"
      "AUTHINFO USER name|PASS password|SASL mechanism [response]\r\n"
      "CAPABILITIES\r\n"
      "CHECK|IHAVE|TAKETHIS <message-id>\r\n"
      "COMPRESS DEFLATE\r\n"
      "DATE\r\n"
      "GROUP newsgroup\r\n"
      "HDR|XHDR field [range|<message-id>]\r\n"
      "LIST [ACTIVE|ACTIVE.TIMES|COUNTS|NEWSGROUPS [wildmat]]\r\n"
      "LIST DISTRIB.PATS|HEADERS|OVERVIEW.FMT\r\n"
      "LISTGROUP [newsgroup [range]]\r\n"
      "MODE READER|STREAM\r\n"
      "NEWGROUPS date time [GMT]\r\n"
      "NEWNEWS wildmat date time [GMT]\r\n"
      "NEXT, LAST, POST, QUIT, STARTTLS\r\n"
      "OVER|XOVER [range|<message-id>]\r\n"
      "XPAT field range|<message-id> pattern [pattern ...]\r\n"
      ".\r\n");
}

void cmd_mode(Session& session, const Words& words) {
  if (equals_ignoring_case(words[1], "READER"))
    return session.say(session.is_primary() ? 200 : 201, "this server is for readers too");
  if (!equals_ignoring_case(words[1], "STREAM"))
    return session.refuse(501, "MODE takes READER or STREAM");
  if (session.peer() == nullptr)
    return session.refuse(session.userid().empty() ? 480 : 502, "streaming is for known servers");
  session.say(203, "stream");
}

void cmd_quit(Session& session, const Words&) {
  session.say(205, "goodbye");
  session.close();
}

}  // namespace gemel::nntp
