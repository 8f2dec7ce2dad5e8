// What the store answers from the index without a transaction.
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "store/impl.h"

namespace gemel {
namespace {

Error no_mailbox(std::string_view name) {
  return {Code::kNotFound, fmt::format("no mailbox \"{}\"", name)};
}

Result<MailboxInfo> find_by_id(const RowReader& rows, const UniqueId& id) {
  TRY(std::optional<MailboxRow> row, read_mailbox(rows, id));
  if (!row) return std::unexpected(no_mailbox(id.text()));
  return std::move(row->info);
}

Result<std::vector<UniqueId>> ids_of(const RowReader& rows, std::string_view owner,
                                     MailStore::Which which) {
  std::vector<UniqueId> out;
  const bool live = which == MailStore::Which::kLive;
  TRY_OK(rows.scan_prefix(live ? key::names(owner) : key::owned(owner),
                          [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                            const std::string_view id =
                                live ? value : row_key.substr(row_key.size() - 16);
                            if (id.size() != 16) return fail(Code::kCorrupt, "a name row is cut");
                            out.push_back(UniqueId::from_key(id));
                            return true;
                          }));
  return out;
}

}  // namespace

Result<MailboxView> MailStore::view(const UniqueId& id, std::string_view seen_by) const {
  MailboxView view;
  view.sets_ = impl_->sets;
  view.index_ = impl_->partitions.index().engine;
  view.snapshot_ = view.index_->snapshot();
  TRY(view.info_, find_by_id(SnapshotReader(view.index_, view.snapshot_), id));
  TRY(const uint32_t partition, impl_->partitions.find(view.info_.partition));
  view.bodies_ = impl_->partitions.at(partition).engine;
  view.engines_ = impl_->engines;
  view.bodies_snapshot_ = view.snapshot_;
  if (partition != kIndexEngine) {
    // The bodies' moment is first: those that come after it are found in the newest state.
    view.bodies_snapshot_ = view.bodies_->snapshot();
    view.snapshot_ = view.index_->snapshot();
    const std::string before = view.info_.partition;
    TRY(view.info_, find_by_id(SnapshotReader(view.index_, view.snapshot_), id));
    if (view.info_.partition != before) return this->view(id, seen_by);  // moved meanwhile
  }
  view.lost_ = [notes = impl_->lost_notes, partition](const Guid& guid) {
    notes->add({partition, guid});
  };
  if (!seen_by.empty()) {
    const SnapshotReader rows(view.index_, view.snapshot_);
    TRY(view.seen_, read_seen(rows, seen_by, id));
  }
  return view;
}

Result<MailboxView> MailStore::view_expunged(const UniqueId& id, std::string_view seen_by) const {
  TRY(MailboxView out, view(id, seen_by));
  out.shows_ = MailboxView::Shows::kExpunged;
  MailboxInfo& info = out.info_;
  info.uidvalidity = expunged_uidvalidity(info);
  info.exists = info.expunged;
  info.bytes = info.expunged_bytes;
  info.recent_uid = info.last_uid;
  info.unseen = info.deleted = 0;
  TRY(const std::vector<RecordState> states, out.states(all_uids()));
  for (const RecordState& state : states) {
    if (!state.flags.has(SystemFlag::kSeen)) ++info.unseen;
    if (state.flags.has(SystemFlag::kDeleted)) ++info.deleted;
  }
  return out;
}

Result<MailboxInfo> MailStore::find(const MailboxName& name) const {
  const SnapshotReader rows = impl_->now();
  TRY(const std::optional<UniqueId> id, read_name(rows, name));
  if (!id) return std::unexpected(no_mailbox(name.text()));
  return find_by_id(rows, *id);
}

Result<std::vector<UniqueId>> MailStore::granted_to(std::string_view identifier) const {
  std::vector<UniqueId> out;
  const std::string prefix = key::granted(identifier);
  TRY_OK(impl_->now().scan_prefix(prefix,
                                  [&](std::string_view row_key, std::string_view) -> Result<bool> {
                                    const std::string_view id = row_key.substr(prefix.size());
                                    if (id.size() != 16)
                                      return fail(Code::kCorrupt, "a grant row is cut");
                                    out.push_back(UniqueId::from_key(id));
                                    return true;
                                  }));
  return out;
}

Result<MailboxInfo> MailStore::find(const UniqueId& id) const {
  return find_by_id(impl_->now(), id);
}

Result<std::vector<MailboxInfo>> MailStore::mailboxes(std::string_view owner, Which which) const {
  const SnapshotReader rows = impl_->now();
  TRY(const std::vector<UniqueId> ids, ids_of(rows, owner, which));
  std::vector<MailboxInfo> out;
  for (const UniqueId& id : ids) {
    TRY(MailboxInfo info, find_by_id(rows, id));
    out.push_back(std::move(info));
  }
  std::ranges::sort(out, {}, [](const MailboxInfo& info) {
    return std::pair<const std::string&, const UniqueId&>(info.name.path, info.id);
  });
  return out;
}

Result<UserInfo> MailStore::user(std::string_view userid, Which which) const {
  TRY(std::optional<UserRow> row, read_user(impl_->now(), userid));
  if (!row || !row->info.modseq || (row->info.is_deleted() && which == Which::kLive))
    return fail(Code::kNotFound, fmt::format("no user \"{}\"", userid));
  return std::move(row->info);
}

Result<std::vector<UserInfo>> MailStore::users(Which which) const {
  return users_after("", SIZE_MAX, which);
}

Result<std::vector<UserInfo>> MailStore::users_after(std::string_view userid, size_t count_max,
                                                     Which which) const {
  std::vector<UserInfo> out;
  TRY_OK(impl_->now().scan(
      key::user(userid) + '\0', key::end_of(std::string(key::kUsers)),
      [&](std::string_view row_key, std::string_view value) -> Result<bool> {
        if (out.size() == count_max) return false;
        TRY(UserRow row, UserRow::decode(row_key.substr(key::kUsers.size()), value));
        if (row.info.modseq && (which == Which::kDeletedToo || !row.info.is_deleted()))
          out.push_back(std::move(row.info));
        return true;
      }));
  return out;
}

Result<std::vector<UserItem>> MailStore::user_items(std::string_view userid,
                                                    std::string_view prefix) const {
  std::vector<UserItem> out;
  const size_t start = key::items(userid).size();
  TRY_OK(impl_->now().scan_prefix(
      key::item(userid, prefix),
      [&](std::string_view row_key, std::string_view value) -> Result<bool> {
        TRY(UserItem item, decode_item(row_key.substr(start), value));
        if (!item.deleted) out.push_back(std::move(item));
        return true;
      }));
  return out;
}

Result<std::optional<std::string>> MailStore::user_item(std::string_view userid,
                                                        std::string_view item_key) const {
  TRY(const auto bytes,
      impl_->partitions.index().engine->get(Table::kIndex, key::item(userid, item_key)));
  if (!bytes) return std::nullopt;
  TRY(UserItem item, decode_item(item_key, *bytes));
  if (item.deleted) return std::nullopt;
  return std::move(item.value);
}

Result<std::vector<Quota>> MailStore::quotas(std::string_view userid) const {
  const SnapshotReader rows = impl_->now();
  TRY(const std::optional<UserRow> row, read_user(rows, userid));
  if (!row || !row->info.modseq || row->info.is_deleted())
    return fail(Code::kNotFound, fmt::format("no user \"{}\"", userid));
  const QuotaUsage usage = row->usage();
  std::vector<Quota> out;
  for (size_t i = 0; i < usage.size(); ++i) {
    Quota quota{static_cast<QuotaResource>(i), usage[i], std::nullopt};
    const std::string_view item_key = kQuotaKinds[i].item;
    TRY(const auto bytes, rows.get(key::item(userid, item_key)));
    if (bytes) {
      TRY(const UserItem item, decode_item(item_key, *bytes));
      const Result<uint64_t> limit = parse_number(item.value);
      if (!item.deleted && limit) quota.limit = *limit;
    }
    out.push_back(quota);
  }
  return out;
}

Result<std::vector<UserItem>> MailStore::user_changes_since(std::string_view userid,
                                                            ModSeq since) const {
  const SnapshotReader rows = impl_->now();
  std::vector<std::string> changed;
  const size_t start = key::item_changes(userid, since).size();
  TRY_OK(rows.scan(key::item_changes(userid, next(since)), key::end_of(key::item_changes(userid)),
                   [&](std::string_view row_key, std::string_view) -> Result<bool> {
                     changed.emplace_back(row_key.substr(start));
                     return true;
                   }));
  std::vector<UserItem> out;
  for (const std::string& item_key : changed) {
    TRY(const auto bytes, rows.get(key::item(userid, item_key)));
    if (!bytes) return fail(Code::kCorrupt, "an item's index row has no item");
    TRY(UserItem item, decode_item(item_key, *bytes));
    out.push_back(std::move(item));
  }
  return out;
}

Digest MailStore::digest() const {
  const auto bytes = impl_->partitions.index().engine->get(Table::kIndex, key::kMeta);
  if (!bytes || !*bytes) return {};
  const auto meta = MetaRow::decode(**bytes);
  return meta ? meta->digest : Digest{};
}

JournalSeq MailStore::journal_head() const { return impl_->committer->journal_head(); }

Result<std::vector<MailStore::JournalEntry>> MailStore::journal_since(JournalSeq since,
                                                                      size_t count_max) const {
  std::vector<JournalEntry> out;
  if (count_max == 0) return out;
  TRY_OK(impl_->now().scan(
      key::journal(JournalSeq(since.value + 1)), key::end_of(std::string(key::kJournal)),
      [&](std::string_view row_key, std::string_view value) -> Result<bool> {
        TRY(key::Entity entity, key::decode_entity(value));
        out.push_back(
            {JournalSeq(get_be64(row_key.substr(key::kJournal.size()))), std::move(entity)});
        return out.size() < count_max;
      }));
  return out;
}

Result<std::optional<std::string>> MailStore::channel_get(std::string_view channel,
                                                          std::string_view item_key) const {
  return impl_->partitions.index().engine->get(Table::kIndex, key::channel(channel, item_key));
}

Result<void> MailStore::channel_put(
    std::string_view channel, const std::vector<std::pair<std::string, std::string>>& values) {
  if (impl_->options.read_only) return fail(Code::kReadOnly, "the store is open to read only");
  EngineBatch batch;
  for (const auto& [item_key, value] : values)
    batch.push_back({Table::kIndex, key::channel(channel, item_key), value});
  return impl_->partitions.index().engine->write(batch, Engine::Durability::kLazy);
}

Result<void> MailStore::channel_forget(std::string_view channel) {
  if (impl_->options.read_only) return fail(Code::kReadOnly, "the store is open to read only");
  EngineBatch batch;
  TRY_OK(impl_->now().scan_prefix(
      key::channel(channel), [&](std::string_view row_key, std::string_view) -> Result<bool> {
        batch.push_back({Table::kIndex, std::string(row_key), std::nullopt});
        return true;
      }));
  return impl_->partitions.index().engine->write(batch, Engine::Durability::kLazy);
}

Result<void> MailStore::channel_erase(std::string_view channel,
                                      const std::vector<std::string>& keys) {
  if (impl_->options.read_only) return fail(Code::kReadOnly, "the store is open to read only");
  EngineBatch batch;
  for (const std::string& item_key : keys)
    batch.push_back({Table::kIndex, key::channel(channel, item_key), std::nullopt});
  return impl_->partitions.index().engine->write(batch, Engine::Durability::kLazy);
}

Result<std::vector<std::pair<std::string, std::string>>> MailStore::channel_scan(
    std::string_view channel, std::string_view prefix, std::string_view after,
    size_t count_max) const {
  std::vector<std::pair<std::string, std::string>> out;
  if (count_max == 0) return out;
  const std::string whole = key::channel(channel, prefix);
  // The key right behind `after`, which itself is not wanted.
  const std::string lower = std::max(whole, key::channel(channel, after) + '\0');
  const size_t name_bytes = key::channel(channel).size();
  TRY_OK(impl_->now().scan(after.empty() ? whole : lower, key::end_of(whole),
                           [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                             out.emplace_back(row_key.substr(name_bytes), value);
                             return out.size() < count_max;
                           }));
  return out;
}

}  // namespace gemel
