// IDLE (RFC 2177).

#include "base/bytes.h"
#include "imap/session.h"

namespace gemel::imap {

Status cmd_idle(Session& session, Args& args) {
  TRY_OK(args.tokens.end());
  session.say("+ idling\r\n");
  session.watch_mailbox();
  session.await_line([&session](std::string_view line) -> std::optional<Status> {
    session.stop_watching();
    if (!equals_ignoring_case(line, "DONE"))
      return fail(Code::kSyntax, "expected DONE; that line was not run");
    return Completion();
  });
  return Completion();
}

}  // namespace gemel::imap
