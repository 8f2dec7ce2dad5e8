// COPY and MOVE, by message numbers or UIDs (RFC 3501 §6.4.7, RFC 6851, RFC 4315 §3).

#include <fmt/format.h>

#include "imap/names.h"
#include "imap/quota.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

struct Transfer {
  UidSet uids;
  MailboxInfo target;
  CopyTerms terms;
  bool tells_uids;  // the user may select the target (RFC 4315 §3)
};

/// RFC 2180 §4.4: who names a message by its number must not believe that it was copied, where
/// another session has expunged it and the client was not told yet. One that goes just then is left
/// out, as COPYUID tells. Errors: kGone.
Result<void> check_there(const Session& session, const Bitmap& uids) {
  TRY(const MailboxView now, session.look());
  TRY(const UidSet there, now.uids());
  if ((uids - bitmap_of(there)).isEmpty()) return {};
  return fail(Code::kGone, "some of these messages have been deleted");
}

Result<Transfer> read_transfer(Session& session, Args& args, MailStore::Keep keep) {
  TRY(Bitmap uids, session.read_named(args));
  TRY(const std::string_view wire_name, args.next_astring());
  TRY_OK(args.tokens.end());
  const UserAccess& user = session.access();
  TRY(const MailboxName name, session.mailbox_named(wire_name));
  TRY(MailboxInfo target, user.find(name, {Right::kInsert}));
  CopyTerms terms{.source_seen_by = session.view().seen_by(),
                  .target_seen_by = user.seen_by(target),
                  .scope = scope_of(user.rights(target))};
  // RFC 9738 §3.1: COPY is done whole or not at all.
  if (keep == MailStore::Keep::kMove)
    uids = session.within_limit(std::move(uids));
  else
    TRY_OK(session.check_limit(uids));
  if (!args.has(kUsesUids)) TRY_OK(check_there(session, uids));
  const bool tells_uids = user.rights(target).has(Right::kRead);
  return Transfer{uid_set_of(uids), std::move(target), std::move(terms), tells_uids};
}

std::string copy_uid(UidValidity uidvalidity, const UidSet& source, const UidSet& target) {
  return fmt::format("[COPYUID {} {} {}]", uidvalidity.value, source.text(), target.text());
}

std::string copy_uid(const MailStore::Copied& copied) {
  return copy_uid(copied.uidvalidity, copied.source_uids, copied.target_uids);
}

/// COPY from what was expunged. Twice is harmless: what is there again is not made once more.
Status restore(Session& session, const Transfer& transfer) {
  TRY(const MailStore::Restored back,
      session.store().restore_expunged(session.view().id(), transfer.uids, transfer.target.id,
                                       transfer.terms));
  Completion out;
  if (!back.there_already.empty())
    out.text = fmt::format("{} brought back, {} there already", back.target_uids.size(),
                           back.there_already.size());
  if (back.target_uids.empty()) return out;
  session.note_made(transfer.target.id, back.target_uids);
  warn_of_quota(session, transfer.target.name.owner);
  if (transfer.tells_uids)
    out.code = copy_uid(transfer.target.uidvalidity, back.source_uids, back.target_uids);
  return out;
}

}  // namespace

Status cmd_copy(Session& session, Args& args) {
  TRY(const Transfer transfer, read_transfer(session, args, MailStore::Keep::kCopy));
  if (transfer.uids.empty()) return Completion();
  if (session.view().shows_expunged()) return restore(session, transfer);
  TRY(const MailStore::Copied copied,
      session.store().copy(session.view().id(), transfer.uids, transfer.target.id,
                           MailStore::Keep::kCopy, transfer.terms));
  // RFC 4315 §3: no code where nothing was copied.
  if (copied.target_uids.empty()) return Completion();
  session.note_made(transfer.target.id, copied.target_uids);
  warn_of_quota(session, transfer.target.name.owner);
  return Completion{.code = transfer.tells_uids ? copy_uid(copied) : ""};
}

Status cmd_move(Session& session, Args& args) {
  TRY(const Transfer transfer, read_transfer(session, args, MailStore::Keep::kMove));
  // RFC 6851 §4.4: as STORE \Deleted, COPY and EXPUNGE together.
  TRY_OK(session.check_writable({Right::kDeleteMessages, Right::kExpunge}));
  if (transfer.uids.empty()) return Completion();
  TRY(const MailStore::Copied copied,
      session.store().copy(session.view().id(), transfer.uids, transfer.target.id,
                           MailStore::Keep::kMove, transfer.terms));
  if (copied.target_uids.empty()) return Completion();
  session.note_made(transfer.target.id, copied.target_uids);
  warn_of_quota(session, transfer.target.name.owner);
  // RFC 6851 §4.3: before the EXPUNGEs, so that the client knows where they went.
  if (transfer.tells_uids) session.say(fmt::format("* OK {} moved\r\n", copy_uid(copied)));
  return Completion{.tell_modseq = TellModSeq::kYes};
}

}  // namespace gemel::imap
