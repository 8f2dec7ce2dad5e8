#include "store/replica_fixture.h"

namespace gemel {
namespace {

MailboxHeader header_of(const MailboxInfo& info) {
  return {info.name,      info.partition, info.uidvalidity,
          info.created_s, info.deleted_s, info.attributes};
}

AppendItem append_item(const Record& record, const MailboxInfo& info) {
  return {.uid = record.state.uid,
          .modseq = record.state.modseq,
          .created_modseq = record.facts.created_modseq,
          .flags = names_of(record.state.flags, info.keywords),
          .expunged = record.state.expunged,
          .internaldate_s = record.facts.internaldate_s,
          .savedate_s = record.facts.savedate_s,
          .guid = record.facts.guid,
          .size = record.facts.size,
          .crlf_growth = record.facts.crlf_growth,
          .uidl = record.facts.uidl};
}

/// Of a record that both have.
void add_change(std::vector<ChangeItem>& items, const RecordState& state, const MailboxInfo& info) {
  const UidSet uid = UidSet::of(state.uid, state.uid);
  items.push_back(StoreItem{uid, state.modseq, FlagOp::kSet, names_of(state.flags, info.keywords)});
  if (state.expunged) items.push_back(ExpungeItem{uid, state.modseq});
}

}  // namespace

void take_alice(TestStore& replica) {
  EXPECT_TRUE(replica
                  ->apply(UserUpdate{.userid = "alice",
                                     .from = {},
                                     .to = ModSeq(1),
                                     .created_s = 5,
                                     .deleted_s = 0,
                                     .items = {}})
                  .get());
}

ModSeq TestReplica::state_of(const UniqueId& id) const {
  const auto info = store->find(id);
  return info ? info->highestmodseq : ModSeq();
}

void TestReplica::update_user(TestStore& primary, const std::string& userid) {
  const UserInfo info = primary->user(userid, MailStore::Which::kDeletedToo).value();
  const auto here = store->user(userid, MailStore::Which::kDeletedToo);
  UserUpdate update{.userid = userid,
                    .from = here ? here->modseq : ModSeq(),
                    .to = info.modseq,
                    .created_s = info.created_s,
                    .deleted_s = info.deleted_s,
                    .items = {}};
  if (update.from == update.to) return;
  update.items = primary->user_changes_since(userid, update.from).value();
  const auto applied = store->apply(update).get();
  ASSERT_TRUE(applied) << applied.error().text;
  EXPECT_EQ(applied->digest, info.data_digest);
}

/// All records that changed up to `to`; without a header.
MailboxUpdate TestReplica::changes(TestStore& primary, const UniqueId& id, ModSeq to) {
  const MailboxView view = primary->view(id).value();
  const MailboxInfo& info = view.info();
  const auto here = store->find(id);
  const ModSeq from = here ? here->highestmodseq : ModSeq();
  const Uid last_uid = here ? here->last_uid : Uid();
  MailboxUpdate update{.id = id,
                       .from = from,
                       .to = to,
                       .last_uid = last_uid,
                       .recent_uid = here ? here->recent_uid : Uid(),
                       .purged_modseq = here ? here->purged_modseq : ModSeq(),
                       .header = {},
                       .items = {}};
  auto changed = view.changes_since(from);
  if (!changed) {
    // Expunges are forgotten there: what is here and not there was expunged, and is purged.
    EXPECT_EQ(changed.error().code, Code::kGone);
    UidSet there;
    const auto states =
        view.states(UidSet::of(Uid(1), info.last_uid), MailboxView::Include::kExpungedToo).value();
    for (const RecordState& state : states) there.add(state.uid);
    const UidSet gone = store->view(id).value().uids().value() - there;
    if (!gone.empty() && info.purged_modseq <= to)
      update.items.push_back(ExpungeItem{gone, info.purged_modseq});
    changed = view.changes_since(ModSeq());
    std::erase_if(*changed, [&](const RecordState& state) { return state.modseq <= from; });
  }
  for (const RecordState& state : *changed) {
    if (state.uid <= last_uid) {
      if (state.modseq <= to) add_change(update.items, state, info);
      continue;
    }
    // What came by `to` is there by then, so that no uid comes below last_uid later, although it
    // has changed again since: that comes with the next update.
    AppendItem item = append_item(view.record(state.uid).value(), info);
    if (item.created_modseq > to) continue;
    item.modseq = std::min(item.modseq, to);
    update.last_uid = std::max(update.last_uid, state.uid);
    update.items.push_back(std::move(item));
  }
  return update;
}

void TestReplica::apply(TestStore& primary, MailboxUpdate update) {
  const MailboxView view = primary->view(update.id).value();
  auto applied = store->apply(update, {}).get();
  if (!applied && applied.error().code == Code::kNotFound) {
    // The bodies that were missing come along the second time.
    std::vector<StagedBody> bodies;
    std::string_view rest = applied.error().text;
    while (!rest.empty()) {
      const std::string_view hex = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(rest.size(), hex.size() + 1));
      const Guid guid = Guid::parse(hex).value();
      bodies.push_back(
          store.stage(view.body(guid).value().read_all().value(), view.info().partition));
      EXPECT_EQ(bodies.back().guid(), guid);
    }
    applied = store->apply(update, bodies).get();
  }
  ASSERT_TRUE(applied) << applied.error().text;
  EXPECT_EQ(applied->highestmodseq, update.to);
  if (update.to == view.info().highestmodseq && update.header) {
    EXPECT_EQ(applied->digest, view.info().digest);
  }
}

