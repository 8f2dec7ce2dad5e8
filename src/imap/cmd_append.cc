// APPEND (RFC 3501 §6.3.11, RFC 3502, RFC 4469, RFC 4315 §3), REPLACE (RFC 8508). Literals were
// streamed before the command was whole.

#include <fmt/format.h>

#include "imap/quota.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

std::string append_uid(const AppendIntake::Taken& taken) {
  return fmt::format("[APPENDUID {} {}]", taken.uidvalidity.value, taken.uids.text());
}

}  // namespace

Status cmd_append(Session& session, Args& args) {
  TRY(AppendIntake intake, session.take_append(args));
  TRY_OK(session.check_limit(intake.messages()));
  TRY(const AppendIntake::Taken taken, std::move(intake).finish(session.options().clock.unix_s()));
  const Result<MailboxInfo> mailbox = session.store().find(taken.mailbox);
  if (mailbox) warn_of_quota(session, mailbox->name.owner);
  return Completion{.code = append_uid(taken)};
}

// REPLACE and UID REPLACE (RFC 8508): as APPEND, STORE \Deleted and EXPUNGE together.
Status cmd_replace(Session& session, Args& args) {
  TRY(const Bitmap uids, session.read_named(args));
  TRY(AppendIntake intake, session.take_append(args));
  if (intake.messages() > 1 || uids.cardinality() > 1)
    return fail(Code::kSyntax, "expected one message");
  if (uids.isEmpty()) return fail(Code::kGone, "there is no such message to replace");
  TRY_OK(session.check_writable({Right::kDeleteMessages, Right::kExpunge}));
  const BodyHolder old{.mailbox = session.view().id(), .uid = Uid(uids.minimum())};
  TRY(const AppendIntake::Taken taken,
      std::move(intake).finish(session.options().clock.unix_s(), old));
  const Result<MailboxInfo> mailbox = session.store().find(taken.mailbox);
  if (mailbox) warn_of_quota(session, mailbox->name.owner);
  // RFC 8508 §3.3: before the EXPUNGE.
  session.say(fmt::format("* OK {} replaced\r\n", append_uid(taken)));
  return Completion{.tell_modseq = TellModSeq::kYes};
}

}  // namespace gemel::imap
