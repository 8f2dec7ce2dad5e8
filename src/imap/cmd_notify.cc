// NOTIFY (RFC 5465).

#include "imap/notify.h"
#include "imap/session.h"

namespace gemel::imap {

Status cmd_notify(Session& session, Args& args) {
  TRY(NotifyRequest request, read_notify(session, args.tokens));
  session.stop_notifying();
  if (request.groups.empty()) return Completion();
  Notifier notifier(std::move(request), session.userid());
  std::string text;
  TRY_OK(notifier.begin(session, text));
  session.say(std::move(text));
  session.notify_by(std::move(notifier));
  return Completion();
}

}  // namespace gemel::imap
