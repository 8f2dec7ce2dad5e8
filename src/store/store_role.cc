// Promotion and demotion, and the terms of both.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

// Of all users, deleted ones too, those of whom `fits` is true.
Result<std::vector<std::string>> userids_where(Commit& commit,
                                               const std::function<bool(const UserInfo&)>& fits) {
  std::vector<std::string> out;
  TRY_OK(commit.rows().scan_prefix(
      std::string(key::kUsers),
      [&](std::string_view row_key, std::string_view value) -> Result<bool> {
        const std::string_view userid = row_key.substr(key::kUsers.size());
        TRY(const UserRow row, UserRow::decode(userid, value));
        if (fits(row.info)) out.emplace_back(userid);
        return true;
      }));
  return out;
}

// A merge brings a mailbox before it decides of the user; if the server that merged was lost in
// between, the mailbox lives here and its user does not. As in a merge, the user comes back with
// it.
Result<void> revive_owners(Commit& commit) {
  TRY(const std::vector<std::string> owners, userids_where(commit, [](const UserInfo& user) {
        return user.is_deleted() && user.mailboxes > 0;
      }));
  for (const std::string& userid : owners) {
    TRY(UserEdit * user, commit.user(userid));
    user->header().deleted_s = 0;
    user->modseq();
  }
  return {};
}

// Mailboxes of others of which the user has seen something.
Result<std::vector<UniqueId>> seen_mailboxes(Commit& commit, const std::string& userid) {
  std::vector<UniqueId> out;
  const std::string prefix = key::items(userid) + std::string(kUserItemSeen);
  TRY_OK(commit.rows().scan_prefix(
      prefix, [&](std::string_view row_key, std::string_view) -> Result<bool> {
        if (const auto id = UniqueId::parse(row_key.substr(prefix.size()))) out.push_back(*id);
        return true;
      }));
  return out;
}

// A set may have come ahead of messages that never will: their uids are others' from now on. One
// that can't be read stays as it is.
Result<void> forget_seen_ahead(Commit& commit) {
  TRY(const std::vector<std::string> userids,
      userids_where(commit, [](const UserInfo& user) { return !user.is_deleted(); }));
  for (const std::string& userid : userids) {
    TRY(const std::vector<UniqueId> ids, seen_mailboxes(commit, userid));
    for (const UniqueId& id : ids) {
      const Result<UidSet> uids = read_seen(commit.rows(), userid, id);
      TRY(const MailboxEdit* mailbox, commit.find_mailbox(id));
      if (!uids || uids->empty() || mailbox == nullptr) continue;
      const Uid last = mailbox->info().last_uid;
      if (uids->last() <= last) continue;
      TRY(SeenEdit * seen, commit.seen(userid, id));
      const UidSet ahead = *uids & UidSet::of(next(last), uids->last());
      ahead.for_each([&](Uid uid) { seen->remove(uid); });
    }
  }
  return {};
}

}  // namespace

Role MailStore::role() const { return impl_->committer->role(); }
Term MailStore::term() const { return impl_->committer->terms().own; }
Term MailStore::heard() const { return impl_->committer->terms().heard; }

Result<Term> MailStore::promote(Term above) {
  const std::lock_guard lock(impl_->role_mutex);
  TRY(const Term begun,
      impl_->commit<Term>(Purpose::kRole, [above](Commit& commit) -> Result<Term> {
        MetaRow& meta = commit.meta();
        const uint64_t seen = std::max({meta.term.epoch, meta.heard.epoch, above.epoch});
        meta.role = StoredRole::kPrimary;
        meta.term = {seen + 1, meta.origin};
        meta.heard = meta.term;
        commit.put_meta();
        TRY_OK(revive_owners(commit));
        TRY_OK(forget_seen_ahead(commit));
        TRY_OK(commit.finish());
        return meta.term;
      }));
  impl_->committer->admit_writes();
  return begun;
}

Result<void> MailStore::demote(std::optional<Term> heard) {
  const std::lock_guard lock(impl_->role_mutex);
  impl_->committer->refuse_writes();
  TRY_OK(impl_->commit<bool>(Purpose::kRole, [heard](Commit& commit) {
    MetaRow& meta = commit.meta();
    meta.role = StoredRole::kReplica;
    meta.heard = std::max(meta.heard, heard.value_or(Term()));
    commit.put_meta();
    return Result<bool>(true);
  }));
  return {};
}

Result<void> MailStore::follow(Term term) {
  const std::lock_guard lock(impl_->role_mutex);
  if (role() == Role::kPrimary) return fail(Code::kReadOnly, "this server is a primary");
  TRY_OK(impl_->commit<bool>(Purpose::kRole, [term](Commit& commit) -> Result<bool> {
    MetaRow& meta = commit.meta();
    if (meta.role == StoredRole::kReplica && meta.term == term) return true;
    if (term < meta.term)
      return fail(Code::kInvalid, fmt::format("term {} is before {}, which this server follows",
                                              term.epoch, meta.term.epoch));
    meta.role = StoredRole::kReplica;  // a demotion may have met a full disk
    meta.term = term;
    meta.heard = std::max(meta.heard, term);
    commit.put_meta();
    return true;
  }));
  return {};
}

}  // namespace gemel
