#include "sync/merge.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "base/check.h"
#include "mail/lineage.h"
#include "store/hold.h"
#include "sync/merge_flags.h"
#include "sync/taken_in.h"

namespace gemel::sync {
namespace {

// One message, as far as it is on the sides.
struct Pair {
  const ChangedRecord* a = nullptr;
  const ChangedRecord* b = nullptr;
  bool is_expunged() const { return (a && a->row.expunged) || (b && b->row.expunged); }
  Uid lowest_uid() const {
    return a && b ? std::min(a->row.uid, b->row.uid) : a ? a->row.uid : b->row.uid;
  }
};

// Of what a record says, all but its modseq.
bool are_alike(const RecordRow& a, const RecordRow& b) {
  return a.expunged == b.expunged && are_same(a.flags, b.flags) &&
         order_of(a.facts) == order_of(b.facts);
}

// Nobody has changed it since it came.
bool is_as_it_came(const RecordRow& row) { return row.modseq == row.facts.created_modseq; }

// One that came into the mailbox at another time is another copy: one that a user moved away and
// back, say.
bool came_together(const RecordRow& a, const RecordRow& b) {
  return a.facts.savedate_s == b.facts.savedate_s;
}

// One transaction brought it to both.
bool came_at_once(const RecordRow& a, const RecordRow& b) {
  return a.uid == b.uid && a.facts.created_modseq == b.facts.created_modseq && came_together(a, b);
}

// Where one side has no history of it, the message had there what it had on the other. A message
// that came to one side by way of a third has no history of what was changed there; but where the
// other has it as it came, all changes are the one's.
FlagNames flags_of(const ChangedRecord& a, const ChangedRecord& b) {
  const FlagNames& now_a = a.row.flags;
  const FlagNames& now_b = b.row.flags;
  if (came_at_once(a.row, b.row) && is_as_it_came(a.row) != is_as_it_came(b.row))
    return is_as_it_came(a.row) ? now_b : now_a;
  if (!a.flipped && !b.flipped) return united_flags(now_a, now_b);
  const auto since = [](const FlagNames& now, const ChangedRecord& other) {
    return flipped(now, flipped(other.row.flags, *other.flipped));
  };
  const FlagNames flipped_a = a.flipped ? *a.flipped : since(now_a, b);
  const FlagNames flipped_b = b.flipped ? *b.flipped : since(now_b, a);
  return merged_flags({now_a, flipped_a}, {now_b, flipped_b});
}

ModSeq shared_past(const MailboxSide& a, const MailboxSide& b) {
  return common_modseq(a.header.lineage, a.highestmodseq, b.header.lineage, b.highestmodseq);
}

TakenIn taken_in(const MailboxSide& side) {
  const auto found = side.header.attributes.find(std::string(kAttributeMerged));
  return found == side.header.attributes.end() ? TakenIn() : TakenIn::parse(found->second);
}

class Merger {
 public:
  Merger(const MailboxSide& a, const MailboxSide& b, ModSeq common)
      : a_(a),
        b_(b),
        common_(common),
        past_(common ? ModSeq() : shared_past(a, b)),
        taken_a_(taken_in(a)),
        taken_b_(taken_in(b)) {
    out_.purged_modseq = std::max(a_.purged_modseq, b_.purged_modseq);
    out_.last_uid = std::max(a_.last_uid, b_.last_uid);
    out_.recent_uid = std::max(a_.recent_uid, b_.recent_uid);
  }
  Result<MergedMailbox> run();

 private:
  // What a uid will hold. Its modseq is given last, when the one of the merge is known.
  struct Place {
    RecordRow row;
    enum class Uid : uint8_t { kKept, kNew } uid = Uid::kKept;
  };

  void split();
  void merge_past(const Pair& pair);
  void find_gone(const MailboxSide& has, const MailboxSide& lacks);
  void match();
  void match_alike(std::vector<const ChangedRecord*> as, std::vector<const ChangedRecord*> bs);
  bool is_of_moved(const RecordRow& tombstone, const MailboxSide& tombstones, const RecordRow& live,
                   const MailboxSide& lives) const;
  void place(const Pair& message);
  bool is_past(const RecordRow& row) const { return row.facts.created_modseq <= past_; }
  bool is_lost(const RecordRow& row, const MailboxSide& other) const;
  bool keeps_uid(const RecordRow& row, const MailboxSide& other) const {
    return row.uid > other.last_uid || is_lost(row, other);
  }
  bool is_stray(const RecordRow& row) const;
  bool is_freed(const RecordRow& row) const {
    return row.expunged && row.modseq <= out_.purged_modseq;
  }
  void lay_tombstone(Uid uid);
  void note_move(const Pair& message, Uid to);
  Result<void> give_new_uids();
  ModSeq stamp(const Place& place) const;
  void finish();

