#include "sync/expunge_order.h"

#include <algorithm>

#include "sync/grammar.h"

namespace gemel::sync {
namespace {

// Journal entries that are looked at for whether any other mailbox is behind; where there are more,
// one is taken to be.
constexpr size_t kEntriesMax = 256;
constexpr size_t kViewsMax = 16;

// Whether a reader of the replica sees what we have under the uid.
bool shows(const MailboxInfo& info, const ReplicaMailbox& there, Uid uid) {
  return !there.is_deleted && knows_uid(info, there, uid);
}

}  // namespace

void ExpungeOrder::begin(const MailboxView& view) {
  view_ = &view;
  is_any_behind_.reset();
  views_.clear();
  needs_.clear();
  waits_for_.reset();
}

// Another mailbox of which the replica lacks messages that it may come to have, or isn't known to
// have yet.
std::optional<MailboxInfo> ExpungeOrder::lacking(const UniqueId& id) {
  if (id == view_->info().id) return std::nullopt;
  Result<MailboxInfo> info = store_.find(id);
  if (!info || info->is_deleted()) return std::nullopt;
  const std::optional<ReplicaMailbox> there = memory_.known_mailbox(id);
  if (there && shows(*info, *there, info->last_uid)) return std::nullopt;
  return *std::move(info);
}

// Mostly none is, and then no message needs to be looked at.
Result<bool> ExpungeOrder::is_any_behind() {
  const std::optional<JournalSeq> position = memory_.position();
  if (!position || !memory_.set_aside().empty()) return true;
  TRY(const auto entries, store_.journal_since(*position, kEntriesMax));
  if (entries.size() == kEntriesMax) return true;
  return std::ranges::any_of(entries, [&](const MailStore::JournalEntry& entry) {
    const auto* id = std::get_if<UniqueId>(&entry.entity);
    return id != nullptr && lacking(*id);
  });
}

Result<bool> ExpungeOrder::lives(const MailboxView::Holder& holder) {
  auto found = views_.find(holder.mailbox);
  if (found == views_.end()) {
    Result<MailboxView> view = store_.view(holder.mailbox);
    if (!view && view.error().code == Code::kNotFound) return false;
    if (!view) return std::unexpected(view.error());
    if (views_.size() >= kViewsMax) views_.clear();
    found = views_.emplace(holder.mailbox, std::move(*view)).first;
  }
  if (found->second.info().is_deleted()) return false;
  const Result<Record> record = found->second.record(holder.uid);
  if (!record && record.error().code == Code::kNotFound) return false;
  if (!record) return std::unexpected(record.error());
  return !record->state.expunged;
}

Result<bool> ExpungeOrder::may_expunge(const Guid& guid) {
  if (!is_any_behind_) {
    TRY(is_any_behind_, is_any_behind());
  }
  if (!*is_any_behind_) return true;
  TRY(const auto holders, view_->holders(guid, kPlacesMax, MailboxView::Bodies::kAnywhere));
  for (const MailboxView::Holder& holder : holders) {
    if (holder.mailbox == view_->info().id) continue;
    const std::optional<ReplicaMailbox> known = memory_.known_mailbox(holder.mailbox);
    const Result<MailboxInfo> info = store_.find(holder.mailbox);
    if (!info || (known && shows(*info, *known, holder.uid))) continue;
    if (is_refused_for_long(holder.mailbox) || is_on_its_way(*info, holder.uid)) continue;
    TRY(const bool is_live, lives(holder));
    if (!is_live) continue;
    waits_for_ = holder.mailbox;
    return false;
  }
  return true;
}

Result<bool> ExpungeOrder::may_vanish() {
  const std::optional<JournalSeq> position = memory_.position();
  if (!position) return true;
  TRY(const auto entries, store_.journal_since(*position, kPlacesMax));
  for (const MailStore::JournalEntry& entry : entries) {
    const auto* id = std::get_if<UniqueId>(&entry.entity);
    if (id == nullptr || is_refused_for_long(*id)) continue;
    const std::optional<MailboxInfo> info = lacking(*id);
    if (!info || is_on_its_way(*info, info->last_uid)) continue;
    waits_for_ = *id;
    return false;
  }
  return true;
}

bool ExpungeOrder::is_refused_for_long(const UniqueId& id) const {
  const auto refused = refused_at_ms_.find(id);
  return refused != refused_at_ms_.end() &&
         clock_.monotonic_ms() - refused->second >= kRefusalWaitMs;
}

// Then the update has to come after that. AFTER tells by the last uid: where the replica has one as
// high already, by a history of its own or in a mailbox that is deleted there, only an answer
// tells.
bool ExpungeOrder::is_on_its_way(const MailboxInfo& info, Uid last_uid) {
  const std::optional<ReplicaMailbox> known = memory_.known_mailbox(info.id);
  const std::optional<ReplicaMailbox> expected = memory_.mailbox(info.id);
  if (!says_after_ || !expected || !shows(info, *expected, last_uid) ||
      (known && known->last_uid >= last_uid))
    return false;
  if (needs_.size() >= kNeedsMax && !needs_.contains(info.id)) return false;
  Uid& uid = needs_[info.id];
  uid = std::max(uid, last_uid);
  return true;
}

std::vector<NeededMailbox> ExpungeOrder::needs() const {
  std::vector<NeededMailbox> out;
  for (const auto& [id, uid] : needs_) out.push_back({id, uid});
  return out;
}

}  // namespace gemel::sync