void TestReplica::update_mailbox(TestStore& primary, const UniqueId& id) {
  const MailboxInfo info = primary.info(id);
  if (state_of(id) == info.highestmodseq) return;
  // A long way is gone in two steps, as a sender does that must bound its transactions.
  const ModSeq from = state_of(id);
  const ModSeq half(from.value + (info.highestmodseq.value - from.value) / 2);
  if (from && half.value > from.value + 1) apply(primary, changes(primary, id, half));
  MailboxUpdate update = changes(primary, id, info.highestmodseq);
  update.last_uid = info.last_uid;
  update.recent_uid = info.recent_uid;
  update.purged_modseq = info.purged_modseq;
  update.header = header_of(info);
  apply(primary, std::move(update));
}

void TestReplica::apply_renames(TestStore& primary, const std::vector<UniqueId>& ids) {
  std::vector<RenameItem> renames;
  for (const UniqueId& id : ids) {
    const MailboxInfo info = primary.info(id);
    const auto here = store->find(id);
    if (!here || here->is_deleted() || info.is_deleted() || here->name == info.name) continue;
    // The state stays: the update behind it brings what changed, the rename's own modseq too.
    renames.push_back(
        {id, here->name, info.name, info.partition, here->highestmodseq, here->highestmodseq});
  }
  if (renames.empty()) return;
  const auto applied = store->apply(renames).get();
  ASSERT_TRUE(applied) << applied.error().text;
}

void TestReplica::catch_up(TestStore& primary) {
  const auto entries = primary->journal_since(position_, SIZE_MAX).value();
  std::vector<UniqueId> ids;
  for (const MailStore::JournalEntry& entry : entries) {
    position_ = entry.seq;
    if (const auto* id = std::get_if<UniqueId>(&entry.entity))
      ids.push_back(*id);
    else
      update_user(primary, std::get<std::string>(entry.entity));
  }
  for (const UniqueId& id : ids)  // these give up their names
    if (primary.info(id).is_deleted() && state_of(id)) update_mailbox(primary, id);
  apply_renames(primary, ids);
  for (const UniqueId& id : ids) update_mailbox(primary, id);
}

void TestReplica::expect_equal(TestStore& primary) {
  EXPECT_EQ(store->digest(), primary->digest());
  const auto users = primary->users(MailStore::Which::kDeletedToo).value();
  const auto here = store->users(MailStore::Which::kDeletedToo).value();
  ASSERT_EQ(users.size(), here.size());
  for (size_t i = 0; i < users.size(); ++i) {
    EXPECT_EQ(users[i].digest, here[i].digest);
    EXPECT_EQ(users[i].mailboxes, here[i].mailboxes);
    const auto there = primary->mailboxes(users[i].userid, MailStore::Which::kDeletedToo).value();
    for (const MailboxInfo& info : there) {
      const MailboxInfo mine = store.info(info.id);
      EXPECT_EQ(mine.digest, info.digest) << info.name.text();
      EXPECT_EQ(mine.exists, info.exists);
      EXPECT_EQ(mine.unseen, info.unseen);
      EXPECT_EQ(mine.bytes, info.bytes);
    }
  }
}

}  // namespace gemel
