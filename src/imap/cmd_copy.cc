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
};

Result<Transfer> read_transfer(Session& session, Args& args) {
  TRY(const Bitmap uids, session.read_named(args));
  TRY(const std::string_view wire_name, args.next_astring());
  TRY_OK(args.tokens.end());
  const UserAccess& user = session.access();
  TRY(const MailboxName name, mailbox_of(user, wire_name));
  TRY(MailboxInfo target, user.find(name, {Right::kInsert}));
  CopyTerms terms{.source_seen_by = session.view().seen_by(),
                  .target_seen_by = user.seen_by(target),
                  .scope = scope_of(user.rights(target))};
  return Transfer{uid_set_of(uids), std::move(target), std::move(terms)};
}

std::string copy_uid(const MailStore::Copied& copied) {
  return fmt::format("[COPYUID {} {} {}]", copied.uidvalidity.value, copied.source_uids.text(),
                     copied.target_uids.text());
}

}  // namespace

Status cmd_copy(Session& session, Args& args) {
  TRY(const Transfer transfer, read_transfer(session, args));
  if (transfer.uids.empty()) return Completion();
  TRY(const MailStore::Copied copied,
      session.store().copy(session.view().id(), transfer.uids, transfer.target.id,
                           MailStore::Keep::kCopy, transfer.terms));
  // RFC 4315 §3: no code where nothing was copied.
  if (copied.target_uids.empty()) return Completion();
  warn_of_quota(session, transfer.target.name.owner);
  return Completion{.code = copy_uid(copied)};
}

Status cmd_move(Session& session, Args& args) {
  TRY(const Transfer transfer, read_transfer(session, args));
  // RFC 6851 §4.4: as STORE \Deleted, COPY and EXPUNGE together.
  TRY_OK(session.check_writable({Right::kDeleteMessages, Right::kExpunge}));
  if (transfer.uids.empty()) return Completion();
  TRY(const MailStore::Copied copied,
      session.store().copy(session.view().id(), transfer.uids, transfer.target.id,
                           MailStore::Keep::kMove, transfer.terms));
  if (copied.target_uids.empty()) return Completion();
  warn_of_quota(session, transfer.target.name.owner);
  // RFC 6851 §4.3: before the EXPUNGEs, so that the client knows where they went.
  session.say(fmt::format("* OK {} moved\r\n", copy_uid(copied)));
  return Completion{.tell_modseq = TellModSeq::kYes};
}

}  // namespace gemel::imap
