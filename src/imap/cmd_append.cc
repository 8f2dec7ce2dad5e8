// APPEND (RFC 3501 §6.3.11, RFC 3502, RFC 4469, RFC 4315 §3), REPLACE (RFC 8508). Literals were
// streamed before the command was whole.

#include <fmt/format.h>

#include "imap/quota.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

/// What is said when messages are there: a warning, and their UIDs to who may select the mailbox
/// (RFC 4315 §3).
std::string told_of(Session& session, const AppendIntake::Taken& taken) {
  session.note_made(taken.mailbox, taken.uids);
  const Result<MailboxInfo> mailbox = session.store().find(taken.mailbox);
  if (!mailbox) return {};
  warn_of_quota(session, mailbox->name.owner);
  if (!session.access().rights(*mailbox).has(Right::kRead)) return {};
  return fmt::format("[APPENDUID {} {}]", taken.uidvalidity.value, taken.uids.text());
}

}  // namespace

Status cmd_append(Session& session, Args& args) {
  TRY(AppendIntake intake, session.take_append(args));
  TRY_OK(session.check_limit(intake.messages()));
  TRY(const AppendIntake::Taken taken, std::move(intake).finish(session.options().clock.unix_s()));
  return Completion{.code = told_of(session, taken)};
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
  // RFC 8508 §3.3: before the EXPUNGE.
  if (const std::string code = told_of(session, taken); !code.empty())
    session.say(fmt::format("* OK {} replaced\r\n", code));
  return Completion{.tell_modseq = TellModSeq::kYes};
}

}  // namespace gemel::imap
