// GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208 §4.1).

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "imap/names.h"
#include "imap/quota.h"

namespace gemel::imap {
namespace {

std::unexpected<Error> no_root() { return fail(Code::kNotFound, "no such quota root"); }

/// What an owner has is nobody else's business (RFC 9208 §8), but what `shared` has is that of
/// those who read there.
Result<bool> may_see_quota(const UserAccess& user, std::string_view owner) {
  if (owner == user.userid() || user.is_admin()) return true;
  if (owner != kSharedOwner) return false;
  TRY(const std::vector<MailboxInfo> visible, user.visible());
  return std::ranges::any_of(visible, [&](const MailboxInfo& mailbox) {
    return mailbox.name.owner == owner && user.rights(mailbox).has(Right::kRead);
  });
}

Status tell_quota(Session& session, const std::string& root) {
  const Result<std::vector<Quota>> quotas = session.store().quotas(root);
  if (!quotas && quotas.error().code == Code::kNotFound) return no_root();
  TRY_OK(quotas);
  std::string text;
  put_quota(text, root, *quotas);
  session.say(std::move(text));
  return Completion();
}

/// The owner under whose quota the mailbox is, or would be if it was made (RFC 9208 §4.1.2).
/// Errors: as for a mailbox that may not be read.
Result<std::string> root_of(const UserAccess& user, const MailboxName& name) {
  if (name.owner == user.userid()) return name.owner;
  const Result<MailboxInfo> mailbox = user.find(name, {Right::kRead});
  if (mailbox) return name.owner;
  if (mailbox.error().code == Code::kNotFound && user.check_create(name)) return name.owner;
  return std::unexpected(mailbox.error());
}

/// ` (STORAGE 512 MESSAGE 1000)` as the items to put; limits that are not named go (RFC 9208
/// §4.1.3).
Result<std::vector<MailStore::NewItem>> read_limits(wire::Tokenizer& tokens) {
  std::vector<MailStore::NewItem> items;
  for (const QuotaKind& kind : kQuotaKinds) items.push_back({std::string(kind.item), std::nullopt});
  TRY_OK(tokens.space());
  TRY_OK(tokens.open());
  while (tokens.peek() != ')') {
    TRY(const std::string_view word, tokens.atom());
    TRY_OK(tokens.space());
    TRY(const uint64_t limit, tokens.number64());
    const auto kind = std::ranges::find_if(kQuotaKinds, [&](const QuotaKind& each) {
      return equals_ignoring_case(each.wire_name, word);
    });
    if (kind == kQuotaKinds.end()) return fail(Code::kUnsupported, "there is no such resource");
    const uint64_t units = std::min(limit, UINT64_MAX / kind->wire_unit);
    items[static_cast<size_t>(kind - kQuotaKinds.begin())].value =
        std::to_string(units * kind->wire_unit);
    if (tokens.peek() != ')') TRY_OK(tokens.space());
  }
  TRY_OK(tokens.close());
  TRY_OK(tokens.end());
  return items;
}

bool is_of_messages(QuotaResource resource) {
  return resource == QuotaResource::kStorage || resource == QuotaResource::kMessages;
}

/// The least that is `percent` of `limit`; without an overflow.
uint64_t share_of(uint64_t limit, uint64_t percent) {
  return limit / 100 * percent + (limit % 100 * percent + 99) / 100;
}

}  // namespace

void put_quota(std::string& out, std::string_view root, const std::vector<Quota>& quotas) {
  out += "* QUOTA ";
  wire::put_astring(out, root);
  std::string list;
  for (const Quota& quota : quotas) {
    if (!quota.limit) continue;
    const QuotaKind& kind = kind_of(quota.resource);
    const uint64_t used = quota.used / kind.wire_unit + (quota.used % kind.wire_unit != 0);
    list += fmt::format("{}{} {} {}", list.empty() ? "" : " ", kind.wire_name, used,
                        *quota.limit / kind.wire_unit);
  }
  out += fmt::format(" ({})\r\n", list);
}

void warn_of_quota(Session& session, const std::string& owner) {
  const uint64_t percent = session.options().limits.quota_warning_percent;
  if (percent == 0 || (owner != session.userid() && !session.access().is_admin())) return;
  const Result<std::vector<Quota>> quotas = session.store().quotas(owner);
  if (!quotas) return;  // what was asked for is done all the same
  for (const Quota& quota : *quotas)
    if (is_of_messages(quota.resource) && quota.limit && *quota.limit > 0 &&
        quota.used >= share_of(*quota.limit, percent))
      session.say(fmt::format("* NO [OVERQUOTA] {}% of the {} quota is used\r\n",
                              quota.used * 100 / *quota.limit, kind_of(quota.resource).wire_name));
}

Status cmd_getquota(Session& session, Args& args) {
  TRY(const std::string_view root, args.next_astring());
  TRY_OK(args.tokens.end());
  TRY(const bool may_see, may_see_quota(session.access(), root));
  if (!may_see) return no_root();
  return tell_quota(session, std::string(root));
}

Status cmd_getquotaroot(Session& session, Args& args) {
  TRY(const std::string_view wire_name, args.next_astring());
  TRY_OK(args.tokens.end());
  TRY(const MailboxName name, session.mailbox_named(wire_name));
  TRY(const std::string root, root_of(session.access(), name));
  std::string text = "* QUOTAROOT ";
  put_path(text, session.access().path_of(name), session.dialect());
  text += ' ';
  wire::put_astring(text, root);
  session.say(text + "\r\n");
  return tell_quota(session, root);
}

Status cmd_setquota(Session& session, Args& args) {
  TRY(const std::string_view root, args.next_astring());
  TRY(const std::vector<MailStore::NewItem> limits, read_limits(args.tokens));
  if (!session.access().is_admin()) return fail(Code::kDenied, "only an administrator sets quotas");
  const Result<MailStore::Committed> put = session.store().put_user_items(root, limits);
  if (!put && put.error().code == Code::kNotFound) return no_root();
  TRY_OK(put);
  return tell_quota(session, std::string(root));
}

}  // namespace gemel::imap
