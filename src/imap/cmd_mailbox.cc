// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 §6.3.3 to §6.3.7; RFC 6154 §3 for USE).

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "imap/names.h"
#include "imap/session.h"
#include "imap/special_use.h"

namespace gemel::imap {
namespace {

Result<MailboxName> read_name(Session& session, Args& args) {
  TRY(const std::string_view wire_name, args.next_astring());
  return mailbox_of(session.userid(), wire_name);
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
  for (const std::string_view word : words) {
    const std::optional<std::string_view> known = special_use_of(word);
    // RFC 6154 §3: USEATTR.
    if (!known) return fail(Code::kUnsupported, "no such special use");
    (use += use.empty() ? "" : " ") += *known;
  }
  return use;
}

/// One mailbox for each use, as clients look for one (RFC 6154 §2).
Result<void> check_use_free(const Session& session, std::string_view use) {
  if (use.empty()) return {};
  TRY(const std::vector<MailboxInfo> all, session.store().mailboxes(session.userid()));
  for (const MailboxInfo& mailbox : all) {
    const auto at = mailbox.attributes.find(std::string(kAttributeSpecialUse));
    if (at != mailbox.attributes.end() && at->second == use)
      return fail(Code::kUnsupported, "another mailbox has this special use");
  }
  return {};
}

Status subscribe(Session& session, Args& args, const std::optional<std::string>& value) {
  TRY(const MailboxName name, read_name(session, args));
  TRY_OK(args.tokens.end());
  TRY_OK(session.store().put_user_items(
      session.userid(), {{.key = std::string(kUserItemSubscription) + name.path, .value = value}}));
  return Completion();
}

}  // namespace

Status cmd_create(Session& session, Args& args) {
  TRY(const MailboxName name, read_name(session, args));
  TRY(const std::string use, read_use(args.tokens));
  TRY_OK(args.tokens.end());
  if (name.is_inbox()) return fail(Code::kExists, "INBOX is always there");
  TRY_OK(check_use_free(session, use));
  MailStore::NewMailbox mailbox{.name = name};
  if (!use.empty()) mailbox.attributes[std::string(kAttributeSpecialUse)] = use;
  TRY(const MailboxInfo made, session.store().create(mailbox));
  return Completion{.code = fmt::format("[MAILBOXID ({})]", made.id.text())};
}

Status cmd_delete(Session& session, Args& args) {
  TRY(const MailboxName name, read_name(session, args));
  TRY_OK(args.tokens.end());
  if (name.is_inbox()) return fail(Code::kInvalid, "INBOX can't be deleted");
  TRY(const MailboxInfo mailbox, session.store().find(name));
  TRY_OK(session.store().remove(mailbox.id));
  if (session.has_view() && session.view().id() == mailbox.id) {
    session.unselect();
    session.say("* OK [CLOSED] the selected mailbox was deleted\r\n");
  }
  return Completion();
}

Status cmd_rename(Session& session, Args& args) {
  TRY(const MailboxName from, read_name(session, args));
  TRY(const MailboxName to, read_name(session, args));
  TRY_OK(args.tokens.end());
  TRY_OK(session.store().rename(from, to));
  return Completion();
}

// RFC 3501 §6.3.6: a name that does not exist may be subscribed to.
Status cmd_subscribe(Session& session, Args& args) { return subscribe(session, args, "1"); }

Status cmd_unsubscribe(Session& session, Args& args) {
  return subscribe(session, args, std::nullopt);
}

}  // namespace gemel::imap
