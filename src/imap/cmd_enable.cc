// ENABLE (RFC 5161, RFC 7162 §3.1 and §3.2.3, RFC 9586 §3, RFC 9051 §6.3.1,
// RFC 6855 §3).

#include <fmt/format.h>

#include "base/bytes.h"
#include "imap/session.h"

namespace gemel::imap {

Status cmd_enable(Session& session, Args& args) {
  Features wanted = session.features();
  do {
    TRY_OK(args.tokens.space());
    TRY(const std::string_view word, args.tokens.atom());
    // RFC 5161 §3.1: what is not known is passed over.
    if (equals_ignoring_case(word, "CONDSTORE")) wanted.condstore = true;
    // RFC 7162 §3.2.3: QRESYNC brings CONDSTORE along.
    if (equals_ignoring_case(word, "QRESYNC")) wanted.qresync = wanted.condstore = true;
    if (equals_ignoring_case(word, "IMAP4rev2")) wanted.rev2 = true;
    if (equals_ignoring_case(word, "UTF8=ACCEPT")) wanted.utf8 = true;
    if (equals_ignoring_case(word, "UIDONLY")) wanted.uidonly = true;
  } while (!args.tokens.at_end());
  Features& have = session.features();
  std::string enabled;
  if (wanted.condstore && !have.condstore) {
    enabled += " CONDSTORE";
    session.enable_condstore();
  }
  if (wanted.qresync && !have.qresync) enabled += " QRESYNC";
  if (wanted.rev2 && !have.rev2) enabled += " IMAP4rev2";
  if (wanted.utf8 && !have.utf8) enabled += " UTF8=ACCEPT";
  if (wanted.uidonly && !have.uidonly) enabled += " UIDONLY";
  have = wanted;
  session.say(fmt::format("* ENABLED{}\r\n", enabled));
  return Completion();
}

}  // namespace gemel::imap
