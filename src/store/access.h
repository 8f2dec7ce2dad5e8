// Who may do what: the names under which a user sees mailboxes, and rights over them. What every
// protocol asks between a login and the store.
//
// A user sees three namespaces (RFC 2342): the own mailboxes at the top, those of others as
// "Other Users/NAME/...", and those of the reserved owner `shared` as "Shared/...". A mailbox that
// somebody has no right to is for that user one that does not exist: the same error, word for word.
//
// \Seen of a mailbox's owner is a flag of the record. Everybody else has a set of UIDs of his own,
// kept as the user's item "seen/MAILBOX-ID": see doc/decisions/0015-seen-of-ones-own.md.
//
// Owns     nothing; reads the store anew for each question, so that a right taken away is gone.
// Threads  any.
// Source   RFC 2342 (namespaces), RFC 4314 §4 (rights a command needs), §8 (what is not told).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/acl.h"
#include "store/mail_store.h"

namespace gemel {

/// The owner of the mailboxes that belong to nobody. Nobody logs in by this name.
inline constexpr std::string_view kSharedOwner = "shared";
/// It comes with the first thing it has; nothing if it is there. Errors: of the store.
Result<void> make_shared_owner(MailStore& store);

struct AccessOptions {
  // One or more levels, without a separator at the end; empty: that namespace is not shown.
  std::string other_users_prefix = "Other Users";
  std::string shared_prefix = "Shared";
  std::vector<std::string> admins = {};  // may do everything with every mailbox
};

class UserAccess {
 public:
  /// `userid`: who has logged in; empty: somebody who has not, as a sender of mail. `store` and
  /// `options` must outlive it.
  UserAccess(MailStore& store, const AccessOptions& options, std::string userid)
      : store_(&store), options_(&options), userid_(std::move(userid)) {}

  const std::string& userid() const { return userid_; }
  bool is_admin() const;

  // --- names ---
  /// A path as the user sees it (UTF-8) as a mailbox's name. Errors: of MailboxName::make;
  /// kNotFound, it is only a level of a namespace, or the own name below other users.
  Result<MailboxName> name_of(std::string_view path) const;
  /// The path under which the user sees a mailbox: what name_of takes back. Empty where the
  /// namespace of the mailbox is not shown.
  std::string path_of(const MailboxName& name) const;

  // --- rights ---
  Rights rights(const MailboxInfo& mailbox) const;
  /// Errors: kDenied, some of `needed` are missing; kNotFound, and `l` is missing too.
  Result<void> check(const MailboxInfo& mailbox, Rights needed) const;
  /// At least one of `any`. Errors: as check.
  Result<void> check_any(const MailboxInfo& mailbox, Rights any) const;
  /// A live mailbox over which the user has the rights. Errors: as check, and kNotFound in the same
  /// words where there is none.
  Result<MailboxInfo> find(const MailboxName& name, Rights needed) const;
  Result<MailboxInfo> find(const UniqueId& id, Rights needed) const;
  /// May the user make a mailbox of this name: `k` on the nearest one above that exists; at the top
  /// of the user's own namespace always, at the top of others only administrators. Errors:
  /// kDenied, whatever exists; of the store.
  Result<void> check_create(const MailboxName& name) const;

  /// All mailboxes with `l`, the user's own first, each by path. Cost: O(own mailboxes and those
  /// with an entry for the user, "anyone" or "authenticated"); for administrators O(all).
  Result<std::vector<MailboxInfo>> visible() const;

  // --- \Seen ---
  /// Whose seen set holds for this user in this mailbox: the userid, or empty where \Seen is a flag
  /// of the record (the owner).
  /// The store's `view`, `append`, `store_flags` and `copy` take it.
  std::string seen_by(const MailboxInfo& mailbox) const;

 private:
  bool is_shown(const MailboxName& name) const { return !path_of(name).empty(); }
  Result<void> add_granted(std::vector<MailboxInfo>& out, std::string_view identifier) const;

  MailStore* store_;
  const AccessOptions* options_;
  std::string userid_;
};

/// Changes the entry of `identifier` in the mailbox's ACL, or removes it where there is no change
/// given. Whether the caller may is the caller's. The owner keeps kOwnerRightsMin, and a change
/// begins with all rights where the owner has no entry. Errors: kLimit, kAclEntriesMax; of the
/// store.
Result<void> change_acl(MailStore& store, const MailboxInfo& mailbox, const std::string& identifier,
                        const std::optional<RightsChange>& change);

/// May mail addressed to this mailbox of `recipient` be put there (plus addressing)? Where it
/// belongs to a user, that user's own right `p` is enough, and so is that of "anyone" (RFC 4314
/// §2.1, p); with neither it goes to the INBOX. A shared one needs that of "anyone", and has no
/// INBOX behind it. Cost: O(ACL).
bool may_deliver(const MailboxInfo& mailbox, std::string_view recipient);

}  // namespace gemel