  const MailboxSide& a_;
  const MailboxSide& b_;
  const ModSeq common_;
  const ModSeq past_;  // where all records are looked at: up to there both have one history
  const TakenIn taken_a_;
  const TakenIn taken_b_;
  std::vector<Pair> pairs_;  // of messages that both had
  std::vector<const ChangedRecord*> fresh_a_;
  std::vector<const ChangedRecord*> fresh_b_;
  std::vector<Pair> messages_;  // of the fresh ones
  std::vector<Place> places_;
  std::map<Uid, RecordRow> tombstones_;
  std::vector<std::pair<Pair, RecordRow>> homeless_;  // that get a new uid
  // Something that a reader may still see on one side is gone without a tombstone on the other.
  bool is_loud_ = false;
  MergedMailbox out_;
};

// --- the past: messages that both had ---

void Merger::split() {
  auto a = a_.changed.begin();
  auto b = b_.changed.begin();
  while (a != a_.changed.end() || b != b_.changed.end()) {
    Pair pair;
    const bool takes_b =
        a == a_.changed.end() || (b != b_.changed.end() && b->row.uid <= a->row.uid);
    const bool takes_a =
        b == b_.changed.end() || (a != a_.changed.end() && a->row.uid <= b->row.uid);
    if (takes_a) pair.a = &*a++;
    if (takes_b) pair.b = &*b++;
    // Nobody can tell which of them a side that was emptied had expunged before.
    const auto is_old = [&](const ChangedRecord* record) {
      return !record ||
             (record->row.facts.created_modseq <= common_ && !a_.is_emptied() && !b_.is_emptied());
    };
    const bool is_one = !pair.a || !pair.b || pair.a->row.facts.guid == pair.b->row.facts.guid;
    if (is_old(pair.a) && is_old(pair.b) && is_one) {
      pairs_.push_back(pair);
      continue;
    }
    if (pair.a) fresh_a_.push_back(pair.a);
    if (pair.b) fresh_b_.push_back(pair.b);
  }
}

void Merger::merge_past(const Pair& pair) {
  if (pair.a && pair.b) {
    RecordRow row = pair.a->row;
    row.flags = flags_of(*pair.a, *pair.b);
    row.expunged = pair.is_expunged();
    return places_.push_back({std::move(row)});
  }
  const RecordRow& row = pair.a ? pair.a->row : pair.b->row;
  const MailboxSide& other = pair.a ? b_ : a_;
  if (other.uids && !other.has(row.uid)) {
    out_.gone.add(row.uid);
    is_loud_ |= !is_freed(row);
    return;
  }
  places_.push_back({row});
}

// What the one side has as it was, and the other has freed. Its tombstones go by purged_modseq.
void Merger::find_gone(const MailboxSide& has, const MailboxSide& lacks) {
  if (!has.uids || has.is_emptied() || lacks.is_emptied()) return;
  UidSet changed;
  for (const ChangedRecord& record : has.changed) changed.add(record.row.uid);
  const UidSet live = has.uids->live - lacks.uids->live - lacks.uids->expunged - changed;
  is_loud_ |= !live.empty();
  out_.gone.add(live);
}

// --- since then: messages that came to either ---

void Merger::match() {
  using Identity = std::pair<Guid, int64_t>;
  std::map<Identity, std::array<std::vector<const ChangedRecord*>, 2>> alike;
  const auto add = [&](const std::vector<const ChangedRecord*>& fresh, size_t side) {
    for (const ChangedRecord* record : fresh)
      alike[{record->row.facts.guid, record->row.facts.internaldate_s}][side].push_back(record);
  };
  add(fresh_a_, 0);
  add(fresh_b_, 1);
  for (auto& [identity, both] : alike) match_alike(std::move(both[0]), std::move(both[1]));
}

// Whether `tombstone` is of the message that is `live` on the other side, where an earlier merge,
// of which that side was never told, gave it another uid, for its own was taken: one above all that
// that side has; or that side has taken in the history in which it came.
bool Merger::is_of_moved(const RecordRow& tombstone, const MailboxSide& tombstones,
                         const RecordRow& live, const MailboxSide& lives) const {
  if (!tombstone.expunged || live.expunged || !came_together(tombstone, live)) return false;
  const TakenIn& taken = &lives == &a_ ? taken_a_ : taken_b_;
  if (taken.has(tombstones.header.lineage, tombstone.facts.created_modseq)) return true;
  const ChangedRecord* instead = find(tombstones, live.uid);
  return tombstone.uid > lives.last_uid && live.uid <= tombstones.last_uid &&
         (!instead || instead->row.expunged);
}

// Those that live first, so that none is lost to the tombstone of its like. A tombstone takes along
// what lives on the other side only under the same uid, or where a merge gave it another: else it
// may be of a second copy.
void Merger::match_alike(std::vector<const ChangedRecord*> as,
                         std::vector<const ChangedRecord*> bs) {
  const auto pair_up = [&](auto fits) {
    for (const ChangedRecord*& a : as) {
      if (a == nullptr) continue;
      const auto b = std::ranges::find_if(
          bs, [&](const ChangedRecord* one) { return one != nullptr && fits(a->row, one->row); });
      if (b == bs.end()) continue;
      messages_.push_back({std::exchange(a, nullptr), std::exchange(*b, nullptr)});
    }
    std::erase(as, nullptr);
    std::erase(bs, nullptr);
  };
  const auto both_live = [](const RecordRow& a, const RecordRow& b) {
    return !a.expunged && !b.expunged;
  };
  const auto is_one_uid = [](const RecordRow& a, const RecordRow& b) { return a.uid == b.uid; };
  pair_up([&](const auto& a, const auto& b) { return both_live(a, b) && is_one_uid(a, b); });
  // Messages of one history are the same under one uid only.
  pair_up(
      [&](const auto& a, const auto& b) { return both_live(a, b) && !is_past(a) && !is_past(b); });
  pair_up([&](const auto& a, const auto& b) {
    return is_one_uid(a, b) && (a.expunged == b.expunged || came_together(a, b));
  });
  pair_up([&](const auto& a, const auto& b) {
    return is_of_moved(a, a_, b, b_) || is_of_moved(b, b_, a, a_);
  });
  for (const ChangedRecord* a : as) messages_.push_back({a, nullptr});
  for (const ChangedRecord* b : bs) messages_.push_back({nullptr, b});
}

// A message keeps its uid where no reader of the other side can have taken that for something else.
void Merger::place(const Pair& message) {
  const RecordRow* a = message.a ? &message.a->row : nullptr;
  const RecordRow* b = message.b ? &message.b->row : nullptr;
  const bool is_one_uid = a && b && a->uid == b->uid;
  const bool is_expunged = message.is_expunged();
  const RecordRow* lower = !a || (b && order_of(b->facts) < order_of(a->facts)) ? b : a;
  const RecordRow* holder = is_one_uid               ? a
                            : a && keeps_uid(*a, b_) ? a
                            : b && keeps_uid(*b, a_) ? b
                                                     : nullptr;
  RecordRow row = holder ? *holder : *lower;
  if (a && b) row.flags = flags_of(*message.a, *message.b);
  row.expunged = is_expunged;
  for (const RecordRow* member : {a, b})
    if (member && !is_one_uid && (is_expunged || member != holder)) lay_tombstone(member->uid);
  if (!is_expunged && holder) note_move(message, holder->uid);
  if (is_one_uid || (!is_expunged && holder)) return places_.push_back({std::move(row)});
  if (!is_expunged) homeless_.emplace_back(message, std::move(row));
}

void Merger::note_move(const Pair& message, Uid to) {
  if (message.a && message.a->row.uid != to) out_.moves_a.emplace(message.a->row.uid, to);
  if (message.b && message.b->row.uid != to) out_.moves_b.emplace(message.b->row.uid, to);
}

// The other side had it, and nothing that happened there, not even a purge, took it away: that side
// is damaged. All readers know the uid as this message's.
bool Merger::is_lost(const RecordRow& row, const MailboxSide& other) const {
  return is_past(row) && other.purged_modseq <= past_ && !find(other, row.uid);
}

// b's, under a uid that a has passed and freed. There can be no tombstone of it: a's replicas know
// nothing under this uid.
bool Merger::is_stray(const RecordRow& row) const {
  return row.uid <= a_.last_uid && !find(a_, row.uid) && !is_lost(row, a_);
}

// Where both sides have had a message under the uid, a's stays.
void Merger::lay_tombstone(Uid uid) {
  const ChangedRecord* a = find(a_, uid);
  RecordRow row = (a ? a : find(b_, uid))->row;
  if (!a && is_stray(row)) return out_.gone.add(uid);
  row.expunged = true;
  tombstones_.try_emplace(uid, std::move(row));
}

Result<void> Merger::give_new_uids() {
  std::ranges::sort(homeless_, {}, [](const auto& one) {
    return std::tuple(one.first.lowest_uid(), order_of(one.second.facts));
  });
  if (homeless_.size() > UINT32_MAX - out_.last_uid.value)
    return fail(Code::kLimit, "the mailbox has no uids left");
  for (auto& [message, row] : homeless_) {
    row.uid = out_.last_uid = next(out_.last_uid);
    note_move(message, row.uid);
    places_.push_back({std::move(row), Place::Uid::kNew});
  }
  return {};
}

// --- the whole ---

// As one side has it, if the other side's readers will see it as a change; else it is one of this
// merge.
ModSeq Merger::stamp(const Place& place) const {
  if (place.uid == Place::Uid::kNew) return out_.to;
  const RecordRow& row = place.row;
  if (row.expunged && is_loud_) return out_.to;
  const ChangedRecord* a = find(a_, row.uid);
  const ChangedRecord* b = find(b_, row.uid);
  const bool is_as_a = a && are_alike(row, a->row);
  const bool is_as_b = b && are_alike(row, b->row);
  if (is_as_a && is_as_b && a->row.modseq == b->row.modseq) return a->row.modseq;
  if (is_as_a && a->row.modseq > b_.highestmodseq) return a->row.modseq;
  if (is_as_b && b->row.modseq > a_.highestmodseq) return b->row.modseq;
  return out_.to;
}

void Merger::finish() {
  for (auto& [uid, row] : tombstones_) places_.push_back({std::move(row)});
  std::ranges::sort(places_, {}, [](const Place& place) { return place.row.uid; });
  // What b brought came later than all that the replicas of a have.
  ModSeq created = next(a_.highestmodseq);
  for (Place& place : places_) {
    CHECK(out_.records.empty() || out_.records.back().uid < place.row.uid);
    ModSeq& its = place.row.facts.created_modseq;
    if (place.uid == Place::Uid::kNew) its = out_.to;
    if (place.row.uid > a_.last_uid) created = its = std::max(its, created);
    place.row.modseq = stamp(place);
    out_.records.push_back(std::move(place.row));
  }
}

bool has_news(const std::vector<Pair>& messages, const ChangedRecord* Pair::* side,
              const ChangedRecord* Pair::* other, ModSeq common) {
  return std::ranges::any_of(messages, [&](const Pair& message) {
    const ChangedRecord* its = message.*side;
    return its && !(message.*other) && !its->row.expunged && its->row.facts.created_modseq > common;
  });
}

// Name, partition and deletion are one thing to decide.
const MailboxSide& header_of_merge(const MailboxSide& a, const MailboxSide& b, ModSeq common) {
  const auto rank = [&](const MailboxSide& side) {
    return std::tuple(side.header_modseq > common, side.header_modseq, side.header.deleted_s,
                      side.header.name.text(), side.header.partition);
  };
  return rank(a) < rank(b) ? b : a;
}

// As the side has it that changed it since; if both did, the higher modseq, then the higher value;
// of a hold, the longer. What is known of merges and folds is united.
std::map<std::string, std::string> merged_attributes(const MailboxSide& a, const MailboxSide& b,
                                                     ModSeq common) {
  using Value = std::optional<std::string>;
  const auto rank = [&](const MailboxSide& side, const std::string& name) {
    const auto value = side.header.attributes.find(name);
    const auto modseq = side.attribute_modseqs.find(name);
    const ModSeq changed = modseq == side.attribute_modseqs.end() ? ModSeq() : modseq->second;
    const bool is_hold = name == kAttributeHold && value != side.header.attributes.end();
    const int64_t held_until_s = is_hold ? parse_hold(value->second) : 0;
    return std::tuple(changed > common, held_until_s, changed,
                      value == side.header.attributes.end() ? Value() : Value(value->second));
  };
  std::map<std::string, std::string> out;
  const auto add = [&](const std::string& name) {
    if (name == kAttributeMerged || name == kAttributeWent || name == kAttributeCame) return;
    const Value value = std::get<Value>(std::max(rank(a, name), rank(b, name)));
    if (value) out.emplace(name, *value);
  };
  for (const auto& [name, value] : a.header.attributes) add(name);
  for (const auto& [name, value] : b.header.attributes) add(name);
  TakenIn taken = taken_in(a);
  taken.add(taken_in(b));
  taken.add(b.header.lineage, b.highestmodseq,
            common_modseq(a.header.lineage, a.highestmodseq, b.header.lineage, b.highestmodseq));
  if (std::string text = taken.text(); !text.empty())
    out.emplace(kAttributeMerged, std::move(text));
  merged_folds(a, b, common).put(out);
  std::set<UniqueId> came = came_from(a.header.attributes);
  came.merge(came_from(b.header.attributes));
  put_came_from(out, std::move(came));
  return out;
}

Result<MergedMailbox> Merger::run() {
  split();
  match();
  const MailboxSide* decides = &header_of_merge(a_, b_, common_);
  if (decides->header.deleted_s != 0) {
    // A deletion yields to messages that it did not know of.
    if (a_.header.deleted_s == 0 && has_news(messages_, &Pair::a, &Pair::b, common_)) decides = &a_;
    if (b_.header.deleted_s == 0 && has_news(messages_, &Pair::b, &Pair::a, common_)) decides = &b_;
  }
  out_.header = decides->header;
  out_.header.lineage.clear();
  out_.header.created_s = std::min(a_.header.created_s, b_.header.created_s);
  out_.header.attributes = merged_attributes(a_, b_, common_);
  out_.to = next(std::max(a_.highestmodseq, b_.highestmodseq));
  if (out_.header.deleted_s != 0 && (a_.is_emptied() || b_.is_emptied())) {
    out_.purged_modseq = out_.to;
    return std::move(out_);
  }
  for (const Pair& pair : pairs_) merge_past(pair);
  find_gone(a_, b_);
  find_gone(b_, a_);
  for (const ChangedRecord* record : fresh_b_)
    is_loud_ |= is_stray(record->row) && !is_freed(record->row);
  // Readers of either side must ask for all uids, for no tombstone tells them.
  if (is_loud_) out_.purged_modseq = std::exchange(out_.to, next(out_.to));
  for (const Pair& message : messages_) place(message);
  TRY_OK(give_new_uids());
  finish();
  return std::move(out_);
}

// All that `from` has is in `to`, which leads on from there.
MergedMailbox forward(const MailboxSide& from, const MailboxSide& to) {
  MergedMailbox out{.header = to.header,
                    .last_uid = to.last_uid,
                    .recent_uid = to.recent_uid,
                    .to = to.highestmodseq,
                    .purged_modseq = to.purged_modseq,
                    .records = {},
                    .gone = {}};
  if (to.is_emptied()) return out;
  for (const ChangedRecord& record : to.changed) out.records.push_back(record.row);
  if (!from.uids) return out;
  out.gone = from.uids->live;
  out.gone.add(from.uids->expunged);
  out.gone = out.gone - to.uids->live - to.uids->expunged;
  return out;
}

}  // namespace

const ChangedRecord* find(const MailboxSide& side, Uid uid) {
  const auto found = std::ranges::lower_bound(
      side.changed, uid, {}, [](const ChangedRecord& record) { return record.row.uid; });
  return found == side.changed.end() || found->row.uid != uid ? nullptr : &*found;
}

Result<MergedMailbox> merge(const MailboxSide& a, const MailboxSide& b, ModSeq common) {
  if (b.highestmodseq == common) return forward(b, a);
  if (a.highestmodseq == common) return forward(a, b);
  if (taken_in(a).has(b.header.lineage, b.highestmodseq)) return forward(b, a);
  if (taken_in(b).has(a.header.lineage, a.highestmodseq)) return forward(a, b);
  return Merger(a, b, common).run();
}

}  // namespace gemel::sync
