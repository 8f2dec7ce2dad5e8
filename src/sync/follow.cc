#include "sync/follow.h"

#include <algorithm>

#include "sync/merge_flags.h"
#include "sync/merge_keywords.h"
#include "sync/records.h"

namespace gemel::sync {
namespace {

// Marks what is due in `rows`, and in `onward` what has gone further. What it has expunged.
struct Marked {
  UidSet expunged;
  UidSet went_on;
};
Marked mark_due(const Fold& fold, const std::vector<RecordRow>& from, std::vector<RecordRow>& rows,
                Folds& onward) {
  Marked out;
  const UidSet uids = due(fold, from, rows, onward);
  for (RecordRow& row : rows) {
    if (!uids.contains(row.uid)) continue;
    (row.expunged ? out.went_on : out.expunged).add(row.uid);
    row.expunged = true;
  }
  onward.expunge(out.went_on);
  return out;
}

RecordRow& row_at(std::vector<RecordRow>& rows, Uid uid) {
  return *std::ranges::lower_bound(rows, uid, {}, &RecordRow::uid);
}

// Of those in `to`, the ones that came by `fold` from others whose flags have changed since: they
// change here as well, unless they have here. Which they are.
UidSet take_flags(const Fold& fold, const Following::Gone& from, Following::Gone& to) {
  UidSet out;
  if (from.flags_before.empty()) return out;
  std::map<Uid, const RecordRow*> sources;
  for (const RecordRow& row : from.rows) sources.emplace(row.uid, &row);
  for (const auto& [source, uid] : twins(fold, from.rows, to.rows)) {
    const auto before = from.flags_before.find(source);
    if (before == from.flags_before.end()) continue;
    const FlagNames& there = sources.at(source)->flags;
    RecordRow& row = row_at(to.rows, uid);
    FlagNames flags = merged_flags({row.flags, flipped(row.flags, before->second)},
                                   {there, flipped(there, before->second)});
    if (are_same(flags, row.flags)) continue;
    to.flags_before.try_emplace(uid, std::exchange(row.flags, std::move(flags)));
    out.add(uid);
  }
  return out;
}

}  // namespace

Result<Following::Place*> Following::place_of(const UniqueId& id) {
  if (const auto found = places_.find(id); found != places_.end()) return &found->second;
  if (not_to_.contains(id)) return nullptr;
  const Result<MailboxView> view = store_.view(id);
  if (!view && view.error().code == Code::kNotFound) return nullptr;
  if (!view) return std::unexpected(view.error());
  const MailboxInfo& info = view->info();
  TRY(std::vector<RecordRow> rows, rows_of(*view));
  Place place{
      .info = info, .records = {.rows = std::move(rows)}, .folds = Folds::of(info.attributes)};
  return &places_.emplace(id, std::move(place)).first->second;
}

// Ends: each time that it comes to a place again, more has changed there.
Result<void> Following::follow(const Folds& folds, const Gone& from) {
  const std::vector<Fold> all = folds.all();
  for (const Fold& fold : all) {
    if (fold.expunged.empty() && from.flags_before.empty()) continue;
    TRY(Place * place, place_of(fold.into));
    if (place == nullptr) continue;
    Gone& there = place->records;
    UidSet changed = take_flags(fold, from, there);
    place->flagged.add(changed);
    const Marked marked = mark_due(fold, from.rows, there.rows, place->folds);
    place->expunged.add(marked.expunged);
    changed.add(marked.went_on);
    if (!(changed & place->folds.uids()).empty()) TRY_OK(follow(place->folds, Gone(there)));
  }
  return {};
}

// Of keywords that messages are to get there. All that were there stay.
KeywordSet Following::too_many(const Place& place) {
  if (place.flagged.empty()) return {};
  KeywordChoice choice;
  for (const RecordRow& row : place.records.rows) {
    const auto before = place.records.flags_before.find(row.uid);
    choice.keep(before == place.records.flags_before.end() ? row.flags : before->second);
    choice.count(row.flags, 1);
  }
  return choice.given_up();
}

std::vector<MailboxUpdate> Following::updates() const {
  std::vector<MailboxUpdate> out;
  for (const auto& [id, place] : places_) {
    MailboxUpdate update{.id = id,
                         .from = place.info.highestmodseq,
                         .to = next(place.info.highestmodseq),
                         .last_uid = place.info.last_uid,
                         .recent_uid = place.info.recent_uid,
                         .purged_modseq = place.info.purged_modseq,
                         .header = header_of(place.info),
                         .items = {},
                         .mends = place.info.digest};
    place.folds.put(update.header->attributes);
    if (!place.expunged.empty())
      update.items.emplace_back(ExpungeItem{.uids = place.expunged, .modseq = update.to});
    const KeywordSet given_up = too_many(place);
    tell_given_up(place.info.name, given_up);
    const UidSet flagged = place.flagged - place.expunged;
    for (const RecordRow& row : place.records.rows)
      if (flagged.contains(row.uid) && !row.expunged)
        update.items.emplace_back(StoreItem{.uids = UidSet::of(row.uid, row.uid),
                                            .modseq = update.to,
                                            .flags = without(row.flags, given_up)});
    const bool changes =
        update.header->attributes != place.info.attributes || !update.items.empty();
    if (changes) out.push_back(std::move(update));
  }
  return out;
}

Result<void> follow_into(MergedMailbox& merged, const UniqueId& id, const MailStore& store,
                         ModSeq floor) {
  const std::set<UniqueId> came = came_from(merged.header.attributes);
  for (const UniqueId& source : came) {
    const Result<MailboxView> view = store.view(source);
    if (!view && view.error().code == Code::kNotFound) continue;
    if (!view) return std::unexpected(view.error());
    const std::vector<Fold> folds = Folds::of(view->info().attributes).all();
    for (const Fold& fold : folds) {
      if (fold.into != id || fold.expunged.empty()) continue;
      TRY(const std::vector<RecordRow> from, rows_of(*view, fold.uids));
      Folds onward = Folds::of(merged.header.attributes);
      const Marked marked = mark_due(fold, from, merged.records, onward);
      if (marked.expunged.empty() && marked.went_on.empty()) continue;
      onward.put(merged.header.attributes);
      merged.to = std::max(merged.to, next(floor));
      for (RecordRow& row : merged.records)
        if (marked.expunged.contains(row.uid)) row.modseq = merged.to;
    }
  }
  return {};
}

}  // namespace gemel::sync
