#include "store/readers.h"

#include <algorithm>
#include <set>

#include "mail/acl.h"
#include "store/access.h"

namespace gemel {
namespace {

constexpr size_t kUsersBlock = 1000;

// Of those that have an entry in the ACL or had one, without a "-" in front.
std::set<std::string, std::less<>> identifiers_of(const MailboxInfo& mailbox) {
  std::set<std::string, std::less<>> out;
  const auto add = [&](std::string_view name) {
    if (!name.starts_with(kAttributeAcl)) return;
    name.remove_prefix(kAttributeAcl.size());
    if (name.starts_with('-')) name.remove_prefix(1);
    out.emplace(name);
  };
  for (const auto& [name, value] : mailbox.attributes) add(name);
  for (const auto& [name, modseq] : mailbox.attribute_modseqs) add(name);
  out.erase(mailbox.name.owner);
  return out;
}

Result<void> add_reader(const MailStore& store, const UserInfo& user, const std::string& item_key,
                        std::vector<Reader>& out) {
  TRY(const std::vector<UserItem> items, store.user_items(user.userid, item_key));
  const auto item = std::ranges::find(items, item_key, &UserItem::key);
  if (item == items.end()) return {};
  out.push_back({user, *item});
  return {};
}

}  // namespace

bool is_shared(const MailboxInfo& mailbox) { return !identifiers_of(mailbox).empty(); }

Result<std::vector<Reader>> readers_of(const MailStore& store, const MailboxInfo& mailbox,
                                       std::string_view after, size_t count_max) {
  const std::string item_key = seen_item_key(mailbox.id);
  const auto identifiers = identifiers_of(mailbox);
  std::vector<Reader> out;
  if (!identifiers.contains(kAnyone) && !identifiers.contains(kAuthenticated)) {
    for (auto at = identifiers.upper_bound(after); at != identifiers.end(); ++at) {
      if (out.size() == count_max) break;
      const Result<UserInfo> user = store.user(*at);
      if (!user && user.error().code != Code::kNotFound) return std::unexpected(user.error());
      if (user) TRY_OK(add_reader(store, *user, item_key, out));
    }
    return out;
  }
  for (std::string last(after); out.size() < count_max;) {
    TRY(const std::vector<UserInfo> users, store.users_after(last, kUsersBlock));
    if (users.empty()) break;
    for (const UserInfo& user : users)
      if (user.userid != mailbox.name.owner && out.size() < count_max)
        TRY_OK(add_reader(store, user, item_key, out));
    last = users.back().userid;
  }
  return out;
}

}  // namespace gemel
