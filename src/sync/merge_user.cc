// Two histories of a user's data, item by item.
#include <fmt/chrono.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "mail/charset.h"
#include "mail/lineage.h"
#include "store/hold.h"
#include "store/mail_store.h"
#include "store/seen_edit.h"
#include "store/sieve_scripts.h"
#include "sync/grammar.h"
#include "sync/merge.h"

namespace gemel::sync {
namespace {

using Items = std::map<std::string, UserItem>;

// The year 9999: what can be written as a date.
constexpr int64_t kTimeMax = 253'402'300'799;

// Scripts, and what deliveries remember, begin with their time and a line end.
std::optional<int64_t> time_in(const UserItem& item) {
  const size_t end = item.value.find('\n');
  if (item.deleted || end == std::string::npos) return std::nullopt;
  int64_t time = 0;
  const auto [at, error] = std::from_chars(item.value.data(), item.value.data() + end, time);
  if (error != std::errc() || at != item.value.data() + end) return std::nullopt;
  return time;
}

bool are_alike(const UserItem& a, const UserItem& b) {
  return a.deleted == b.deleted && a.value == b.value;
}

// A value before a deletion, the longer hold, the newer where both say their time, the higher
// modseq, the higher value.
bool yields(const UserItem& a, const UserItem& b) {
  if (a.deleted != b.deleted) return a.deleted;
  if (a.key == kUserItemHold && parse_hold(a.value) != parse_hold(b.value))
    return parse_hold(a.value) < parse_hold(b.value);
  const std::optional<int64_t> time_a = time_in(a);
  const std::optional<int64_t> time_b = time_in(b);
  if (time_a && time_b && *time_a != *time_b) return *time_a < *time_b;
  return std::tie(a.modseq, a.value) < std::tie(b.modseq, b.value);
}

// Values that hold many things are united. Nothing: one of the two has to do.
std::optional<std::string> united(const UserItem& a, const UserItem& b) {
  if (a.deleted || b.deleted) return std::nullopt;
  if (a.key.starts_with("duplicate/") || a.key.starts_with("vacation/"))
    return united_memory(a.value, b.value);
  if (!a.key.starts_with(kUserItemSeen)) return std::nullopt;
  Result<UidSet> uids = UidSet::parse(a.value, kRangesMax);
  const Result<UidSet> others = UidSet::parse(b.value, kRangesMax);
  if (!uids || !others) return std::nullopt;
  uids->add(*others);
  return SeenEdit(std::move(*uids)).value().text();
}

// Of the script that the items make the active one; nothing: none, or they don't say.
std::optional<std::string> active_key(const Items& items) {
  const auto active = items.find(std::string(kUserItemSieveActive));
  if (active == items.end() || active->second.deleted) return std::nullopt;
  const std::string& value = active->second.value;
  return std::string(kUserItemSieveScript) + value.substr(value.find('\n') + 1);
}

// Where a script is kept whose name another has taken: the name and when it came.
std::string key_beside(const UserItem& script, const Items& taken) {
  const int64_t uploaded_s = std::clamp<int64_t>(time_in(script).value_or(0) / 1000, 0, kTimeMax);
  const std::string suffix =
      fmt::format(" (conflict {:%Y-%m-%d %H:%M:%S})", fmt::gmtime(time_t{uploaded_s}));
  const std::string name(
      whole_characters(script.key, MailStore::kUserItemKeyBytesMax - suffix.size() - 1));
  // The same moment again, for another text, is all but impossible; then one of the two has to do.
  std::string key = name + suffix;
  const auto there = taken.find(key);
  return there == taken.end() || there->second.deleted || there->second.value == script.value
             ? key
             : key + ".";
}

class UserMerger {
 public:
  UserMerger(const UserSide& a, const UserSide& b) : a_(a), b_(b) {
    for (const UserItem& item : a.changed) items_a_.emplace(item.key, item);
    for (const UserItem& item : b.changed) items_b_.emplace(item.key, item);
    out_.userid = a.userid;
    out_.to = next(std::max(a.modseq, b.modseq));
  }

  // Both live, or both are deleted.
  UserUpdate both() {
    out_.created_s = std::min(a_.created_s, b_.created_s);
    out_.deleted_s = std::max(a_.deleted_s, b_.deleted_s);
    for (const auto& [key, item] : items_a_) add(item, items_b_);
    for (const auto& [key, item] : items_b_)
      if (!items_a_.contains(key)) merged_.emplace(key, item);
    keep_active();
    for (const UserItem& script : beside_) {
      UserItem copy = script;
      copy.key = key_beside(script, merged_);
      merged_.insert_or_assign(copy.key, copy);
    }
    take_in();
    return std::move(*this).finish();
  }

  // The user lives on one side, and is to live: what the deletion took away stays.
  UserUpdate alive(const UserSide& lives) {
    out_.created_s = lives.created_s;
    merged_ = &lives == &a_ ? items_a_ : items_b_;
    const Items& others = &lives == &a_ ? items_b_ : items_a_;
    merged_.insert(others.begin(), others.end());
    return std::move(*this).finish();
  }

