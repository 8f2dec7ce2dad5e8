#include "sync/replica_routes.h"

#include <algorithm>

namespace gemel::sync {
namespace {

// Other places of a body that are looked at, and views kept of them.
constexpr size_t kHoldersMax = 16;
constexpr size_t kSourcesMax = 64;
// What went wrong is remembered for so many; of what is forgotten it goes wrong once more.
constexpr size_t kMissingMax = 100'000;

}  // namespace

void ReplicaRoutes::lacks(const Guid& guid) {
  held_.erase(guid);
  if (missing_.size() >= kMissingMax) missing_.clear();
  missing_.insert(guid);
}

void ReplicaRoutes::no_copies_to(const UniqueId& mailbox) {
  if (no_copies_.size() >= kMissingMax) no_copies_.clear();
  no_copies_.insert(mailbox);
}

Result<Route> ReplicaRoutes::route(const MailboxView& target, const RecordRow& message) {
  const Guid& guid = message.facts.guid;
  const auto key = std::make_pair(target.info().partition, guid);
  const bool is_missing = missing_.contains(guid);
  bool is_there = sent_.contains(key) || (held_.contains(guid) && !is_missing);
  // A copy says no UIDL.
  const bool may_copy =
      !no_copies_.contains(target.info().id) && !is_missing && message.facts.uidl.empty();
  TRY(const std::vector<MailboxView::Holder> holders, target.holders(guid, kHoldersMax));
  for (const MailboxView::Holder& holder : holders) {
    if (is_missing) break;
    const std::optional<ReplicaMailbox> there = memory_.mailbox(holder.mailbox);
    if (!there || holder.uid > there->last_uid) continue;
    is_there = true;
    if (!may_copy) break;
    const std::optional<ReplicaMailbox> source = memory_.source(holder.mailbox);
    if (!source) continue;
    TRY(const std::optional<Route> copy, copy_of(holder, *source, message));
    if (copy) return *copy;
  }
  // From now on a message there tells of the body.
  sent_.insert(key);
  held_.erase(guid);
  if (is_there) return Route{.kind = Route::Kind::kByGuid};
  return Route{.kind = Route::Kind::kInline};
}

Result<bool> ReplicaRoutes::is_held(const MailboxView& target, const Guid& guid) {
  TRY(const std::vector<MailboxView::Holder> holders, target.holders(guid, kHoldersMax));
  for (const MailboxView::Holder& holder : holders) {
    const std::optional<ReplicaMailbox> there = memory_.mailbox(holder.mailbox);
    if (there && holder.uid <= there->last_uid) return true;
  }
  return false;
}

// The flags need not be said if the replica's source has them: if the source has not changed since.
Result<std::optional<Route>> ReplicaRoutes::copy_of(const MailboxView::Holder& holder,
                                                    const ReplicaMailbox& there,
                                                    const RecordRow& message) {
  TRY(Source * from, source(holder.mailbox, there.highestmodseq));
  if (from == nullptr || !knows_uid(from->view.info(), there, holder.uid)) return std::nullopt;
  const Result<Record> record = from->view.record(holder.uid);
  if (!record) return std::nullopt;  // purged since the holders were read
  if (record->facts.internaldate_s != message.facts.internaldate_s) return std::nullopt;
  Route route{.kind = Route::Kind::kCopy, .source = holder.mailbox, .source_uid = holder.uid};
  if (names_of(record->state.flags, from->view.info().keywords) != message.flags) return route;
  TRY(const bool is_as_there, is_as_there(*from, there, record->state));
  if (is_as_there) route.flags = Route::Flags::kAsSource;
  return route;
}

// Whether the message has the flags that it has there, though it may have been expunged since.
Result<bool> ReplicaRoutes::is_as_there(Source& source, const ReplicaMailbox& there,
                                        const RecordState& state) {
  const ModSeq since = there.highestmodseq;
  if (state.modseq <= since) return true;
  if (!there.is_whole()) return false;
  if (source.since != since) {
    TRY(source.flips, source.view.flips_since(since));
    source.since = since;
  }
  return source.flips && std::ranges::none_of(*source.flips, [&](const FlagFlips& flips) {
           return flips.first <= state.uid && state.uid <= flips.last && flips.bits != Flags();
         });
}

Result<ReplicaRoutes::Source*> ReplicaRoutes::source(const UniqueId& id, ModSeq at_least) {
  auto found = sources_.find(id);
  if (found != sources_.end() && found->second.view.info().highestmodseq >= at_least)
    return &found->second;
  if (sources_.size() >= kSourcesMax) sources_.clear();
  Result<MailboxView> view = store_.view(id);
  if (!view && view.error().code == Code::kNotFound) return nullptr;
  if (!view) return std::unexpected(view.error());
  return &sources_.insert_or_assign(id, Source{.view = std::move(*view)}).first->second;
}

}  // namespace gemel::sync
