#include "imap/view.h"

#include <algorithm>

#include "base/check.h"
#include "imap/names.h"

namespace gemel::imap {
namespace {

struct Bounds {
  uint32_t first;
  uint32_t last;
};

// "*" is the largest number; the two ends may stand either way round (RFC 3501 §9, seq-range).
Bounds bounds_of(const SequenceRange& range, uint32_t largest) {
  const uint32_t a = range.first == kStar ? largest : range.first;
  const uint32_t b = range.last == kStar ? largest : range.last;
  return {std::min(a, b), std::max(a, b)};
}

}  // namespace

Result<View> View::open(MailStore& store, const UserAccess& user, const MailboxView& mailbox,
                        Access access) {
  const MailboxInfo& info = mailbox.info();
  View out;
  out.user_ = &user;
  out.rights_ = user.rights(info);
  out.seen_by_ = user.seen_by(info);
  out.seen_ = mailbox.seen_set();
  out.id_ = info.id;
  out.uidvalidity_ = info.uidvalidity;
  out.shows_expunged_ = mailbox.shows_expunged();
  out.access_ = out.asked_ = out.shows_expunged_ ? Access::kReadOnly : access;
  out.synced_ = info.highestmodseq;
  out.note_last_uid(info);
  out.keywords_ = info.keywords;
  TRY(const UidSet uids, mailbox.uids());
  out.known_ = bitmap_of(uids);
  out.exists_ = static_cast<uint32_t>(out.known_.cardinality());
  if (!out.changes_nothing()) {
    TRY_OK(out.claim_recent(store, 1));
  } else {
    out.recent_ = members_between(out.known_, next(store.recent_uid(info)).value, UINT32_MAX);
  }
  return out;
}

bool View::changes_nothing() const {
  if (is_read_only()) return true;
  if (rights_.has_any(kWritingRights)) return false;
  return !seen_by_.empty() || !rights_.has(Right::kSeen);
}

Result<void> View::claim_recent(MailStore& store, uint32_t first_new) {
  TRY(const UidSet claimed, store.claim_recent(id_));
  recent_ |= members_between(known_ & bitmap_of(claimed), first_new, UINT32_MAX);
  return {};
}

Uid View::uid_of(uint32_t msn) const {
  uint32_t uid = 0;
  const bool found = known_.select(msn - 1, &uid);
  CHECK(found);
  return Uid(uid);
}

Result<Bitmap> View::by_msn(const Sequence& sequence, Beyond beyond) const {
  Bitmap out;
  for (const SequenceRange& range : sequence) {
    const bool has_star = range.first == kStar || range.last == kStar;
    if (exists_ == 0 && has_star) continue;
    const auto [first, last] = bounds_of(range, exists_);
    if (last > exists_ && beyond == Beyond::kError)
      return fail(Code::kSyntax, "no message has such a number");
    if (first > exists_) continue;
    add_range(out, uid_of(first).value, uid_of(std::min(last, exists_)).value);
  }
  return out & known_;
}

Bitmap View::by_uid(const Sequence& sequence) const { return uids_in(sequence) & known_; }

Bitmap View::uids_in(const Sequence& sequence) const {
  return uids_up_to(Uid(known_.isEmpty() ? 0 : known_.maximum()), sequence);
}

Bitmap View::uids_up_to(Uid largest, const Sequence& sequence) const {
  Bitmap out;
  for (const SequenceRange& range : sequence) {
    const auto [first, last] = bounds_of(range, largest.value);
    // A bitmap of all numbers that there are would be large.
    add_range(out, std::max(first, 1U), std::min(last, last_uid_.value));
  }
  return out;
}

Result<bool> View::is_closed(const MailStore& store) const {
  TRY(const MailboxInfo info, store.find(id_));
  return is_closed_in(info);
}

bool View::is_closed_in(const MailboxInfo& now) const {
  const Rights rights = user_->rights(now);
  if (now.is_deleted()) return true;
  if (shows_expunged_) return !rights.has_all(kExpungedReaders);
  return now.uidvalidity != uidvalidity_ || !rights.has(Right::kRead);
}

Result<News> View::learn(MailStore& store) {
  TRY(const MailboxInfo info, store.find(id_));
  if (is_closed_in(info)) return News{.is_closed = true};
  if (shows_expunged_) return News{};
  TRY(const bool is_synced, is_up_to_date(store, info));
  if (is_synced) return News{};
  TRY(const MailboxView mailbox, look(store));
  return learn_from(store, mailbox);
}

Result<bool> View::is_up_to_date(const MailStore& store, const MailboxInfo& now) const {
  if (now.highestmodseq != synced_) return false;
  if (seen_by_.empty()) return true;
  // On a replica the seen set may come after the mailbox.
  TRY(const std::optional<std::string> seen, store.user_item(seen_by_, seen_item_key(id_)));
  return seen.value_or("") == seen_.text();
}

Result<std::vector<RecordState>> View::changes_in(const MailboxView& mailbox) const {
  Result<std::vector<RecordState>> changes = mailbox.changes_since(synced_);
  if (changes || changes.error().code != Code::kGone) return changes;
  // Some tombstones are purged, so what is missing now was expunged.
  TRY(const UidSet live, mailbox.uids());
  TRY(std::vector<RecordState> states, mailbox.states(live));
  std::erase_if(states, [&](const RecordState& state) { return state.modseq <= synced_; });
  const Bitmap lost = known_ - bitmap_of(live);
  for (Bitmap::const_iterator at = lost.begin(); at.i.has_value; ++at)
    states.push_back({.uid = Uid(*at), .modseq = {}, .flags = {}, .expunged = true});
  return states;
}

Result<News> View::learn_from(MailStore& store, const MailboxView& mailbox) {
  const MailboxInfo& info = mailbox.info();
  News news{.since = synced_};
  const bool holds_back = !gone_.isEmpty();
  TRY(const std::vector<RecordState> changes, changes_in(mailbox));
  const uint32_t first_new = next(last_uid_).value;
  news.first_arrived = Uid(first_new);
  for (const RecordState& state : changes) {
    if (state.uid > last_uid_) {
      if (!state.expunged) {
        known_.add(state.uid.value);
        ++news.arrived;
      }
    } else if (known_.contains(state.uid.value)) {
      (state.expunged ? gone_ : news.changed).add(state.uid.value);
    }
  }
  TRY_OK(sort_out_touched(mailbox, news));
  news.new_keywords = take_keywords(info);
  const Rights rights = user_->rights(info);
  news.new_rights = rights != rights_;
  news.is_closed = !rights.has(Right::kRead);
  rights_ = rights;
  if (!holds_back) held_since_ = synced_;
  if (info.last_uid != last_uid_) note_last_uid(info);
  synced_ = info.highestmodseq;
  exists_ = static_cast<uint32_t>(known_.cardinality());
  if (news.arrived > 0 && !changes_nothing()) {
    TRY_OK(claim_recent(store, first_new));
  } else if (news.arrived > 0) {
    const uint32_t untold = std::max(first_new, next(store.recent_uid(info)).value);
    recent_ |= members_between(known_, untold, UINT32_MAX);
  }
  return news;
}

ModSeq View::told() const {
  const ModSeq told = gone_.isEmpty() ? synced_ : held_since_;
  return untold_since_ == ModSeq() ? told : std::min(told, untold_since_);
}

void View::leave_untold(ModSeq since) {
  if (untold_since_ == ModSeq()) untold_since_ = since;
}

void View::note_last_uid(const MailboxInfo& now) {
  constexpr size_t kArrivalsMax = 64;
  if (arrivals_.size() == kArrivalsMax) arrivals_.erase(arrivals_.begin());
  last_uid_ = now.last_uid;
  arrivals_.push_back({now.highestmodseq, last_uid_});
}

Uid View::last_uid_at(ModSeq then) const {
  const auto after = std::ranges::upper_bound(arrivals_, then, {}, &Arrival::modseq);
  return after == arrivals_.begin() ? Uid() : std::prev(after)->last_uid;
}

/// Tells messages whose flags changed from those whose modseq alone did.
Result<void> View::sort_out_touched(const MailboxView& mailbox, News& news) {
  const UidSet seen = mailbox.seen_set();
  const Bitmap seen_changed = (bitmap_of(seen) ^ bitmap_of(seen_)) & (known_ - gone_);
  seen_ = seen;
  TRY(const auto flips, mailbox.flips_since(synced_));
  if (flips) {
    Bitmap flipped;
    for (FlagFlips one : *flips) {
      if (!seen_by_.empty()) one.bits.clear(static_cast<size_t>(SystemFlag::kSeen));
      if (one.bits != Flags())
        add_range(flipped, one.first.value, std::min(one.last, last_uid_).value);
    }
    news.touched = news.changed - flipped - seen_changed;
    news.changed &= flipped;
  }
  news.changed |= seen_changed;
  return {};
}

bool View::take_keywords(const MailboxInfo& mailbox) {
  if (mailbox.keywords == keywords_) return false;
  keywords_ = mailbox.keywords;
  return true;
}

void View::forget_gone() {
  known_ -= gone_;
  recent_ -= gone_;
  gone_ = Bitmap();
  exists_ = static_cast<uint32_t>(known_.cardinality());
}

bool View::skip_own(const MailStore& store, const MailStore::Stored& own) {
  const ModSeq modseq = own.committed.modseq;
  if (modseq == synced_) return true;
  if (!own.has_changed || modseq != next(synced_)) return false;
  if (!seen_by_.empty()) {
    const Result<MailboxView> now = look(store);
    if (!now || now->info().highestmodseq != modseq) return false;
    seen_ = now->seen_set();
  }
  synced_ = modseq;
  return true;
}

uint32_t MsnCursor::msn_of(Uid uid) {
  // A neighbour is one step away; for a jump, the rank is cheaper than walking.
  if (msn_ != 0 && at_.i.has_value && *at_ < uid.value) {
    ++at_;
    ++msn_;
  }
  if (msn_ == 0 || !at_.i.has_value || *at_ != uid.value) {
    at_ = known_.begin();
    at_.equalorlarger(uid.value);
    msn_ = static_cast<uint32_t>(known_.rank(uid.value));
  }
  return msn_;
}

}  // namespace gemel::imap
