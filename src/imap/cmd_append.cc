// APPEND (RFC 3501 §6.3.11, RFC 4315 §3), REPLACE (RFC 8508). Its message was streamed before the
// command was whole.

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

// REPLACE and UID REPLACE (RFC 8508): as APPEND, STORE \Deleted and EXPUNGE together.
Status cmd_replace(Session& session, Args& args) {
  std::optional<AppendIntake> intake = session.take_append();
  TRY(const Bitmap uids, session.read_named(args));
  TRY_OK(read_append(args.tokens));
  TRY_OK(args.tokens.end());
  if (!intake || uids.cardinality() > 1) return fail(Code::kSyntax, "expected one message");
  if (uids.isEmpty()) return fail(Code::kGone, "there is no such message to replace");
  TRY_OK(session.check_writable({Right::kDeleteMessages, Right::kExpunge}));
  const BodyHolder old{.mailbox = session.view().id(), .uid = Uid(uids.minimum())};
  TRY(const AppendIntake::Taken taken,
      std::move(*intake).finish(session.store(), session.options().clock.unix_s(), old));
  const Result<MailboxInfo> mailbox = session.store().find(taken.mailbox);
  if (mailbox) warn_of_quota(session, mailbox->name.owner);
  // RFC 8508 §3.3: before the EXPUNGE.
  session.say(fmt::format("* OK [APPENDUID {} {}] replaced\r\n", taken.appended.uidvalidity.value,
                          taken.appended.uid.value));
  return Completion{.tell_modseq = TellModSeq::kYes};
}

}  // namespace gemel::imap
