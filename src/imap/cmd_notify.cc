// NOTIFY (RFC 5465).

#include "imap/notify.h"
#include "imap/session.h"

namespace gemel::imap {

Status cmd_notify(Session& session, Args& args) {
  TRY(NotifyRequest request, read_notify(session, args.tokens));
  session.stop_notifying();
  session.choose_news();
  if (request.groups.empty()) return Completion();
  Notifier notifier(std::move(request), session.access());
  std::string text;
  TRY_OK(notifier.begin(session, text));
  // RFC 5465 §3.1: what came until now is told, also where nothing of the mailbox is from now on.
  if (session.has_view()) session.learn(Session::Expunges::kTell);
  session.say(std::move(text));
  session.notify_by(std::move(notifier));
  return Completion();
}

}  // namespace gemel::imap
