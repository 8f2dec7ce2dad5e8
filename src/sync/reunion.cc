#include "sync/reunion.h"

#include <fmt/format.h>

#include <algorithm>

#include "mail/charset.h"
#include "mail/lineage.h"
#include "store/hold.h"
#include "sync/folds.h"
#include "sync/grammar.h"
#include "sync/merge_flags.h"
#include "sync/records.h"
#include "sync/seen_along.h"
#include "sync/words.h"

namespace gemel::sync {
namespace {

// Names tried for a mailbox whose own is taken by one that is no twin of it.
constexpr int kNamesMax = 1000;

bool is_emptied(const MailboxState& state) {
  return state.deleted_s != 0 && state.purged_modseq == state.highestmodseq;
}
bool is_emptied(const MailboxInfo& info) {
  return info.is_deleted() && info.purged_modseq == info.highestmodseq;
}

// The modseq up to which both are the same; at equal numbers with other content, nothing is sure.
ModSeq common_of(const MailboxState& theirs, const std::optional<MailboxInfo>& ours) {
  if (!ours) return ModSeq();
  const ModSeq common =
      common_modseq(ours->lineage, ours->highestmodseq, theirs.lineage, theirs.highestmodseq);
  const bool is_equal = common == theirs.highestmodseq && common == ours->highestmodseq;
  return is_equal && theirs.digest != ours->digest ? ModSeq() : common;
}

MailboxSide side_of(const MailboxInfo& info) {
  return {.header = header_of(info),
          .header_modseq = info.header_modseq,
          .attribute_modseqs = info.attribute_modseqs,
          .last_uid = info.last_uid,
          .recent_uid = info.recent_uid,
          .highestmodseq = info.highestmodseq,
          .purged_modseq = info.purged_modseq,
          .changed = {}};
}

Result<MailboxSide> side_of(const MailboxView& view, ModSeq since) {
  MailboxSide side = side_of(view.info());
  TRY(ChangeReader reader, ChangeReader::start(view, since, Uid(1)));
  while (true) {
    TRY(std::vector<ChangedRecord> block, reader.next());
    if (block.empty()) break;
    std::ranges::move(block, std::back_inserter(side.changed));
  }
  return side;
}

MailboxSide side_of(const MailboxState& state, const HeaderState& header) {
  MailboxSide side{.header = {.name = state.name,
                              .partition = state.partition,
                              .uidvalidity = state.uidvalidity,
                              .created_s = header.created_s,
                              .deleted_s = state.deleted_s,
                              .attributes = {},
                              .lineage = state.lineage},
                   .header_modseq = header.header_modseq,
                   .attribute_modseqs = {},
                   .last_uid = state.last_uid,
                   .recent_uid = header.recent_uid,
                   .highestmodseq = state.highestmodseq,
                   .purged_modseq = state.purged_modseq,
                   .changed = {}};
  for (const auto& [name, attribute] : header.attributes) {
    side.attribute_modseqs[name] = attribute.modseq;
    if (attribute.value) side.header.attributes[name] = *attribute.value;
  }
  return side;
}

std::vector<Guid> guids_of(const MailboxUpdate& update) {
  std::vector<Guid> out;
  for (const ChangeItem& item : update.items)
    if (const auto* append = std::get_if<AppendItem>(&item)) out.push_back(append->guid);
  std::ranges::sort(out);
  const auto rest = std::ranges::unique(out);
  out.erase(rest.begin(), rest.end());
  return out;
}

RecordUids uids_of(const std::vector<ChangedRecord>& records) {
  RecordUids out;
  for (const ChangedRecord& record : records)
    (record.row.expunged ? out.expunged : out.live).add(record.row.uid);
  return out;
}

std::set<Guid> guids_of(const std::vector<ChangedRecord>& records) {
  std::set<Guid> out;
  for (const ChangedRecord& record : records) out.insert(record.row.facts.guid);
  return out;
}

// Puts what `source` has and `into` lacks behind the messages that `into` ends with. Returns where
// the messages of `source` are there.
Moves add_folded(MailboxUpdate& into, const UniqueId& source, const Folding& folding,
                 int64_t now_s) {
  for (const auto& [uid, flags] : folding.new_flags)
    into.items.emplace_back(
        StoreItem{.uids = UidSet::of(uid, uid), .modseq = into.to, .flags = flags});
  Moves out = folding.same;
  const AppendFromItem none{.uids = {},
                            .modseq = into.to,
                            .created_modseq = into.to,
                            .savedate_s = now_s,
                            .source = source,
                            .source_uids = {},
                            .flags = std::nullopt};
  AppendFromItem copies = none;
  folding.uids.for_each([&](Uid uid) {
    into.last_uid = next(into.last_uid);
    out.emplace(uid, into.last_uid);
    const auto other = folding.copied_flags.find(uid);
    if (other == folding.copied_flags.end()) {
      copies.uids.add(into.last_uid);
      copies.source_uids.add(uid);
      return;
    }
    AppendFromItem copy = none;
    copy.uids = UidSet::of(into.last_uid, into.last_uid);
    copy.source_uids = UidSet::of(uid, uid);
    copy.flags = other->second;
    into.items.emplace_back(std::move(copy));
  });
  if (!copies.uids.empty()) into.items.emplace_back(std::move(copies));
  return out;
}

// All that lives in the mailbox that goes is in the other one now: should the mailbox come back,
// for it got messages on a side that doesn't know of this yet, they must not be there twice.
void expunge_folded(MailboxUpdate& goes, const std::vector<RecordRow>& rows) {
  ExpungeItem item{.uids = {}, .modseq = goes.to};
  for (const RecordRow& row : rows)
    if (!row.expunged) item.uids.add(row.uid);
  if (!item.uids.empty()) goes.items.emplace_back(std::move(item));
}

// Each of the two says where its messages went, or came from.
void remember_fold(MailboxUpdate& goes, MailboxUpdate& stays, const UidSet& uids, int64_t now_s) {
  Folds folds = Folds::of(goes.header->attributes);
  folds.add(stays.id, now_s, uids);
  folds.put(goes.header->attributes);
  std::set<UniqueId> came = came_from(stays.header->attributes);
  if (!uids.empty()) came.insert(goes.id);
  put_came_from(stays.header->attributes, std::move(came));
}

MailboxName free_name(const MailStore& store, const MailboxName& name) {
  for (int i = 2; i < kNamesMax; ++i) {
    const std::string suffix = fmt::format(" ({})", i);
    const auto path = whole_characters(name.path, kMailboxPathBytesMax - suffix.size());
    MailboxName other{name.owner, std::string(path) + suffix};
    if (!store.find(other)) return other;
  }
  return name;
}

}  // namespace

Lineage up_to(Lineage lineage, ModSeq to) {
  std::erase_if(lineage, [&](const TermStart& start) { return start.from > to; });
  return lineage;
}

MailboxReunion::MailboxReunion(MailboxState theirs, const std::optional<MailboxInfo>& ours)
    : theirs_(std::move(theirs)),
      common_(common_of(theirs_, ours)),
      since_(ours && is_emptied(*ours) ? ModSeq() : common_) {
  const bool is_any_purged = theirs_.purged_modseq || (ours && ours->purged_modseq);
  if (is_any_purged) asks_uids_ = Uids::kAll;
  const bool is_at_equal_numbers =
      ours && !common_ && !is_emptied(theirs_) && ours->highestmodseq == theirs_.highestmodseq;
  if (!is_at_equal_numbers) return;
  is_damaged_ = true;
  // The records that are the same on both sides need no merge.
  search_.emplace(theirs_.id, std::max(theirs_.last_uid, ours->last_uid));
  since_ = theirs_.highestmodseq;
  asks_uids_ = Uids::kNone;
}

// All records are to be told instead.
void MailboxReunion::search_no_more() {
  search_.reset();
  since_ = ModSeq();
  ask_all_over();
}

// What was told is asked for again, and all UIDs with it.
void MailboxReunion::ask_all_over() {
  next_ = Uid(1);
  changed_.clear();
  asked_kept_.reset();
  has_all_ = false;
  asks_uids_ = Uids::kAll;
}

// Ours has come to share more with theirs, by way of a third server: what they changed since then
// is less, and other flags have flipped.
void MailboxReunion::begin_anew(const MailboxInfo& ours) {
  MailboxReunion anew(theirs_, ours);
  anew.bodies_ = std::move(bodies_);
  anew.is_held_there_ = is_held_there_;
  anew.asks_readers_ = asks_readers_;
  anew.readers_ = std::move(readers_);
  *this = std::move(anew);
}

void MailboxReunion::take(const RangeRow& row) {
  if (search_) search_->take(row);
}

Result<void> MailboxReunion::told(MailStore& store) {
  if (!search_ || !search_->is_answered()) return {};
  TRY(const MailboxView view, store.view(theirs_.id));
  TRY_OK(search_->compare(view));
  if (search_->stage() == RangeSearch::Stage::kTooMany) search_no_more();
  return {};
}

Result<UidSet> MailboxReunion::differing(const MailStore& store) const {
  std::map<Uid, const RecordRow*> theirs;
  for (const ChangedRecord& record : changed_) theirs.emplace(record.row.uid, &record.row);
  TRY(const MailboxView view, store.view(theirs_.id));
  UidSet out;
  TRY_OK(each_record(view, search_->differing(), [&](const RecordRow& row) {
    const auto their = theirs.find(row.uid);
    const bool is_same = their != theirs.end() && *their->second == row;
    if (!is_same) out.add(row.uid);
    if (their != theirs.end()) theirs.erase(their);
  }));
  for (const auto& [uid, row] : theirs) out.add(uid);
  return out;
}

bool MailboxReunion::is_due(const MailboxState& theirs, const std::optional<MailboxInfo>& ours) {
  if (!ours) return true;
  if (theirs.highestmodseq == ours->highestmodseq && theirs.digest == ours->digest) return false;
  return common_of(theirs, ours) < theirs.highestmodseq;
}

std::vector<std::string> MailboxReunion::questions() const {
  std::vector<std::string> out;
  if (next_ && search_) out = search_->questions();
  if (search_ && search_->stage() == RangeSearch::Stage::kRanges) return out;
  if (next_) {
    const bool asks_uids = asks_uids_ == Uids::kAll && next_ == Uid(1) && !asked_kept_;
    const ModSeq since = asked_kept_ ? ModSeq() : since_;
    out.push_back(fmt::format("CHANGES {} {} {}{}", theirs_.id.text(), since.value, next_.value,
                              asks_uids ? " UIDS" : ""));
    return out;
  }
  if (asks_readers_ == AsksReaders::kNow) {
    std::string& text = out.emplace_back("READERS " + theirs_.id.text());
    if (!readers_.empty()) put_text(text += ' ', readers_.back().user.userid);
  }
  if (wanted_.empty()) return out;
  std::string text = "BODIES " + theirs_.id.text();
  size_t count = 0;
  for (const Guid& guid : wanted_) {
    if (count++ == kBodiesGuidsMax) break;
    text += ' ';
    put_guid(text, guid);
  }
  out.push_back(std::move(text));
  return out;
}

void MailboxReunion::take(ChangedRecord record) {
  if (!asked_kept_)
    changed_.push_back(std::move(record));
  else if (asked_kept_->contains(record.row.uid))
    kept_.push_back(std::move(record.row));
}

void MailboxReunion::take(StagedBody body) {
  wanted_.erase(body.guid());
  bodies_.emplace(body.guid(), std::move(body));
}

// --- what users have seen who look at it, and it is not theirs ---

void MailboxReunion::take(const UserState& reader) {
  Reader& now = readers_.emplace_back();
  now.user.userid = reader.userid;
  now.user.lineage = reader.lineage;
  ++readers_in_page_;
}

void MailboxReunion::take(UserItem seen) {
  if (!readers_.empty()) readers_.back().seen = std::move(seen);
}

void MailboxReunion::readers_over() {
  const bool is_full = std::exchange(readers_in_page_, 0) >= kReadersMax;
  asks_readers_ = is_full ? AsksReaders::kNow : AsksReaders::kNoMore;
}

std::vector<std::string> MailboxReunion::readers() const {
  std::vector<std::string> out;
  for (const Reader& reader : readers_) out.push_back(reader.user.userid);
  return out;
}

// Whether they are to be told first.
bool MailboxReunion::asks_for_readers() {
  if (asks_readers_ != AsksReaders::kNotYet) return false;
  MailboxInfo info;
  info.name = theirs_.name;
  for (const auto& [name, attribute] : header_.attributes)
    info.attribute_modseqs.emplace(name, attribute.modseq);
  asks_readers_ = is_shared(info) ? AsksReaders::kNow : AsksReaders::kNoMore;
  return asks_readers_ == AsksReaders::kNow;
}

// Of messages that have another uid in the merge. What keeps its uid is the same in all sets.
Result<std::vector<AlsoSeen>> MailboxReunion::seen_along_with(
    const MailStore& store, const std::optional<MailboxView>& ours, const Merging& merging) const {
  const auto& [own, theirs, merged, is_behind, is_held, given_up] = merging;
  TRY(std::vector<AlsoSeen> out,
      seen_along(readers_, {.moves = merged.moves_b,
                            .into = theirs_.id,
                            .not_in = terms_of_one(own, theirs, common_)}));
  if (!ours || merged.moves_a.empty()) return out;
  TRY(const std::vector<Reader> readers, readers_of(store, ours->info()));
  TRY(const std::vector<AlsoSeen> of_ours,
      seen_along(readers, {.moves = merged.moves_a,
                           .into = theirs_.id,
                           .not_in = terms_of_one(theirs, own, common_)}));
  out.insert(out.end(), of_ours.begin(), of_ours.end());
  return out;
}

std::set<Guid> MailboxReunion::held() const {
  std::set<Guid> out = guids_of(changed_);
  for (const RecordRow& row : kept_) out.insert(row.facts.guid);
  return out;
}

// A hold that either side has keeps for both what either still has.
Result<bool> MailboxReunion::is_held(const MailStore& store, const MailboxView& ours,
                                     Clock& clock) const {
  const auto there = header_.attributes.find(std::string(kAttributeHold));
  const bool is_own_there = there != header_.attributes.end() && there->second.value &&
                            parse_hold(*there->second.value) > clock.unix_s();
  if (is_held_there_ || is_own_there) return true;
  TRY(const auto until_s, store.held_until(ours.info()));
  return until_s.has_value();
}

// Whether more of the replica's records are to be told first.
bool MailboxReunion::asks_for_kept(const UidSet& uids) {
  if (uids.empty() || (asked_kept_ && (uids - *asked_kept_).empty())) return false;
  asked_kept_ = uids;
  kept_.clear();
  next_ = Uid(1);
  return true;
}

std::vector<StagedBody> MailboxReunion::bodies() const {
  std::vector<StagedBody> out;
  for (const auto& [guid, body] : bodies_) out.push_back(body);
  return out;
}

// Whether all bodies that the update needs are here; else they are wanted. Those of our own
// messages come along where the update changes the mailbox's partition.
Result<bool> MailboxReunion::has_bodies(MailStore& store, const MailboxUpdate& update,
                                        const MailboxSide& own) {
  std::vector<Guid> guids = guids_of(update);
  std::set<Guid> ours = guids_of(own.changed);
  for (const RecordRow& row : own.kept) ours.insert(row.facts.guid);
  std::erase_if(guids,
                [&](const Guid& guid) { return bodies_.contains(guid) || ours.contains(guid); });
  if (guids.empty()) return true;
  TRY(const MailStore::Pinned pinned, store.reserve(update.header->partition, guids));
  pin_ = pinned.pin;
  wanted_.insert(guids.begin(), guids.end());
  for (const Guid& guid : pinned.held) wanted_.erase(guid);
  return wanted_.empty();
}

bool MailboxReunion::expunges() const {
  return theirs_.deleted_s != 0 || theirs_.purged_modseq > common_ ||
         std::ranges::any_of(changed_, [](const ChangedRecord& one) { return one.row.expunged; });
}

Result<bool> MailboxReunion::has_all(MailStore& store, Clock& clock, const TwinOf& twin_of) {
  if (has_all_) return true;
  TRY(const United united, unite(store, clock, twin_of, Effect::kLook));
  return has_all_ = united.next != United::Next::kBodies;
}

Result<United> MailboxReunion::unite(MailStore& store, Clock& clock, const TwinOf& twin_of,
                                     Effect effect) {
  for (int i = 0; i < kReunionTriesMax; ++i) {
    Result<MailboxView> view = store.view(theirs_.id);
    if (!view && view.error().code != Code::kNotFound) return std::unexpected(view.error());
    std::optional<MailboxView> ours;
    if (view) ours.emplace(std::move(*view));
    Result<United> united = unite_with(store, ours, clock, twin_of, effect);
    if (united || united.error().code != Code::kModified) return united;
  }
  return fail(Code::kModified, "the mailbox keeps changing");
}

// Of a search, what it found is all that there is to merge.
Result<MailboxSide> MailboxReunion::own_side(const MailboxView& view) const {
  if (!search_) return side_of(view, is_emptied(theirs_) ? ModSeq() : common_);
  MailboxSide side = side_of(view.info());
  TRY_OK(each_record(view, search_->differing(),
                     [&](RecordRow row) { side.changed.push_back({std::move(row)}); }));
  side.uids = uids_of(side.changed);
  return side;
}

// Of both sides, where a merge goes by them. Whether the replica's have been told.
Result<bool> MailboxReunion::take_uids(const std::optional<MailboxView>& ours, MailboxSide& own,
                                       MailboxSide& theirs) {
  if (search_) {
    theirs.uids = uids_of(changed_);
  } else if (asks_uids_ == Uids::kAll) {
    theirs.uids = uids_.value_or(RecordUids());
    own.uids.emplace();
    if (ours) {
      TRY(own.uids, uids_of(*ours));
    }
  } else if (ours && ours->info().purged_modseq) {
    ask_all_over();  // purged since
    return false;
  }
  return true;
}

// Nothing: more has to be told first, and questions() says what.
Result<std::optional<MailboxReunion::Merging>> MailboxReunion::begin_merge(
    MailStore& store, const std::optional<MailboxView>& ours, Clock& clock) {
  Merging out{.theirs = side_of(theirs_, header_)};
  MailboxSide& own = out.own;
  MailboxSide& theirs = out.theirs;
  theirs.changed = changed_;
  if (ours) {
    if (ours->info().uidvalidity != theirs_.uidvalidity)
      return fail(Code::kInvalid, "the replica's mailbox of this id has another uidvalidity");
    if (search_ && ours->info().highestmodseq != theirs_.highestmodseq) {
      search_no_more();
      return std::nullopt;
    }
    if (!is_damaged_ && common_of(theirs_, ours->info()) > common_) {
      begin_anew(ours->info());
      return std::nullopt;
    }
    TRY(own, own_side(*ours));
  }
  TRY(const bool has_uids, take_uids(ours, own, theirs));
  if (!has_uids) return std::nullopt;
  TRY(out.is_held, ours ? is_held(store, *ours, clock) : Result<bool>(false));
  out.is_behind = ours && !search_ && common_ == theirs.highestmodseq;
  if (out.is_behind && !out.is_held) {
    out.merged.header = own.header;
    return out;
  }
  if (out.is_held && own.uids && !search_) {
    if (asks_for_kept(may_be_freed(theirs, own))) return std::nullopt;
    theirs.kept = kept_;
    TRY(own.kept, rows_of(*ours, may_be_freed(own, theirs)));
  }
  TRY(out.merged, merge(own, theirs, common_));
  const bool is_theirs = own.highestmodseq == common_ || out.merged.to == theirs.highestmodseq;
  if (out.is_held) TRY_OK(keep_held(out.merged, own, theirs));
  TRY(out.given_up, give_up_keywords(out.merged, ours ? &*ours : nullptr,
                                     std::max(own.highestmodseq, theirs.highestmodseq)));
  // What has nothing of ours that is not in theirs has their lineage, behind which ours goes on: so
  // the replica knows our state, which it is not told, for one of its own.
  out.merged.header.lineage = is_theirs
                                  ? extended(theirs_.lineage, store.term(), theirs_.highestmodseq)
                                  : own.header.lineage;
  return out;
}

Result<std::optional<MailboxHeader>> MailboxReunion::merged_header(MailStore& store, Clock& clock) {
  TRY(MailboxView view, store.view(theirs_.id));
  TRY(std::optional<Merging> merging, begin_merge(store, std::move(view), clock));
  return merging ? std::optional(std::move(merging->merged.header)) : std::nullopt;
}

// To look at it makes no change here; what it comes to is then left open, but for kBodies.
Result<United> MailboxReunion::unite_with(MailStore& store, const std::optional<MailboxView>& ours,
                                          Clock& clock, const TwinOf& twin_of, Effect effect) {
  TRY(std::optional<Merging> merging, begin_merge(store, ours, clock));
  if (!merging) return United{.next = United::Next::kBodies};
  auto& [own, theirs, merged, is_behind, is_held, given_up] = *merging;
  if (is_behind && !is_held) return United{.next = United::Next::kBehind};
  const auto holder =
      merged.header.deleted_s == 0 ? store.find(merged.header.name) : fail(Code::kNotFound, "");
  const bool is_taken = holder && holder->id != theirs_.id;
  Twin twin;
  if (is_taken) {
    TRY(twin, twin_of(*holder));
  }
  if (twin.is == Twin::Is::kAsked) return United{.next = United::Next::kBodies};
  const bool waits = twin.is == Twin::Is::kGoes;
  const bool folds = is_taken && !ours && twin.is == Twin::Is::kKnown;
  if (is_taken && !folds && !waits) {
    merged.header.name = free_name(store, merged.header.name);
    merged.to = std::max(merged.to, next(std::max(own.highestmodseq, theirs.highestmodseq)));
  }
  TRY_OK(follow_into(merged, theirs_.id, store, std::max(own.highestmodseq, theirs.highestmodseq)));
  if (ours) spare_modseq(merged, own, theirs, common_);
  std::optional<MailboxUpdate> update = mend(merged, own, common_);
  std::vector<UniqueId> changed;
  if (update) {
    update->id = theirs_.id;
    update->mends = ours ? ours->info().digest : Digest();
    TRY(const bool has_bodies, this->has_bodies(store, *update, own));
    const bool asks_readers = (folds || !merged.moves_b.empty()) && asks_for_readers();
    if (!has_bodies || asks_readers) return United{.next = United::Next::kBodies};
    if (effect == Effect::kLook) return United{};
    if (waits) return United{.next = United::Next::kNamed, .other = holder->id};
    TRY(auto updates, followed(store, ours, merged, {theirs_.id, folds ? holder->id : theirs_.id}));
    for (const MailboxUpdate& one : updates) changed.push_back(one.id);
    if (folds)
      return fold_into(store, {std::move(*update), merged.records, std::move(updates)}, *holder,
                       twin, clock);
    updates.push_back(std::move(*update));
    TRY(std::vector<AlsoSeen> seen, seen_along_with(store, ours, *merging));
    TRY_OK(store.merge(std::move(updates), bodies(), std::move(seen)).get());
    tell_given_up(merged.header.name, given_up);
  }
  if (effect == Effect::kLook) return United{};
  if (is_behind) return United{.next = United::Next::kBehind, .changed = std::move(changed)};
  TRY(United united, mend_theirs(store, merged, theirs));
  united.changed = std::move(changed);
  return united;
}

// Of messages that have gone from this mailbox, as the merge has them: and their flags as they were
// on the side from which they went.
Result<Following::Gone> MailboxReunion::gone_by(const Folds& folds,
                                                const std::optional<MailboxView>& ours,
                                                const MergedMailbox& merged) const {
  std::map<Uid, RecordRow> rows;
  std::map<Uid, FlagNames> before;
  if (ours) {
    const UidSet own = Folds::of(ours->info().attributes).uids();
    TRY_OK(each_record(*ours, folds.uids(), [&](RecordRow row) {
      if (own.contains(row.uid)) before.emplace(row.uid, row.flags);
      rows.insert_or_assign(row.uid, std::move(row));
    }));
  }
  for (const ChangedRecord& record : changed_) before.try_emplace(record.row.uid, record.row.flags);
  // Where theirs is the result as it is, the others are as well, and may have changed since.
  if (merged.to == theirs_.highestmodseq) before.clear();
  Following::Gone gone;
  for (const RecordRow& row : merged.records) {
    if (!folds.uids().contains(row.uid)) continue;
    rows.insert_or_assign(row.uid, row);
    const auto was = before.find(row.uid);
    if (was != before.end() && !are_same(was->second, row.flags)) gone.flags_before.insert(*was);
  }
  for (auto& [uid, row] : rows) gone.rows.push_back(std::move(row));
  return gone;
}

// What changes in other mailboxes with the merge: what was expunged in this one, or has got other
// flags, after it had gone from here into others.
Result<std::vector<MailboxUpdate>> MailboxReunion::followed(const MailStore& store,
                                                            const std::optional<MailboxView>& ours,
                                                            const MergedMailbox& merged,
                                                            std::set<UniqueId> not_to) const {
  const Folds folds = Folds::of(merged.header.attributes);
  if (folds.empty()) return std::vector<MailboxUpdate>();
  TRY(const Following::Gone gone, gone_by(folds, ours, merged));
  const UidSet known = ours ? Folds::of(ours->info().attributes).expunged() : UidSet();
  if ((folds.expunged() - known).empty() && gone.flags_before.empty())
    return std::vector<MailboxUpdate>();
  Following following(store, std::move(not_to));
  TRY_OK(following.follow(folds, gone));
  return following.updates();
}

// The merge is ours; what the replica is told then.
Result<United> MailboxReunion::mend_theirs(const MailStore& store, const MergedMailbox& merged,
                                           const MailboxSide& theirs) const {
  std::optional<MailboxUpdate> update = mend(merged, theirs, common_);
  TRY(const MailboxInfo info, store.find(theirs_.id));
  if (!update) return United{.next = United::Next::kDone};
  update->id = theirs_.id;
  update->mends = theirs_.digest;
  update->header->lineage = up_to(info.lineage, merged.to);
  if (info.highestmodseq != merged.to)
    return fail(Code::kModified, "the mailbox changed right behind its merge");
  return United{.next = United::Next::kMend, .mend = std::move(update), .after = known_from(info)};
}

// Of rows of ours: what the replica has expunged or freed is expunged, for the merge will do that.
void MailboxReunion::expunge_as_told(std::vector<RecordRow>& ours) const {
  if (is_emptied(theirs_)) return;  // what lives here comes back there
  std::map<Uid, Guid> expunged;
  for (const ChangedRecord& record : changed_)
    if (record.row.expunged) expunged.emplace(record.row.uid, record.row.facts.guid);
  for (RecordRow& row : ours) {
    const auto found = expunged.find(row.uid);
    const bool is_freed = uids_ && row.facts.created_modseq <= common_ &&
                          !uids_->live.contains(row.uid) && !uids_->expunged.contains(row.uid);
    row.expunged |= is_freed || (found != expunged.end() && found->second == row.facts.guid);
  }
}

// Both sides have a mailbox of this name: the older one stays, and the other's messages move there.
// One that is still to be merged stays, for its merge counts on what is in it.
// What the replica has expunged in ours does not count: it may live on in theirs.
Result<United> MailboxReunion::fold_into(MailStore& store, Arriving arriving,
                                         const MailboxInfo& twin_info, const Twin& twin,
                                         Clock& clock) {
  TRY(const MailboxView view, store.view(twin_info.id));
  const MailboxInfo& info = view.info();
  TRY(std::vector<RecordRow> own_rows, rows_of(view));
  if (twin.reunion != nullptr) twin.reunion->expunge_as_told(own_rows);
  MailboxUpdate& theirs = arriving.update;
  MailboxUpdate own{.id = info.id,
                    .from = info.highestmodseq,
                    .to = next(info.highestmodseq),
                    .last_uid = info.last_uid,
                    .recent_uid = info.recent_uid,
                    .purged_modseq = info.purged_modseq,
                    .header = header_of(info),
                    .items = {},
                    .mends = info.digest};
  theirs.to = next(theirs.to);
  const int64_t now_s = clock.unix_s();
  const bool own_stays = twin.reunion != nullptr || std::pair(info.created_s, info.id) <
                                                        std::pair(header_.created_s, theirs_.id);
  MailboxUpdate& stays = own_stays ? own : theirs;
  MailboxUpdate& goes = own_stays ? theirs : own;
  const std::vector<RecordRow>& rows_that_go = own_stays ? arriving.rows : own_rows;
  const Folding folding = fold(own_stays ? own_rows : arriving.rows, rows_that_go);
  const Moves moves = add_folded(stays, goes.id, folding, now_s);
  TRY(const std::vector<Reader> readers,
      own_stays ? Result<std::vector<Reader>>(readers_) : readers_of(store, info));
  TRY(std::vector<AlsoSeen> seen, seen_along(readers, {.moves = moves, .into = stays.id}));
  stays.header->attributes = folded_attributes(stays.header->attributes, goes.header->attributes);
  remember_fold(goes, stays, folding.uids, now_s);
  goes.header->deleted_s = std::max<int64_t>(now_s, 1);
  expunge_folded(goes, rows_that_go);
  std::vector<MailboxUpdate> updates;
  updates.push_back(std::move(goes));
  updates.push_back(std::move(stays));
  std::vector<UniqueId> changed;
  for (MailboxUpdate& one : arriving.followed) {
    changed.push_back(one.id);
    updates.push_back(std::move(one));
  }
  TRY_OK(store.merge(std::move(updates), bodies(), std::move(seen)).get());
  tell_given_up(info.name, folding.given_up);
  return United{.next = United::Next::kFolded, .other = info.id, .changed = std::move(changed)};
}

}  // namespace gemel::sync
