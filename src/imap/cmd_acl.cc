// SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314 §3).

#include <fmt/format.h>

#include "imap/list.h"
#include "imap/names.h"
#include "imap/session.h"

namespace gemel::imap {
namespace {

/// A mailbox over which the user has one of the rights. Errors: as UserAccess::check_any.
Result<MailboxInfo> read_mailbox(Session& session, Args& args, Rights any) {
  TRY(const std::string_view wire_name, args.next_astring());
  TRY(const MailboxName name, session.mailbox_named(wire_name));
  TRY(MailboxInfo mailbox, session.access().find(name, {}));
  TRY_OK(session.access().check_any(mailbox, any));
  return mailbox;
}

/// RFC 4314 §3: what is no identifier is BAD.
Result<std::string> read_identifier(Args& args) {
  TRY(const std::string_view text, args.next_astring());
  if (const Result<void> checked = check_acl_identifier(text); !checked)
    return fail(Code::kSyntax, checked.error().text);
  return std::string(text);
}

void put_path_of(std::string& out, const Session& session, const MailboxInfo& mailbox) {
  put_path(out, session.access().path_of(mailbox.name), session.dialect());
}

}  // namespace

Status cmd_setacl(Session& session, Args& args) {
  // The arguments are read before anything is looked up, so that BAD tells nothing.
  wire::Tokenizer& tokens = args.tokens;
  TRY(const std::string_view wire_name, args.next_astring());
  TRY(const std::string identifier, read_identifier(args));
  TRY(const std::string_view letters, args.next_astring());
  TRY_OK(tokens.end());
  TRY(const RightsChange change, RightsChange::parse(letters));
  const UserAccess& user = session.access();
  TRY(const MailboxName name, session.mailbox_named(wire_name));
  TRY(const MailboxInfo mailbox, user.find(name, {Right::kAdminister}));
  TRY_OK(change_acl(session.store(), mailbox, identifier, change));
  return Completion();
}

Status cmd_deleteacl(Session& session, Args& args) {
  TRY(const std::string_view wire_name, args.next_astring());
  TRY(const std::string identifier, read_identifier(args));
  TRY_OK(args.tokens.end());
  TRY(const MailboxName name, session.mailbox_named(wire_name));
  TRY(const MailboxInfo mailbox, session.access().find(name, {Right::kAdminister}));
  TRY_OK(change_acl(session.store(), mailbox, identifier, std::nullopt));
  return Completion();
}

Status cmd_getacl(Session& session, Args& args) {
  TRY(const MailboxInfo mailbox, read_mailbox(session, args, {Right::kAdminister}));
  TRY_OK(args.tokens.end());
  std::map<std::string, Rights> entries = Acl::of(mailbox.attributes).entries();
  // What the owner has without an entry, clients want to see.
  if (mailbox.name.owner != kSharedOwner) entries.emplace(mailbox.name.owner, Rights::all());
  std::string text = "* ACL ";
  put_path_of(text, session, mailbox);
  for (const auto& [identifier, rights] : entries) {
    text += ' ';
    wire::put_astring(text, identifier);
    text += ' ';
    wire::put_astring(text, rights.wire_text());
  }
  session.say(text + "\r\n");
  return Completion();
}

Status cmd_listrights(Session& session, Args& args) {
  TRY(const std::string_view wire_name, args.next_astring());
  TRY(const std::string identifier, read_identifier(args));
  TRY_OK(args.tokens.end());
  TRY(const MailboxName name, session.mailbox_named(wire_name));
  TRY(const MailboxInfo mailbox, session.access().find(name, {Right::kAdminister}));
  const Rights always = identifier == mailbox.name.owner ? kOwnerRightsMin : Rights();
  std::string text = "* LISTRIGHTS ";
  put_path_of(text, session, mailbox);
  text += ' ';
  wire::put_astring(text, identifier);
  text += ' ';
  wire::put_astring(text, always.wire_text());
  // No right is tied to another, so "c" and "d" stand alone too (RFC 4314 §2.1.1).
  const std::string optional = (Rights::all() - always).wire_text();
  for (const char letter : optional) (text += ' ') += letter;
  session.say(text + "\r\n");
  return Completion();
}

Status cmd_myrights(Session& session, Args& args) {
  constexpr Rights kAny = {Right::kLookup, Right::kRead,          Right::kInsert,
                           Right::kCreate, Right::kDeleteMailbox, Right::kAdminister};
  TRY(const MailboxInfo mailbox, read_mailbox(session, args, kAny));
  TRY_OK(args.tokens.end());
  std::string text;
  put_my_rights(text, session.access().path_of(mailbox.name), session.access().rights(mailbox),
                session.dialect());
  session.say(std::move(text));
  return Completion();
}

}  // namespace gemel::imap
