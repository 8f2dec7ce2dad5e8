// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 §6.3.3 to §6.3.7; RFC 6154 §3 for USE).

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "imap/list.h"
#include "imap/names.h"
#include "imap/session.h"
#include "store/special_use.h"

namespace gemel::imap {
namespace {

Result<MailboxName> read_name(Session& session, Args& args) {
  TRY(const std::string_view wire_name, args.next_astring());
  return session.mailbox_named(wire_name);
}

// ` (USE (\Sent))`, if it is there.
Result<std::string> read_use(wire::Tokenizer& tokens) {
  std::string use;
  if (tokens.at_end()) return use;
  TRY_OK(tokens.space());
  TRY_OK(tokens.open());
  if (!tokens.skip_word("USE")) return tokens.wrong("USE");
  TRY_OK(tokens.space());
  TRY(const std::vector<std::string_view> words, tokens.flag_list());
  TRY_OK(tokens.close());
  if (words.empty()) return use;
  const Result<std::string> known = parse_special_uses(fmt::format("{}", fmt::join(words, " ")));
  // RFC 6154 §3: USEATTR.
  if (!known) return fail(Code::kUnsupported, known.error().text);
  return *known;
}

/// RFC 4314 §4, RENAME. What crosses from one owner to another keeps its ACL (there too), so that
/// whoever moved it there would stand before a closed door: only administrators may.
Result<void> check_rename(const UserAccess& user, const MailboxName& from, const MailboxName& to) {
  TRY_OK(user.find(from, {Right::kDeleteMailbox}));
  TRY_OK(user.check_create(to));
  if (from.owner != to.owner && !user.is_admin())
    return fail(Code::kDenied, "only an administrator gives a mailbox another owner; copy it");
  return {};
}

/// The path as it is subscribed to. Errors: of mailbox_of.
Result<std::string> subscription_path(const Session& session, std::string_view wire_name) {
  TRY(const MailboxName name, session.mailbox_named(wire_name));
  return session.access().path_of(name);
}

Status subscribe(Session& session, Args& args, const std::optional<std::string>& value) {
  TRY(const std::string_view wire_name, args.next_astring());
  TRY_OK(args.tokens.end());
  Result<std::string> path = subscription_path(session, wire_name);
  // One may still unsubscribe from what has become a mere level of a namespace.
  if (!path && path.error().code == Code::kNotFound && !value)
    path = path_of_wire(wire_name, session.dialect());
  TRY_OK(path);
  TRY_OK(session.store().put_user_items(
      session.userid(), {{.key = std::string(kUserItemSubscription) + *path, .value = value}}));
  return Completion();
}

}  // namespace

Status cmd_create(Session& session, Args& args) {
  TRY(const std::string_view wire_name, args.next_astring());
  TRY(const MailboxName name, session.mailbox_named(wire_name));
  TRY(const std::string use, read_use(args.tokens));
  TRY_OK(args.tokens.end());
  TRY_OK(session.access().check_create(name));
  if (name.is_inbox()) return fail(Code::kExists, "INBOX is always there");
  TRY_OK(check_special_uses(session.store(), session.userid(), name, use));
  MailStore::NewMailbox mailbox{.name = name};
  if (!use.empty()) mailbox.attributes[std::string(kAttributeSpecialUse)] = use;
  TRY(const MailboxInfo made, session.store().create(mailbox));
  const std::string path = session.access().path_of(made.name);
  // RFC 9051 §6.3.4: where it has another name than was asked for.
  if (session.features().rev2 && path_of_wire(wire_name, session.dialect()) != path)
    say_canonical(session, wire_name, path);
  return Completion{.code = fmt::format("[MAILBOXID ({})]", made.id.text())};
}

Status cmd_delete(Session& session, Args& args) {
  TRY(const MailboxName name, read_name(session, args));
  TRY_OK(args.tokens.end());
  TRY(const MailboxInfo mailbox, session.access().find(name, {Right::kDeleteMailbox}));
  if (name.is_inbox()) return fail(Code::kInvalid, "INBOX can't be deleted");
  TRY_OK(session.store().remove(mailbox.id));
  if (session.has_view() && session.view().id() == mailbox.id) {
    session.unselect();
    session.say("* OK [CLOSED] the selected mailbox was deleted\r\n");
  }
  return Completion();
}

Status cmd_rename(Session& session, Args& args) {
  TRY(const std::string_view wire_from, args.next_astring());
  TRY(const MailboxName from, session.mailbox_named(wire_from));
  TRY(const MailboxName to, read_name(session, args));
  TRY_OK(args.tokens.end());
  TRY_OK(check_rename(session.access(), from, to));
  TRY_OK(session.store().rename(from, to));
  // RFC 9051 §6.3.6.
  if (session.features().rev2) say_canonical(session, wire_from, session.access().path_of(to));
  return Completion();
}

// RFC 3501 §6.3.6: a name that does not exist may be subscribed to.
Status cmd_subscribe(Session& session, Args& args) { return subscribe(session, args, "1"); }

Status cmd_unsubscribe(Session& session, Args& args) {
  return subscribe(session, args, std::nullopt);
}

}  // namespace gemel::imap
