// For the tests of merge: one side of a mailbox as a plain value that works as the store does, and
// the readers that looked at it on the way.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/hash.h"
#include "base/random.h"
#include "sync/merge.h"
#include "sync/merge_flags.h"

namespace gemel::sync {

/// What a client sees of a mailbox: for each uid the content and the flags.
using Sight = std::map<uint32_t, std::pair<Guid, std::string>>;

inline Guid model_guid(uint64_t number) {
  return Guid{sha256("message " + std::to_string(number))};
}

class ModelMailbox {
 public:
  explicit ModelMailbox(SeededRandom& random) : random_(&random) {
    header.name = {"alice", "box"};
    header.partition = "default";
    header.uidvalidity = UidValidity(7);
    header.created_s = 1;
    header_modseq = highestmodseq;
  }

  uint64_t below(uint64_t n) { return random_->u64() % n; }

  // --- work ---

  void append(uint64_t content, int64_t date) {
    last_uid = gemel::next(last_uid);
    RecordRow row{.uid = last_uid, .modseq = step(), .flags = some_flags(), .facts = {}};
    row.facts = {.guid = model_guid(content),
                 .size = content,
                 .internaldate_s = date,
                 .savedate_s = static_cast<int64_t>(below(5)),
                 .created_modseq = highestmodseq};
    records[last_uid.value] = row;
    look();
  }
  void flag() {
    step();
    for (auto& [uid, row] : records) {
      if (row.expunged || below(3) > 0) continue;
      const FlagNames flags = some_flags();
      if (are_same(flags, row.flags)) continue;
      row.flags = flags;
      row.modseq = highestmodseq;
    }
    look();
  }
  void expunge() {
    step();
    for (auto& [uid, row] : records) {
      if (row.expunged || below(4) > 0) continue;
      row.expunged = true;
      row.modseq = highestmodseq;
    }
    look();
  }
  void purge() {
    const ModSeq up_to(below(highestmodseq.value + 1));
    ModSeq highest;
    for (auto& [uid, row] : records)
      if (row.expunged && row.modseq <= up_to) highest = std::max(highest, row.modseq);
    if (!highest) return;
    purged_modseq = std::max(purged_modseq, highest);
    step();
    free_tombstones();
    look();
  }
  void rename() {
    header.name.path = std::string(1, static_cast<char>('a' + below(4)));
    header_modseq = step();
    look();
  }
  void remove_or_restore() {
    if (header.deleted_s != 0 && below(2) == 0 && purged_modseq != highestmodseq) {
      step();
      records.clear();
      purged_modseq = highestmodseq;
      return;
    }
    header.deleted_s = header.deleted_s != 0 ? 0 : 1 + static_cast<int64_t>(below(9));
    header_modseq = step();
    look();
  }
  void attribute() {
    const std::string name(1, static_cast<char>('x' + below(3)));
    if (below(3) == 0)
      header.attributes.erase(name);
    else
      header.attributes[name] = std::string(1, static_cast<char>('0' + below(3)));
    attribute_modseqs[name] = step();
    look();
  }

  /// As the store does with an update that mends.
  void apply(const MailboxUpdate& update) {
    ASSERT_EQ(update.from, highestmodseq);
    ASSERT_GE(update.last_uid, last_uid);
    for (const ChangeItem& item : update.items)
      std::visit([&](const auto& one) { take(one); }, item);
    highestmodseq = update.to;
    last_uid = update.last_uid;
    recent_uid = update.recent_uid;
    purged_modseq = update.purged_modseq;
    if (update.header) take_header(*update.header);
    if (header.deleted_s != 0 && purged_modseq == highestmodseq) records.clear();
    free_tombstones();
    look();
  }

  // --- being looked at ---

  Sight sight() const {
    Sight out;
    for (const auto& [uid, row] : records)
      if (!row.expunged) out[uid] = {row.facts.guid, row.flags.text()};
    return out;
  }
  /// A reader that had `cached` at `since` learns what has changed (RFC 7162 §3.2).
  Sight sight_of_reader(Sight cached, ModSeq since) const {
    if (since < purged_modseq)
      std::erase_if(cached, [&](const auto& one) { return !records.contains(one.first); });
    for (const auto& [uid, row] : records) {
      if (row.modseq <= since) continue;
      if (row.expunged)
        cached.erase(uid);
      else
        cached[uid] = {row.facts.guid, row.flags.text()};
    }
    return cached;
  }

  /// This side since it was `base`.
  MailboxSide side(const ModelMailbox& base) const {
    MailboxSide side{.header = header,
                     .header_modseq = header_modseq,
                     .attribute_modseqs = attribute_modseqs,
                     .last_uid = last_uid,
                     .recent_uid = recent_uid,
                     .highestmodseq = highestmodseq,
                     .purged_modseq = purged_modseq,
                     .changed = {}};
    const ModSeq common = base.highestmodseq;
    for (const auto& [uid, row] : records) {
      if (row.modseq <= common && !all) continue;
      ChangedRecord& record = side.changed.emplace_back(ChangedRecord{.row = row});
      const auto before = base.records.find(uid);
      if (knows_flips && before != base.records.end())
        record.flipped = flipped(row.flags, before->second.flags);
    }
    side.uids.emplace();
    for (const auto& [uid, row] : records)
      (row.expunged ? side.uids->expunged : side.uids->live).add(Uid(uid));
    return side;
  }

