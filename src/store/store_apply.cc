// Updates of mailboxes and users, with uids and modseqs as given: on a replica, or in a merge.
#include <fmt/format.h>

#include <set>

#include "mail/lineage.h"
#include "store/apply_items.h"
#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

using Applied = MailStore::Applied;

Error modified(std::string_view what, ModSeq is, ModSeq expected) {
  return {Code::kModified,
          fmt::format("{} is at {}, the update starts from {}", what, is.value, expected.value)};
}

Error invalid(std::string text) { return {Code::kInvalid, std::move(text)}; }

/// The mailbox in the state that the update starts from; a new one when that is 0.
Result<MailboxEdit*> start(Commit& commit, const MailboxUpdate& update) {
  if (update.to < update.from || (update.to == update.from && !update.mends) || !update.to)
    return std::unexpected(invalid("an update must raise the modseq"));
  TRY(MailboxEdit * mailbox, commit.find_mailbox(update.id));
  const ModSeq is = mailbox == nullptr ? ModSeq() : mailbox->info().highestmodseq;
  if (is != update.from) return std::unexpected(modified(update.id.text(), is, update.from));
  if (update.mends && *update.mends != (mailbox == nullptr ? Digest() : mailbox->info().digest))
    return fail(Code::kModified, update.id.text() + " has another digest than the update mends");
  for (const NeededMailbox& needed : update.needs) {
    TRY(const MailboxEdit* other, commit.find_mailbox(needed.id));
    if (other == nullptr || other->info().last_uid < needed.last_uid)
      return fail(Code::kModified, needed.id.text() + " has not come to where messages went");
  }
  if (mailbox != nullptr) return mailbox;
  if (!update.header) return std::unexpected(invalid("a new mailbox needs a header"));
  const MailboxHeader& header = *update.header;
  // Else nobody who goes through the users would ever find it.
  TRY(const UserEdit* owner, commit.user(header.name.owner));
  if (!owner->exists())
    return fail(Code::kUnavailable, "the user " + header.name.owner + " is not here yet");
  MailboxInfo info;
  info.id = update.id;
  info.name = header.name;
  info.partition = header.partition;
  info.uidvalidity = header.uidvalidity;
  info.created_s = header.created_s;
  info.deleted_s = header.deleted_s;
  info.attributes = header.attributes;
  return commit.add_mailbox(std::move(info));
}

/// A replica learns from a lineage which terms there are; a primary's own is above them all.
Result<void> check_lineage(Commit& commit, const Lineage& lineage, ModSeq highest) {
  if (!is_sound(lineage, highest)) return std::unexpected(invalid("a lineage is out of order"));
  if (lineage.empty()) return {};
  MetaRow& meta = commit.meta();
  const Term& last = lineage.back().term;
  if (meta.role == StoredRole::kPrimary && last > meta.term)
    return std::unexpected(invalid("a lineage knows a later term than this server"));
  meta.heard = std::max(meta.heard, last);
  return {};
}

/// What the header says beyond the records: name, deletion, partition, attributes, lineage.
Result<void> apply_header(Commit& commit, MailboxEdit& mailbox, const MailboxHeader& header) {
  MailboxInfo& info = mailbox.header();
  if (header.uidvalidity != info.uidvalidity || !header.uidvalidity)
    return std::unexpected(invalid("a mailbox keeps its uidvalidity"));
  const bool was_named = !info.is_deleted();
  const bool is_named = header.deleted_s == 0;
  if (was_named && (!is_named || header.name != info.name)) commit.free_name(info);
  if (is_named && (!was_named || header.name != info.name))
    TRY_OK(commit.take_name(header.name, info.id));
  rename_header(commit, mailbox, header.name);
  TRY_OK(move_bodies(commit, mailbox, header.partition));
  info.created_s = header.created_s;
  info.deleted_s = header.deleted_s;
  info.attributes = header.attributes;
  info.lineage = header.lineage;
  return {};
}

/// Uids and modseqs only grow, and stay within each other (invariants I2, I3).
Result<void> apply_numbers(MailboxEdit& mailbox, const MailboxUpdate& update) {
  MailboxInfo& info = mailbox.header();
  if (update.last_uid < info.last_uid) return std::unexpected(invalid("last_uid goes back"));
  if (update.recent_uid > update.last_uid)
    return std::unexpected(invalid("recent_uid is above last_uid"));
  const bool goes_back = update.purged_modseq < info.purged_modseq;
  if ((goes_back && !update.mends) || update.purged_modseq > update.to)
    return std::unexpected(invalid("purged_modseq goes back, or is above highestmodseq"));
  info.last_uid = update.last_uid;
  info.recent_uid = update.recent_uid;
  info.purged_modseq = update.purged_modseq;
  mailbox.raise_to(update.to);
  return {};
}

