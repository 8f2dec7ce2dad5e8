// EXPUNGE, UID EXPUNGE (RFC 3501 §6.4.3, RFC 4315 §2.1).

#include "imap/session.h"

namespace gemel::imap {
namespace {

/// Those of `uids` with \Deleted go; the news at the command's end tell of them.
Status expunge(Session& session, const Args& args, const Bitmap& uids) {
  const UniqueId id = session.view().id();
  TRY(const MailboxView mailbox, session.look());
  TRY(const UidSet deleted, mailbox.uids_with(static_cast<size_t>(SystemFlag::kDeleted)));
  Bitmap chosen = bitmap_of(deleted) & uids;
  // RFC 9738 §3.1: EXPUNGE itself has no limit.
  if (args.has(kUsesUids)) chosen = session.within_limit(std::move(chosen));
  const UidSet gone = uid_set_of(chosen);
  if (gone.empty()) return Completion();
  TRY_OK(session.store().expunge(id, gone));
  return Completion{.tell_modseq = TellModSeq::kYes};
}

}  // namespace

Status cmd_expunge(Session& session, Args& args) {
  TRY_OK(args.tokens.end());
  TRY_OK(session.check_writable({Right::kExpunge}));
  return expunge(session, args, session.view().known());
}

Status cmd_uid_expunge(Session& session, Args& args) {
  TRY(const Bitmap uids, session.read_named(args));
  TRY_OK(args.tokens.end());
  TRY_OK(session.check_writable({Right::kExpunge}));
  return expunge(session, args, uids);
}

}  // namespace gemel::imap
