// APPEND (RFC 3501 §6.3.11, RFC 4315 §3). Its message was streamed before the command was whole.

#include <fmt/format.h>

#include "imap/quota.h"
#include "imap/session.h"

namespace gemel::imap {

Status cmd_append(Session& session, Args& args) {
  std::optional<AppendIntake> intake = session.take_append();
  TRY_OK(read_append(args.tokens));
  TRY_OK(args.tokens.end());
  // A literal that was kept was no message: the arguments before it were wrong then.
  if (!intake) return fail(Code::kSyntax, "expected a message");
  TRY(const AppendIntake::Taken taken,
      std::move(*intake).finish(session.store(), session.options().clock.unix_s()));
  const Result<MailboxInfo> mailbox = session.store().find(taken.mailbox);
  if (mailbox) warn_of_quota(session, mailbox->name.owner);
  return Completion{.code = fmt::format("[APPENDUID {} {}]", taken.appended.uidvalidity.value,
                                        taken.appended.uid.value)};
}

}  // namespace gemel::imap