/// Tombstones up to purged_modseq go; in a deleted mailbox that was purged, all records do.
Result<void> apply_purge(Commit& commit, MailboxEdit& mailbox) {
  const MailboxInfo& info = mailbox.info();
  if (info.is_deleted() && info.purged_modseq == info.highestmodseq)
    return forget_all_records(commit, mailbox);
  if (!info.purged_modseq || info.expunged == 0) return {};
  TRY(const std::vector<RecordState> states, mailbox.states(all_uids()));
  UidSet uids;
  for (const RecordState& state : states)
    if (state.expunged && state.modseq <= info.purged_modseq) uids.add(state.uid);
  return forget_records(commit, mailbox, uids);
}

Result<MailboxEdit*> change_mailbox(Commit& commit, const MailboxUpdate& update,
                                    const StagedBodies& bodies) {
  TRY(MailboxEdit * mailbox, start(commit, update));
  if (update.header) {
    TRY_OK(check_lineage(commit, update.header->lineage, update.to));
    TRY_OK(apply_header(commit, *mailbox, *update.header));
  }
  const Uid old_last_uid = mailbox->info().last_uid;
  TRY_OK(apply_numbers(*mailbox, update));
  TRY(const LateKeywords late, apply_items(commit, *mailbox, {update, bodies, old_last_uid}));
  TRY_OK(apply_purge(commit, *mailbox));
  for (const auto& [keyword, uids] : late) {
    const Result<void> added = mailbox->add_late(keyword, uids);
    // A state on the way to the primary's, which alone is sure to have places for all: the digest
    // at the end tells that something is missing, and that is mended.
    const bool is_left_out = !update.mends && !added && added.error().code == Code::kLimit;
    if (!is_left_out) TRY_OK(added);
  }
  return mailbox;
}

/// Where a merge keeps a mailbox, its user is kept too.
Result<void> revive_owner(Commit& commit, const MailboxInfo& info) {
  if (info.is_deleted()) return {};
  TRY(UserEdit * user, commit.user(info.name.owner));
  if (!user->exists() || user->is_live()) return {};
  user->modseq();
  user->header().deleted_s = 0;
  return {};
}

/// A merge changes modseqs of messages as it is; those of \Seen alone it leaves.
Result<void> add_seen(Commit& commit, const AlsoSeen& also) {
  TRY(const UserEdit* user, commit.user(also.userid));
  if (!user->is_live()) return {};
  TRY(SeenEdit * seen, commit.seen(also.userid, also.mailbox));
  also.uids.for_each([&](Uid uid) { seen->add(uid); });
  return {};
}

/// What one transaction takes.
struct Updates {
  std::vector<MailboxUpdate> mailboxes;
  std::vector<AlsoSeen> seen = {};
};

Result<Applied> apply_mailboxes(Commit& commit, const Updates& all, const StagedBodies& bodies,
                                Purpose purpose) {
  const std::vector<MailboxUpdate>& updates = all.mailboxes;
  if (updates.empty()) return std::unexpected(invalid("an update of nothing"));
  std::set<UniqueId> ids;
  const MailboxEdit* last = nullptr;
  for (const MailboxUpdate& update : updates) {
    if (!ids.insert(update.id).second)
      return std::unexpected(invalid("a transaction updates a mailbox twice"));
    TRY(last, change_mailbox(commit, update, bodies));
    if (purpose == Purpose::kMerge) TRY_OK(revive_owner(commit, last->info()));
  }
  for (const AlsoSeen& also : all.seen) TRY_OK(add_seen(commit, also));
  TRY_OK(commit.finish());
  return Applied{last->info().highestmodseq, last->info().digest,
                 commit.committed(last->info().id).journal};
}

/// The user in the state that the update starts from.
Result<UserEdit*> start_user(Commit& commit, const UserUpdate& update) {
  if (update.to < update.from || (update.to == update.from && !update.mends) || !update.to)
    return std::unexpected(invalid("an update must raise the modseq"));
  TRY(UserEdit * user, commit.user(update.userid));
  const UserInfo& info = user->info();
  if (info.modseq != update.from)
    return std::unexpected(modified(update.userid, info.modseq, update.from));
  if (update.mends && *update.mends != (user->exists() ? info.data_digest : Digest()))
    return fail(Code::kModified, update.userid + " has another digest than the update mends");
  return user;
}

Result<Applied> apply_user(Commit& commit, const UserUpdate& update) {
  TRY(UserEdit * user, start_user(commit, update));
  // As the other way round in start(): whoever goes through the users must find them.
  if (update.deleted_s != 0 && user->info().mailboxes > 0)
    return fail(Code::kUnavailable, "mailboxes of " + update.userid + " live here still");
  user->header().created_s = update.created_s;
  user->header().deleted_s = update.deleted_s;
  if (update.lineage) {
    TRY_OK(check_lineage(commit, *update.lineage, update.to));
    user->header().lineage = *update.lineage;
  }
  user->raise_to(update.to);
  if (!update.drops.empty() && !update.mends)
    return std::unexpected(invalid("only what mends may drop items"));
  for (const std::string& item_key : update.drops) TRY_OK(user->drop(item_key));
  const ModSeq above = update.mends ? ModSeq() : update.from;
  for (const UserItem& item : update.items) {
    if (item.modseq <= above || item.modseq > update.to)
      return std::unexpected(invalid("an item's modseq is out of range"));
    TRY_OK(user->put(item));
  }
  TRY_OK(commit.finish());
  return Applied{user->info().modseq, user->info().data_digest,
                 commit.committed_user(update.userid).journal};
}