 private:
  void add(const UserItem& a, const Items& others) {
    const auto b = others.find(a.key);
    if (b == others.end()) {
      merged_.emplace(a.key, a);
      return;
    }
    const bool yields_a = yields(a, b->second);
    UserItem& item = merged_.emplace(a.key, yields_a ? b->second : a).first->second;
    if (std::optional<std::string> value = united(a, b->second)) item.value = std::move(*value);
    if (a.key.starts_with(kUserItemSieveScript) && !a.deleted && !b->second.deleted &&
        !are_alike(a, b->second))
      beside_.push_back(yields_a ? a : b->second);
  }

  void keep_active() {
    const std::optional<std::string> key = active_key(merged_);
    const auto script = key ? merged_.find(*key) : merged_.end();
    if (script == merged_.end() || !script->second.deleted) return;
    for (const UserSide* side : {&a_, &b_})
      if (side->kept && side->kept->key == *key) script->second = *side->kept;
  }

  void take_in() {
    TakenIn taken = a_.taken;
    taken.add(b_.taken);
    taken.add(b_.lineage, b_.modseq, common_modseq(a_.lineage, a_.modseq, b_.lineage, b_.modseq));
    const std::string key(kUserItemMerged);
    const bool is_known = taken == a_.taken && taken == b_.taken;
    if (std::string text = taken.text(); !text.empty() && !is_known)
      merged_.insert_or_assign(key, UserItem{key, std::move(text), {}});
  }

  ModSeq stamp(const UserItem& item) const {
    const auto has = [&](const Items& items) -> const UserItem* {
      const auto found = items.find(item.key);
      return found != items.end() && are_alike(found->second, item) ? &found->second : nullptr;
    };
    const UserItem* a = has(items_a_);
    const UserItem* b = has(items_b_);
    if (a && b && a->modseq == b->modseq) return a->modseq;
    if (a && a->modseq > b_.modseq) return a->modseq;
    if (b && b->modseq > a_.modseq) return b->modseq;
    return out_.to;
  }

  UserUpdate finish() && {
    for (auto& [key, item] : merged_) {
      item.modseq = stamp(item);
      out_.items.push_back(std::move(item));
    }
    return std::move(out_);
  }

  const UserSide& a_;
  const UserSide& b_;
  Items items_a_;
  Items items_b_;
  Items merged_;
  std::vector<UserItem> beside_;
  UserUpdate out_;
};

UserUpdate state_of(const UserSide& side, ModSeq common) {
  UserUpdate out{.userid = side.userid,
                 .from = {},
                 .to = side.modseq,
                 .created_s = side.created_s,
                 .deleted_s = side.deleted_s,
                 .items = {}};
  for (const UserItem& item : side.changed)
    if (item.modseq > common) out.items.push_back(item);
  return out;
}

}  // namespace

UserUpdate merge(const UserSide& a, const UserSide& b, ModSeq common, UserMailboxes mailboxes) {
  const bool is_one_deleted = (a.deleted_s == 0) != (b.deleted_s == 0);
  if (is_one_deleted) {
    const UserSide& lives = a.deleted_s == 0 ? a : b;
    const UserSide& deleted = a.deleted_s == 0 ? b : a;
    // Nothing new on the side that lives: the user stays deleted, or was made anew there.
    if (deleted.modseq == common) return state_of(lives, common);
    if (lives.modseq == common && mailboxes == UserMailboxes::kNone)
      return state_of(deleted, common);
    return UserMerger(a, b).alive(lives);
  }
  if (b.modseq == common) return state_of(a, common);
  if (a.modseq == common) return state_of(b, common);
  if (a.taken.has(b.lineage, b.modseq)) return state_of(a, common);
  if (b.taken.has(a.lineage, a.modseq)) return state_of(b, common);
  return UserMerger(a, b).both();
}

std::optional<std::string> deleted_active(const UserUpdate& merged) {
  Items items;
  for (const UserItem& item : merged.items) items.emplace(item.key, item);
  const std::optional<std::string> key = active_key(items);
  const auto script = key ? items.find(*key) : items.end();
  return script == items.end() || !script->second.deleted ? std::nullopt : key;
}

std::optional<UserUpdate> mend(const UserUpdate& merged, const UserSide& side) {
  if (merged.to == side.modseq) return std::nullopt;
  UserUpdate update = merged;
  update.from = side.modseq;
  std::erase_if(update.items, [&](const UserItem& item) {
    const auto own = std::ranges::lower_bound(side.changed, item.key, {}, &UserItem::key);
    return own != side.changed.end() && own->key == item.key && own->modseq == item.modseq &&
           are_alike(*own, item);
  });
  return update;
}

void spare_modseq(UserUpdate& merged, const UserSide& a, const UserSide& b) {
  if (a.modseq <= b.modseq || merged.created_s != a.created_s || merged.deleted_s != a.deleted_s)
    return;
  const std::optional<UserUpdate> update = mend(merged, a);
  if (update && update->items.empty()) merged.to = a.modseq;
}

}  // namespace gemel::sync
