#include "store/access.h"

#include <algorithm>
#include <set>

namespace gemel {
namespace {

std::unexpected<Error> no_mailbox() { return fail(Code::kNotFound, "no such mailbox"); }

/// What follows `prefix` and a separator; nothing where `path` is not below it.
std::optional<std::string_view> below(std::string_view path, std::string_view prefix) {
  if (prefix.empty() || !path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  if (path.empty()) return path;
  if (path.front() != kHierarchySeparator) return std::nullopt;
  return path.substr(1);
}

}  // namespace

Result<void> make_shared_owner(MailStore& store) {
  const Result<UserInfo> there = store.user(kSharedOwner);
  if (there || there.error().code != Code::kNotFound)
    return there ? Result<void>() : std::unexpected(there.error());
  const Result<UserInfo> made = store.create_user(kSharedOwner, {});
  if (!made && made.error().code != Code::kExists) return std::unexpected(made.error());
  return {};
}

bool UserAccess::is_admin() const {
  return !userid_.empty() && std::ranges::find(options_->admins, userid_) != options_->admins.end();
}

Result<MailboxName> UserAccess::name_of(std::string_view path) const {
  if (const auto shared = below(path, options_->shared_prefix)) {
    if (shared->empty()) return no_mailbox();
    return MailboxName::make(kSharedOwner, *shared);
  }
  if (const auto others = below(path, options_->other_users_prefix)) {
    const size_t end = others->find(kHierarchySeparator);
    if (end == std::string_view::npos) return no_mailbox();
    const std::string_view owner = others->substr(0, end);
    // One mailbox, one name: the own ones are at the top, the shared ones in their namespace.
    if (!check_userid(owner) || owner == userid_ || owner == kSharedOwner) return no_mailbox();
    return MailboxName::make(owner, others->substr(end + 1));
  }
  if (userid_.empty()) return no_mailbox();
  return MailboxName::make(userid_, path);
}

std::string UserAccess::path_of(const MailboxName& name) const {
  const std::string slash(1, kHierarchySeparator);
  if (name.owner == userid_) {
    // Hidden by a namespace of the same name.
    if (below(name.path, options_->shared_prefix) || below(name.path, options_->other_users_prefix))
      return {};
    return name.path;
  }
  if (name.owner == kSharedOwner)
    return options_->shared_prefix.empty() ? std::string()
                                           : options_->shared_prefix + slash + name.path;
  if (options_->other_users_prefix.empty()) return {};
  return options_->other_users_prefix + slash + name.owner + slash + name.path;
}

Rights UserAccess::rights(const MailboxInfo& mailbox) const {
  if (is_admin()) return Rights::all();
  return Acl::of(mailbox.attributes).rights_of(userid_, mailbox.name.owner);
}

Result<void> UserAccess::check(const MailboxInfo& mailbox, Rights needed) const {
  const Rights have = rights(mailbox);
  if (have.has_all(needed)) return {};
  if (!have.has(Right::kLookup)) return no_mailbox();
  return fail(Code::kDenied, "you lack the right \"" + (needed - have).text() + "\" there");
}

Result<void> UserAccess::check_any(const MailboxInfo& mailbox, Rights any) const {
  const Rights have = rights(mailbox);
  if (have.has_any(any)) return {};
  if (!have.has(Right::kLookup)) return no_mailbox();
  return fail(Code::kDenied, "you lack all of the rights \"" + any.text() + "\" there");
}

Result<MailboxInfo> UserAccess::find(const MailboxName& name, Rights needed) const {
  Result<MailboxInfo> mailbox = store_->find(name);
  if (!mailbox && mailbox.error().code == Code::kNotFound) return no_mailbox();
  if (mailbox) TRY_OK(check(*mailbox, needed));
  return mailbox;
}

Result<MailboxInfo> UserAccess::find(const UniqueId& id, Rights needed) const {
  Result<MailboxInfo> mailbox = store_->find(id);
  if (!mailbox && mailbox.error().code == Code::kNotFound) return no_mailbox();
  if (!mailbox) return mailbox;
  if (mailbox->is_deleted()) return no_mailbox();
  TRY_OK(check(*mailbox, needed));
  return mailbox;
}

Result<void> UserAccess::check_create(const MailboxName& name) const {
  const std::unexpected<Error> denied = fail(Code::kDenied, "you may not make mailboxes there");
  if (!is_shown(name)) return denied;
  if (is_admin()) return {};
  for (auto above = name.parent(); above; above = above->parent()) {
    const Result<MailboxInfo> mailbox = store_->find(*above);
    if (!mailbox && mailbox.error().code == Code::kNotFound) continue;
    TRY_OK(mailbox);
    if (rights(*mailbox).has(Right::kCreate)) return {};
    return denied;
  }
  if (name.owner == userid_) return {};
  return denied;
}

Result<void> UserAccess::add_granted(std::vector<MailboxInfo>& out,
                                     std::string_view identifier) const {
  TRY(const std::vector<UniqueId> ids, store_->granted_to(identifier));
  for (const UniqueId& id : ids) {
    Result<MailboxInfo> mailbox = store_->find(id);
    if (!mailbox && mailbox.error().code == Code::kNotFound) continue;
    TRY_OK(mailbox);
    if (!mailbox->is_deleted() && mailbox->name.owner != userid_)
      out.push_back(std::move(*mailbox));
  }
  return {};
}

Result<std::vector<MailboxInfo>> UserAccess::visible() const {
  std::vector<MailboxInfo> own;
  std::vector<MailboxInfo> others;
  if (!userid_.empty()) {
    TRY(own, store_->mailboxes(userid_));
  }
  if (is_admin()) {
    TRY(const std::vector<UserInfo> users, store_->users());
    for (const UserInfo& user : users) {
      if (user.userid == userid_) continue;
      TRY(std::vector<MailboxInfo> theirs, store_->mailboxes(user.userid));
      std::ranges::move(theirs, std::back_inserter(others));
    }
  } else {
    TRY_OK(add_granted(others, kAnyone));
    if (!userid_.empty()) {
      TRY_OK(add_granted(others, kAuthenticated));
      TRY_OK(add_granted(others, userid_));
    }
  }
  std::ranges::sort(others, {}, [](const MailboxInfo& info) -> const UniqueId& { return info.id; });
  const auto doubles = std::ranges::unique(others, {}, &MailboxInfo::id);
  others.erase(doubles.begin(), doubles.end());
  std::ranges::sort(others, {}, &MailboxInfo::name);
  std::ranges::move(others, std::back_inserter(own));
  std::erase_if(own, [&](const MailboxInfo& mailbox) {
    return !is_shown(mailbox.name) || !rights(mailbox).has(Right::kLookup);
  });
  return own;
}

std::string UserAccess::seen_by(const MailboxInfo& mailbox) const {
  return mailbox.name.owner == userid_ ? std::string() : userid_;
}

Result<void> change_acl(MailStore& store, const MailboxInfo& mailbox, const std::string& identifier,
                        const std::optional<RightsChange>& change) {
  std::optional<std::string> value;
  if (change) {
    const Acl acl = Acl::of(mailbox.attributes);
    const bool is_new = !acl.entries().contains(identifier);
    if (is_new && acl.entries().size() >= kAclEntriesMax)
      return fail(Code::kLimit, "the mailbox has as many ACL entries as it can");
    const bool is_owner = identifier == mailbox.name.owner;
    Rights rights = change->of(is_owner && is_new ? Rights::all() : acl.entry(identifier));
    if (is_owner) rights = rights | kOwnerRightsMin;
    if (!rights.empty()) value = rights.text();
  }
  TRY_OK(store.set_attributes(mailbox.id,
                              {{std::string(kAttributeAcl) + identifier, std::move(value)}}));
  return {};
}

bool may_deliver(const MailboxInfo& mailbox, std::string_view recipient) {
  const Acl acl = Acl::of(mailbox.attributes);
  if (mailbox.name.owner == kSharedOwner)
    return acl.rights_of("", mailbox.name.owner).has(Right::kPost);
  return acl.rights_of(recipient, mailbox.name.owner).has(Right::kPost) ||
         acl.rights_of("", mailbox.name.owner).has(Right::kPost);
}

}  // namespace gemel
