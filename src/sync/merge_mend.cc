// What it takes to bring a side to the merged state, and to take one mailbox into another.
#include <algorithm>
#include <map>

#include "sync/merge.h"
#include "sync/merge_flags.h"
#include "sync/merge_keywords.h"
#include "sync/taken_in.h"

namespace gemel::sync {
namespace {

// The items of one update, records that change alike together.
class Mending {
 public:
  void put(const RecordRow& row) { appends_.push_back(append_of(row)); }
  void store(const RecordRow& row) {
    StoreItem& item = stores_[{row.modseq, row.flags.text()}];
    item.uids.add(row.uid);
    item.modseq = row.modseq;
    item.flags = row.flags;
  }
  void expunge(const RecordRow& row) { expunges_[row.modseq].add(row.uid); }
  void drop(UidSet uids) { drops_ = std::move(uids); }

  std::vector<ChangeItem> items() && {
    std::vector<ChangeItem> out;
    if (!drops_.empty()) out.emplace_back(DropItem{std::move(drops_)});
    for (auto& [key, item] : stores_) out.emplace_back(std::move(item));
    for (auto& [modseq, uids] : expunges_)
      out.emplace_back(ExpungeItem{.uids = std::move(uids), .modseq = modseq});
    for (AppendItem& item : appends_) out.emplace_back(std::move(item));
    return out;
  }

 private:
  UidSet drops_;
  std::map<std::pair<ModSeq, std::string>, StoreItem> stores_;
  std::map<ModSeq, UidSet> expunges_;
  std::vector<AppendItem> appends_;
};

// `row` where the side has `was`.
void change(Mending& mending, const RecordRow& row, const RecordRow& was) {
  if (order_of(row.facts) != order_of(was.facts) || (was.expunged && !row.expunged))
    return mending.put(row);
  const bool is_expunged = row.expunged && !was.expunged;
  if (!are_same(row.flags, was.flags) || (row.modseq != was.modseq && !is_expunged))
    mending.store(row);
  if (is_expunged) mending.expunge(row);
}

// `row` where the side has an earlier state of it.
void advance(Mending& mending, const RecordRow& row) {
  mending.store(row);
  if (row.expunged) mending.expunge(row);
}

}  // namespace

std::optional<MailboxUpdate> mend(const MergedMailbox& merged, const MailboxSide& side,
                                  ModSeq common) {
  if (merged.to == side.highestmodseq) return std::nullopt;
  MailboxUpdate update{.id = {},
                       .from = side.highestmodseq,
                       .to = merged.to,
                       .last_uid = merged.last_uid,
                       .recent_uid = merged.recent_uid,
                       .purged_modseq = merged.purged_modseq,
                       .header = merged.header,
                       .items = {}};
  Mending mending;
  auto own = side.changed.begin();
  for (const RecordRow& row : merged.records) {
    while (own != side.changed.end() && own->row.uid < row.uid) ++own;
    if (own != side.changed.end() && own->row.uid == row.uid)
      change(mending, row, own->row);
    else if (row.facts.created_modseq <= common && (!side.uids || side.has(row.uid)))
      advance(mending, row);
    else
      mending.put(row);
  }
  if (side.uids) {
    UidSet has = side.uids->live;
    has.add(side.uids->expunged);
    mending.drop(merged.gone & has);
  }
  update.items = std::move(mending).items();
  return update;
}

void spare_modseq(MergedMailbox& merged, const MailboxSide& a, const MailboxSide& b,
                  ModSeq common) {
  if (a.highestmodseq <= b.highestmodseq) return;
  const std::optional<MailboxUpdate> update = mend(merged, a, common);
  if (!update || !update->items.empty() || merged.last_uid != a.last_uid ||
      merged.recent_uid != a.recent_uid || merged.purged_modseq != a.purged_modseq)
    return;
  MailboxHeader header = merged.header;
  header.lineage = a.header.lineage;  // what was merged is in it already
  if (header == a.header) merged.to = a.highestmodseq;
}

namespace {

// The mailbox keeps all that its own messages have.
void give_up_in_fold(Folding& folding, const std::vector<RecordRow>& into,
                     const std::vector<RecordRow>& other) {
  KeywordChoice choice;
  for (const RecordRow& row : into) choice.keep(row.flags);
  for (const RecordRow& row : other)
    if (folding.uids.contains(row.uid)) choice.count(row.flags, 1);
  for (const auto& [uid, flags] : folding.new_flags) choice.count(flags, 1);
  folding.given_up = choice.given_up();
  if (folding.given_up.empty()) return;
  for (auto& [uid, flags] : folding.new_flags) flags = without(flags, folding.given_up);
  for (const RecordRow& row : other) {
    FlagNames flags = without(row.flags, folding.given_up);
    if (folding.uids.contains(row.uid) && flags != row.flags)
      folding.copied_flags.emplace(row.uid, std::move(flags));
  }
}

}  // namespace

Folding fold(const std::vector<RecordRow>& into, const std::vector<RecordRow>& other) {
  std::multimap<std::pair<Guid, int64_t>, const RecordRow*> there;
  for (const RecordRow& row : into)
    if (!row.expunged) there.emplace(std::pair(row.facts.guid, row.facts.internaldate_s), &row);
  Folding folding;
  for (const RecordRow& row : other) {
    if (row.expunged) continue;
    const auto same = there.find({row.facts.guid, row.facts.internaldate_s});
    if (same == there.end()) {
      folding.uids.add(row.uid);
      continue;
    }
    folding.same.emplace(row.uid, same->second->uid);
    FlagNames both = united_flags(same->second->flags, row.flags);
    if (!are_same(both, same->second->flags))
      folding.new_flags.emplace(same->second->uid, std::move(both));
    there.erase(same);
  }
  give_up_in_fold(folding, into, other);
  return folding;
}

std::map<std::string, std::string> folded_attributes(
    std::map<std::string, std::string> into, const std::map<std::string, std::string>& other) {
  for (const auto& [name, value] : other)
    if (name != kAttributeMerged && name != kAttributeWent && name != kAttributeCame)
      into.emplace(name, value);
  return into;
}

}  // namespace gemel::sync
