// CREATE, DELETE, attributes, \Recent.
#include <fmt/format.h>

#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

constexpr std::string_view kInbox = "INBOX";

Result<std::string> partition_of(Commit& commit, const UniqueId& id) {
  TRY(const MailboxEdit* mailbox, commit.mailbox(id));
  return mailbox->info().partition;
}

/// That of the nearest level above that exists, else INBOX's, else "default".
Result<std::string> inherited_partition(Commit& commit, const MailboxName& name) {
  for (auto above = name.parent(); above; above = above->parent()) {
    TRY(const auto id, commit.find_name(*above));
    if (id) return partition_of(commit, *id);
  }
  TRY(const auto inbox, commit.find_name({name.owner, std::string(kInbox)}));
  if (inbox) return partition_of(commit, *inbox);
  return std::string(kDefaultPartition);
}

/// The ACL of the nearest level above that exists: RFC 4314 §3.1 leaves a new mailbox's to us.
Result<std::map<std::string, std::string>> inherited_acl(Commit& commit, const MailboxName& name) {
  std::map<std::string, std::string> out;
  for (auto above = name.parent(); above; above = above->parent()) {
    TRY(const auto id, commit.find_name(*above));
    if (!id) continue;
    TRY(const MailboxEdit* mailbox, commit.mailbox(*id));
    for (const auto& [attribute, value] : mailbox->info().attributes)
      if (attribute.starts_with(kAttributeAcl)) out.emplace(attribute, value);
    break;
  }
  return out;
}

Result<MailboxInfo> create_one(Commit& commit, const MailStore::NewMailbox& make) {
  TRY_OK(MailboxName::make(make.name.owner, make.name.path));
  TRY_OK(live_user(commit, make.name.owner));
  TRY(MailboxEdit * made, make_with_parents(commit, {make.name, make.partition}));
  for (const auto& [name, value] : make.attributes) made->header().attributes[name] = value;
  TRY_OK(commit.finish());
  return made->info();
}

using Attributes = std::vector<std::pair<std::string, std::optional<std::string>>>;

void set_some(MailboxEdit& mailbox, const Attributes& attributes) {
  std::map<std::string, std::string> now = mailbox.info().attributes;
  for (const auto& [name, value] : attributes) {
    if (value)
      now[name] = *value;
    else
      now.erase(name);
  }
  if (now == mailbox.info().attributes) return;
  mailbox.header().attributes = std::move(now);
  mailbox.modseq();
}

Result<void> change_some(Commit& commit, const MailStore::MetadataChange& change) {
  if (change.mailbox) {
    TRY(MailboxEdit * mailbox, commit.live_mailbox(*change.mailbox));
    set_some(*mailbox, change.attributes);
    if (change.raises_modseq) mailbox->modseq();
  }
  for (const auto& [userid, items] : change.items) {
    TRY(UserEdit * user, live_user(commit, userid));
    TRY_OK(put_items(*user, items));
  }
  return commit.finish();
}

}  // namespace

Result<UserEdit*> live_user(Commit& commit, std::string_view userid) {
  TRY(UserEdit * user, commit.user(userid));
  if (!user->is_live()) return fail(Code::kNotFound, fmt::format("no user \"{}\"", userid));
  return user;
}

Result<void> make_parents(Commit& commit, const MakeMailbox& make) {
  const std::optional<MailboxName> above = make.name.parent();
  if (!above) return {};
  TRY(const auto existing, commit.find_name(*above));
  if (existing) return {};
  TRY_OK(make_with_parents(commit, {*above, make.partition}));
  return {};
}

Result<MailboxEdit*> make_with_parents(Commit& commit, const MakeMailbox& make) {
  TRY_OK(make_parents(commit, make));
  std::string partition = make.partition;
  if (partition.empty()) {
    TRY(partition, inherited_partition(commit, make.name));
  }
  TRY(auto acl, inherited_acl(commit, make.name));
  TRY(MailboxEdit * made, commit.make_mailbox(make.name, std::move(partition)));
  made->header().attributes = std::move(acl);
  return made;
}

void rename_header(Commit& commit, MailboxEdit& mailbox, const MailboxName& name) {
  MailboxInfo& info = mailbox.header();
  if (info.name.owner != name.owner) {
    commit.rows().erase(key::owned(info.name.owner, info.id));
    commit.rows().put(key::owned(name.owner, info.id), "");
  }
  info.name = name;
}

void delete_mailbox(Commit& commit, MailboxEdit& mailbox) {
  commit.free_name(mailbox.info());
  mailbox.header().deleted_s = std::max<int64_t>(commit.now_s(), 1);
  mailbox.modseq();
}

Result<MailboxInfo> MailStore::create(const NewMailbox& mailbox) {
  return impl_->commit<MailboxInfo>(
      Purpose::kCommit, [mailbox](Commit& commit) { return create_one(commit, mailbox); });
}

Result<MailStore::Committed> MailStore::remove(const UniqueId& id) {
  return impl_->commit<Committed>(Purpose::kFree, [id](Commit& commit) -> Result<Committed> {
    TRY(MailboxEdit * mailbox, commit.live_mailbox(id));
    if (mailbox->info().name.is_inbox())
      return fail(Code::kInvalid, "INBOX can't be deleted");  // RFC 9051 §6.3.5
    delete_mailbox(commit, *mailbox);
    TRY_OK(commit.finish());
    return commit.committed(id);
  });
}

Result<MailStore::Committed> MailStore::set_attributes(const UniqueId& id,
                                                       const Attributes& attributes) {
  return impl_->commit<Committed>(
      Purpose::kCommit,
      [change = MetadataChange{.mailbox = id, .attributes = attributes}](
          Commit& commit) -> Result<Committed> {
        TRY_OK(change_some(commit, change));
        return commit.committed(*change.mailbox);
      });
}

Result<void> MailStore::change_metadata(MetadataChange change) {
  TRY_OK(impl_->commit<bool>(Purpose::kCommit,
                             [change = std::move(change)](Commit& commit) -> Result<bool> {
                               TRY_OK(change_some(commit, change));
                               return true;
                             }));
  return {};
}

Result<UidSet> MailStore::claim_recent(const UniqueId& id) {
  TRY(const MailboxView now, view(id));
  const Uid before = impl_->recent.raise(id, now.info().last_uid, now.info().recent_uid);
  if (before >= now.info().last_uid) return UidSet();
  TRY(const auto states, now.states(UidSet::of(next(before), now.info().last_uid)));
  UidSet out;
  for (const RecordState& state : states) out.add(state.uid);
  return out;
}

Uid MailStore::recent_uid(const MailboxInfo& mailbox) const {
  return std::max(mailbox.recent_uid, impl_->recent.get(mailbox.id));
}

}  // namespace gemel