  bool operator==(const ModelMailbox& other) const {
    return records == other.records && header.name == other.header.name &&
           header.deleted_s == other.header.deleted_s &&
           header.attributes == other.header.attributes && last_uid == other.last_uid &&
           recent_uid == other.recent_uid && highestmodseq == other.highestmodseq &&
           purged_modseq == other.purged_modseq;
  }

  struct Look {
    ModSeq at;
    Sight sight;
  };

  MailboxHeader header;
  ModSeq header_modseq;
  std::map<std::string, ModSeq> attribute_modseqs;
  Uid last_uid;
  Uid recent_uid;
  ModSeq highestmodseq{1};
  ModSeq purged_modseq;
  std::map<uint32_t, RecordRow> records;
  std::vector<Look> looks;                   // readers came by
  std::map<uint32_t, std::set<Guid>> lived;  // all that a uid ever named
  bool knows_flips = true;
  bool all = false;  // side() gives all records

 private:
  ModSeq step() { return highestmodseq = gemel::next(highestmodseq); }

  void look() {
    if (header.deleted_s != 0) return;
    for (const auto& [uid, row] : records)
      if (!row.expunged) lived[uid].insert(row.facts.guid);
    looks.push_back({highestmodseq, sight()});
  }

  FlagNames some_flags() {
    FlagNames out;
    for (const std::string_view name : {"\\Seen", "\\Flagged", "\\Deleted", "$Junk", "work"})
      if (below(3) == 0) EXPECT_TRUE(out.add(name));
    return out;
  }

  void free_tombstones() {
    std::erase_if(records, [&](const auto& one) {
      return one.second.expunged && one.second.modseq <= purged_modseq;
    });
  }

  void take_header(const MailboxHeader& now) {
    if (header.name != now.name || header.deleted_s != now.deleted_s) header_modseq = highestmodseq;
    for (const auto& [name, value] : now.attributes)
      if (!header.attributes.contains(name) || header.attributes[name] != value)
        attribute_modseqs[name] = highestmodseq;
    for (const auto& [name, value] : header.attributes)
      if (!now.attributes.contains(name)) attribute_modseqs[name] = highestmodseq;
    header = now;
  }

  void take(const DropItem& item) {
    item.uids.for_each([&](Uid uid) { records.erase(uid.value); });
  }
  void take(const StoreItem& item) {
    item.uids.for_each([&](Uid uid) {
      const auto found = records.find(uid.value);
      ASSERT_NE(found, records.end()) << "no message " << uid.value;
      found->second.flags = item.flags;
      found->second.modseq = item.modseq;
    });
  }
  void take(const ExpungeItem& item) {
    item.uids.for_each([&](Uid uid) {
      const auto found = records.find(uid.value);
      if (found == records.end()) return;
      found->second.expunged = true;
      found->second.modseq = item.modseq;
    });
  }
  void take(const AppendItem& item) {
    records[item.uid.value] = {.uid = item.uid,
                               .modseq = item.modseq,
                               .flags = item.flags,
                               .expunged = item.expunged,
                               .facts = {.guid = item.guid,
                                         .size = item.size,
                                         .internaldate_s = item.internaldate_s,
                                         .savedate_s = item.savedate_s,
                                         .created_modseq = item.created_modseq}};
  }
  void take(const AppendFromItem&) { FAIL() << "a merge makes no copies"; }

  SeededRandom* random_;
};

/// What lives on a side and after the merge is under its uid, or where `moves` says.
inline void expect_led_on(const ModelMailbox& side, const Moves& moves,
                          const ModelMailbox& merged) {
  if (merged.header.deleted_s != 0) return;
  std::multiset<Guid> live;
  for (const auto& [uid, row] : merged.records)
    if (!row.expunged) live.insert(row.facts.guid);
  for (const auto& [uid, row] : side.records) {
    const auto move = moves.find(Uid(uid));
    const uint32_t now = move == moves.end() ? uid : move->second.value;
    const auto found = merged.records.find(now);
    const bool is_there = found != merged.records.end() && !found->second.expunged;
    if (row.expunged || (!is_there && move == moves.end())) {
      EXPECT_EQ(move, moves.end()) << uid;
      // One of several that are alike may be the one that lives.
      if (!row.expunged && live.count(row.facts.guid) > 0) EXPECT_GT(row.facts.size, 999'999U);
      continue;
    }
    ASSERT_TRUE(is_there) << uid;
    EXPECT_EQ(found->second.facts.guid, row.facts.guid) << uid;
  }
}

}  // namespace gemel::sync