Result<MailboxEdit*> start_rename(Commit& commit, const RenameItem& item) {
  TRY(MailboxEdit * mailbox, commit.find_mailbox(item.id));
  const ModSeq is = mailbox == nullptr ? ModSeq() : mailbox->info().highestmodseq;
  if (mailbox == nullptr || is != item.from)
    return std::unexpected(modified(item.id.text(), is, item.from));
  if (mailbox->info().name != item.old_name)
    return fail(Code::kModified, "the mailbox has another name: " + mailbox->info().name.text());
  if (item.to < item.from || mailbox->info().is_deleted())
    return std::unexpected(invalid("a rename of a deleted mailbox, or to a lower modseq"));
  return mailbox;
}

Result<Applied> apply_renames(Commit& commit, const std::vector<RenameItem>& items) {
  if (items.empty()) return std::unexpected(invalid("a rename of nothing"));
  std::set<UniqueId> ids;
  for (const RenameItem& item : items) {
    if (!ids.insert(item.id).second)
      return std::unexpected(invalid("a rename names a mailbox twice"));
    TRY(const MailboxEdit* mailbox, start_rename(commit, item));
    commit.free_name(mailbox->info());
  }
  for (const RenameItem& item : items) {
    TRY(MailboxEdit * mailbox, commit.mailbox(item.id));
    TRY_OK(commit.take_name(item.new_name, item.id));
    rename_header(commit, *mailbox, item.new_name);
    TRY_OK(move_bodies(commit, *mailbox, item.partition));
    mailbox->raise_to(item.to);
  }
  TRY_OK(commit.finish());
  TRY(const MailboxEdit* last, commit.mailbox(items.back().id));
  return Applied{last->info().highestmodseq, last->info().digest,
                 commit.committed(items.back().id).journal};
}

}  // namespace

namespace {

/// Whom a mend concerns before it is looked at.
struct MendListeners {
  std::shared_ptr<MailboxSets> sets;
  std::function<Result<void>(const UniqueId&, const Digest&)> before_mend;  // may be none

  Result<void> hear(const MailboxUpdate& update) const {
    if (!update.mends) return {};
    sets->distrust(update.id, update.to);
    return before_mend ? before_mend(update.id, *update.mends) : Result<void>();
  }
};

/// What prepares `updates` as one transaction.
TypedRequest<Applied>::Prepare all_of(Updates updates, const std::vector<StagedBody>& bodies,
                                      Purpose purpose, MendListeners listeners) {
  StagedBodies by_guid;
  for (const StagedBody& body : bodies) by_guid.emplace(body.guid(), body);
  return [updates = std::move(updates), by_guid = std::move(by_guid), purpose,
          listeners = std::move(listeners)](Commit& commit) -> Result<Applied> {
    for (const MailboxUpdate& update : updates.mailboxes) TRY_OK(listeners.hear(update));
    return apply_mailboxes(commit, updates, by_guid, purpose);
  };
}

}  // namespace

std::future<Result<Applied>> MailStore::apply(MailboxUpdate update,
                                              std::vector<StagedBody> bodies) {
  Updates one;
  one.mailboxes.push_back(std::move(update));
  return impl_->submit<Applied>(Purpose::kApply, all_of(std::move(one), bodies, Purpose::kApply,
                                                        {impl_->sets, impl_->options.before_mend}));
}

std::future<Result<Applied>> MailStore::merge(std::vector<MailboxUpdate> updates,
                                              std::vector<StagedBody> bodies,
                                              std::vector<AlsoSeen> seen) {
  return impl_->submit<Applied>(
      Purpose::kMerge, all_of({std::move(updates), std::move(seen)}, bodies, Purpose::kMerge,
                              {impl_->sets, impl_->options.before_mend}));
}

std::future<Result<Applied>> MailStore::apply(UserUpdate update) {
  return impl_->submit<Applied>(Purpose::kApply, [update = std::move(update)](Commit& commit) {
    return apply_user(commit, update);
  });
}

std::future<Result<Applied>> MailStore::merge(UserUpdate update) {
  return impl_->submit<Applied>(Purpose::kMerge, [update = std::move(update)](Commit& commit) {
    return apply_user(commit, update);
  });
}

std::future<Result<Applied>> MailStore::apply(std::vector<RenameItem> renames) {
  return impl_->submit<Applied>(Purpose::kApply, [renames = std::move(renames)](Commit& commit) {
    return apply_renames(commit, renames);
  });
}

std::future<Result<Applied>> MailStore::merge(std::vector<RenameItem> renames) {
  return impl_->submit<Applied>(Purpose::kMerge, [renames = std::move(renames)](Commit& commit) {
    return apply_renames(commit, renames);
  });
}

}  // namespace gemel
