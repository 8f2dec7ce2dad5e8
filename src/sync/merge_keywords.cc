#include "sync/merge_keywords.h"

#include <algorithm>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"

namespace gemel::sync {
namespace {

// Its tombstone goes with the merge, whatever it has.
bool is_freed(const MergedMailbox& merged, ModSeq modseq) { return modseq <= merged.purged_modseq; }

// Of the records that the merge leaves as they are.
Result<FlagNames> unchanged_flags(const MergedMailbox& merged, const MailboxView& ours) {
  UidSet uids;
  if (const Uid last = ours.info().last_uid) uids = UidSet::of(Uid(1), last);
  UidSet changed = merged.gone;
  for (const RecordRow& row : merged.records) changed.add(row.uid);
  uids = uids - changed;
  if (uids.empty()) return FlagNames();
  TRY(const std::vector<RecordState> states, ours.states(uids, MailboxView::Include::kExpungedToo));
  Flags all;
  for (const RecordState& state : states)
    if (!state.expunged || !is_freed(merged, state.modseq)) all = all | state.flags;
  return names_of(all, ours.info().keywords);
}

}  // namespace

void KeywordChoice::keep(const FlagNames& flags) {
  for (const std::string& keyword : flags.keywords) kept_.insert(to_lower(keyword));
}

void KeywordChoice::count(const FlagNames& flags, size_t live) {
  for (const std::string& keyword : flags.keywords) counted_[to_lower(keyword)] += live;
}

KeywordSet KeywordChoice::given_up() const {
  std::vector<std::pair<size_t, std::string>> may_go;
  for (const auto& [keyword, messages] : counted_)
    if (!kept_.contains(keyword)) may_go.emplace_back(messages, keyword);
  std::ranges::sort(may_go, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second > b.second;
  });
  KeywordSet out;
  size_t left = kept_.size() + may_go.size();
  for (const auto& [messages, keyword] : may_go) {
    if (left <= kMailboxKeywordPlaces) break;
    out.insert(keyword);
    --left;
  }
  return out;
}

FlagNames without(FlagNames flags, const KeywordSet& keywords) {
  std::erase_if(flags.keywords,
                [&](const std::string& one) { return keywords.contains(to_lower(one)); });
  return flags;
}

Result<KeywordSet> give_up_keywords(MergedMailbox& merged, const MailboxView* ours, ModSeq floor) {
  KeywordChoice choice;
  for (const RecordRow& row : merged.records)
    if (!row.expunged || !is_freed(merged, row.modseq))
      choice.count(row.flags, row.expunged ? 0 : 1);
  if (ours != nullptr) {
    // Mostly there are places for all that the mailbox may ever have had.
    KeywordChoice most = choice;
    for (const std::string& keyword : ours->info().keywords)
      if (!keyword.empty()) most.count({.keywords = {keyword}}, 0);
    if (most.given_up().empty()) return KeywordSet();
    TRY(const FlagNames unchanged, unchanged_flags(merged, *ours));
    choice.keep(unchanged);
  }
  KeywordSet out = choice.given_up();
  if (out.empty()) return out;
  merged.to = std::max(merged.to, next(floor));
  for (RecordRow& row : merged.records) {
    FlagNames flags = without(row.flags, out);
    if (flags == row.flags || (row.expunged && is_freed(merged, row.modseq))) continue;
    row.flags = std::move(flags);
    row.modseq = merged.to;
  }
  return out;
}

void tell_given_up(const MailboxName& name, const KeywordSet& keywords) {
  for (const std::string& keyword : keywords)
    log::warn(
        "mailbox={} has given up keyword={}: merged with another server's it had more than {}",
        name.text(), keyword, kMailboxKeywordPlaces);
}

}  // namespace gemel::sync
