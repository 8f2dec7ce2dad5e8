#include "store/commit.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <set>

#include "base/bytes.h"
#include "mail/lineage.h"

namespace gemel {
namespace {

std::string_view identifier_of(std::string_view attribute) {
  return attribute.substr(kAttributeAcl.size());
}

auto acl_of(const MailboxInfo& mailbox) {
  return std::views::filter(mailbox.attributes, [](const auto& attribute) {
    return attribute.first.starts_with(kAttributeAcl);
  });
}

/// Identifiers that the ACL of a live mailbox names.
std::set<std::string_view> granted_in(const MailboxInfo* mailbox) {
  std::set<std::string_view> out;
  if (mailbox == nullptr || mailbox->is_deleted()) return out;
  for (const auto& [name, rights] : acl_of(*mailbox)) out.insert(identifier_of(name));
  return out;
}

/// As Published::appeared_to.
std::vector<std::string> appeared_to(const MailboxEdit& mailbox) {
  const std::optional<MailboxInfo>& before = mailbox.before();
  const MailboxInfo& now = mailbox.info();
  if (now.is_deleted()) return {};
  if (before && !before->is_deleted() && before->name == now.name &&
      std::ranges::equal(acl_of(*before), acl_of(now)))
    return {};
  std::vector<std::string> out{now.name.owner};
  for (const auto& [name, rights] : acl_of(now)) out.emplace_back(identifier_of(name));
  return out;
}

}  // namespace

Result<MailboxEdit*> Commit::find_mailbox(const UniqueId& id) {
  if (const auto found = mailboxes_.find(id); found != mailboxes_.end()) return &found->second;
  std::optional<MailboxRow> row;
  if (const auto cached = state_->mailboxes.find(id); cached != state_->mailboxes.end()) {
    row = cached->second;
  } else {
    TRY(row, read_mailbox(rows(), id));
  }
  if (!row) return nullptr;
  return &mailboxes_.emplace(id, MailboxEdit(rows(), std::move(*row))).first->second;
}

Result<MailboxEdit*> Commit::mailbox(const UniqueId& id) {
  TRY(MailboxEdit * found, find_mailbox(id));
  if (found == nullptr) return fail(Code::kNotFound, fmt::format("no mailbox {}", id.text()));
  return found;
}

Result<MailboxEdit*> Commit::live_mailbox(const UniqueId& id) {
  TRY(MailboxEdit * found, mailbox(id));
  if (found->info().is_deleted())
    return fail(Code::kNotFound, fmt::format("mailbox {} is deleted", id.text()));
  return found;
}

Result<MailboxEdit*> Commit::make_mailbox(const MailboxName& name, std::string partition) {
  MailboxInfo info;
  info.id = {meta_.origin, ++meta_.last_mailbox};
  info.name = name;
  info.partition = std::move(partition);
  // Never one that was given before, so that a name that comes back is known for another mailbox.
  info.uidvalidity =
      UidValidity(std::max(static_cast<uint32_t>(now_s()), meta_.last_uidvalidity.value + 1));
  info.created_s = now_s();
  TRY(MailboxEdit * made, add_mailbox(std::move(info)));
  made->raise_to(ModSeq(1));
  return made;
}

Result<MailboxEdit*> Commit::add_mailbox(MailboxInfo info) {
  TRY_OK(partitions().find(info.partition));
  meta_.last_uidvalidity = std::max(meta_.last_uidvalidity, info.uidvalidity);
  rows().put(key::owned(info.name.owner, info.id), "");
  if (!info.is_deleted()) TRY_OK(take_name(info.name, info.id));
  const UniqueId id = info.id;
  return &mailboxes_.emplace(id, MailboxEdit(rows(), std::move(info))).first->second;
}

Result<UserEdit*> Commit::user(std::string_view userid) {
  if (const auto found = users_.find(userid); found != users_.end()) return &found->second;
  std::optional<UserRow> row;
  const std::string name(userid);
  if (const auto cached = state_->users.find(name); cached != state_->users.end()) {
    row = cached->second;
  } else {
    TRY(row, read_user(rows(), userid));
  }
  return &users_.emplace(name, UserEdit(rows(), userid, std::move(row))).first->second;
}

Result<SeenEdit*> Commit::seen(std::string_view userid, const UniqueId& mailbox) {
  const std::pair key(std::string(userid), mailbox);
  if (const auto found = seen_.find(key); found != seen_.end()) return &found->second;
  TRY(const UserEdit* who, user(userid));
  if (!who->is_live()) return fail(Code::kNotFound, fmt::format("no user \"{}\"", userid));
  TRY(UidSet uids, read_seen(rows(), userid, mailbox));
  return &seen_.emplace(key, SeenEdit(std::move(uids))).first->second;
}

Result<void> Commit::take_name(const MailboxName& name, const UniqueId& id) {
  TRY(const std::optional<UniqueId> holder, find_name(name));
  if (holder) return fail(Code::kExists, fmt::format("mailbox \"{}\" exists", name.text()));
  rows().put(key::name(name), id.key());
  return {};
}

// Who has the name next has a greater uidvalidity, and greater ones for what is expunged in it.
void Commit::free_name(const MailboxInfo& mailbox) {
  meta_.last_uidvalidity = std::max(meta_.last_uidvalidity, expunged_uidvalidity(mailbox));
  rows().erase(key::name(mailbox.name));
}

Result<void> Commit::add_record(MailboxEdit& mailbox, const RecordState& state,
                                const RecordFacts& facts) {
  TRY(const uint32_t partition, partitions().find(mailbox.info().partition));
  bodies_.link({partition, facts.guid}, {mailbox.info().id, state.uid});
  return mailbox.add(state, facts);
}

Result<void> Commit::forget_record(MailboxEdit& mailbox, Uid uid, const RecordFacts& facts) {
  TRY(const uint32_t partition, partitions().find(mailbox.info().partition));
  TRY_OK(bodies_.unlink({partition, facts.guid}, facts.size, {mailbox.info().id, uid}));
  return mailbox.forget(uid, facts);
}

Result<void> Commit::finish_mailbox(MailboxEdit& mailbox) {
  MailboxInfo& info = mailbox.header();
  // A RENAME is replicated by its names alone, so it must change nothing else.
  const bool renamed = mailbox.before() && (mailbox.before()->name != info.name ||
                                            mailbox.before()->partition != info.partition);
  if (making_ == Making::kCommit && !renamed)
    info.recent_uid = std::max(info.recent_uid, state_->recent->get(info.id));
  if (making_ != Making::kApply)
    info.lineage = extended(std::move(info.lineage), meta_.term, mailbox.modseq_before());
  TRY_OK(mailbox.flush());
  const MailboxInfo* before = mailbox.before() ? &*mailbox.before() : nullptr;
  index_grants(before, info);
  if (before != nullptr && before->name.owner != info.name.owner) {
    TRY(UserEdit * old_owner, user(before->name.owner));
    old_owner->mailbox_changed(before, nullptr);
    before = nullptr;
  }
  TRY(UserEdit * owner, user(info.name.owner));
  owner->mailbox_changed(before, &info);
  return {};
}

void Commit::index_grants(const MailboxInfo* before, const MailboxInfo& after) {
  const std::set<std::string_view> was = granted_in(before);
  const std::set<std::string_view> is = granted_in(&after);
  for (const std::string_view identifier : was)
    if (!is.contains(identifier)) rows().erase(key::granted(identifier, after.id));
  for (const std::string_view identifier : is)
    if (!was.contains(identifier)) rows().put(key::granted(identifier, after.id), "");
}

Result<void> Commit::finish_user(UserEdit& user) {
  if (making_ == Making::kCommit && !without_quota_.contains(user.info().userid))
    TRY_OK(user.check_quota());
  if (making_ == Making::kCommit) TRY_OK(user.check_mailboxes(state_->user_mailboxes_max));
  if (making_ != Making::kApply && user.data_changed())
    user.header().lineage =
        extended(std::move(user.header().lineage), meta_.term, user.modseq_before());
  if (user.data_changed()) {
    TRY(const JournalSeq seq, publish(user.info().userid, user.info().modseq, user.row().journal));
    user.set_journal(seq);
  }
  user.flush();
  if (user.before()) meta_.digest -= in_server_digest(*user.before());
  meta_.digest += in_server_digest(user.info());
  return {};
}

/// The entity's entry goes to the journal's end; it is at `last`, which is what its row said. Gives
/// where it is now.
Result<JournalSeq> Commit::publish(key::Entity entity, ModSeq modseq, JournalSeq last,
                                   std::vector<std::string> appeared_to) {
  if (!last) {
    TRY(last, read_journal(rows(), entity, last));
    if (last) rows().erase(key::entity(entity));
  }
  if (last) rows().erase_once(key::journal(last));
  meta_.journal_head = JournalSeq(meta_.journal_head.value + 1);
  rows().put_once(key::journal(meta_.journal_head), key::encode(entity));
  published_.push_back({std::move(entity), modseq, meta_.journal_head, std::move(appeared_to)});
  return meta_.journal_head;
}

Result<void> Commit::finish_seen() {
  for (const auto& [key, edit] : seen_) {
    if (!edit.changed()) continue;
    TRY(UserEdit * who, user(key.first));
    const UidSet uids = edit.value();
    TRY_OK(who->put({seen_item_key(key.second), uids.text(), who->modseq(), uids.empty()}));
  }
  return {};
}

Result<void> Commit::finish() {
  TRY_OK(finish_seen());
  for (auto& [id, mailbox] : mailboxes_)
    if (mailbox.changed()) TRY_OK(finish_mailbox(mailbox));
  // Users first: what goes to a replica in this order finds its owner there.
  bool any = false;
  for (auto& [userid, user] : users_) {
    if (!user.changed()) continue;
    TRY_OK(finish_user(user));
    any = true;
  }
  for (auto& [id, mailbox] : mailboxes_)
    if (mailbox.changed()) {
      TRY(const JournalSeq seq,
          publish(id, mailbox.info().highestmodseq, mailbox.row().journal, appeared_to(mailbox)));
      mailbox.put_row(seq);
    }
  if (any) put_meta();
  return {};
}

MailStore::Committed Commit::committed(const UniqueId& id) {
  const MailboxRow& row = mailboxes_.at(id).row();
  return {row.info.highestmodseq, read_journal(rows(), id, row.journal).value_or(JournalSeq())};
}

MailStore::Committed Commit::committed_user(std::string_view userid) {
  const UserRow& row = users_.find(userid)->second.row();
  return {row.info.modseq,
          read_journal(rows(), std::string(userid), row.journal).value_or(JournalSeq())};
}

void Commit::accept() {
  state_->meta = meta_;
  for (auto& [id, mailbox] : mailboxes_)
    if (mailbox.changed()) state_->mailboxes.insert_or_assign(id, mailbox.row());
  for (auto& [userid, user] : users_)
    if (user.changed()) state_->users.insert_or_assign(userid, user.row());
}

void CommitState::forget_rows() {
  rows.forget();
  mailboxes.clear();
  users.clear();
}

void CommitState::trim_rows() {
  if (mailboxes.size() > kCachedMax) mailboxes.clear();
  if (users.size() > kCachedMax) users.clear();
}

}  // namespace gemel
