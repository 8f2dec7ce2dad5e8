#include "store/mailbox_edit.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "store/flag_history.h"
#include "store/keys.h"

namespace gemel {
namespace {

std::optional<size_t> keyword_at(const std::vector<std::string>& keywords,
                                 std::string_view keyword) {
  const auto at = std::ranges::find_if(
      keywords, [&](const std::string& known) { return equals_ignoring_case(known, keyword); });
  if (at == keywords.end()) return std::nullopt;
  return static_cast<size_t>(at - keywords.begin());
}

/// The latest kAttributesRemovedMax of those that are gone stay.
void forget_removed_attributes(MailboxInfo& info) {
  auto& modseqs = info.attribute_modseqs;
  while (modseqs.size() > info.attributes.size() + kAttributesRemovedMax) {
    auto oldest = modseqs.end();
    for (auto at = modseqs.begin(); at != modseqs.end(); ++at)
      if (!info.attributes.contains(at->first) &&
          (oldest == modseqs.end() || at->second < oldest->second))
        oldest = at;
    if (oldest == modseqs.end()) return;
    modseqs.erase(oldest);
  }
}

constexpr size_t kSeenBit = static_cast<size_t>(SystemFlag::kSeen);
constexpr size_t kDeletedBit = static_cast<size_t>(SystemFlag::kDeleted);

}  // namespace

ModSeq MailboxEdit::modseq() {
  if (!changed_) raise_to(next(row_.info.highestmodseq));
  return row_.info.highestmodseq;
}

void MailboxEdit::raise_to(ModSeq to) {
  row_.info.highestmodseq = to;
  changed_ = true;
}

Flags MailboxEdit::bits_known(const FlagNames& names) const {
  Flags bits{{names.system, 0}};
  for (const std::string& keyword : names.keywords)
    if (const auto at = keyword_at(row_.info.keywords, keyword)) bits.set(kSystemFlagCount + *at);
  return bits;
}

Result<Flags> MailboxEdit::flags_in_use() {
  Flags out;
  TRY(const std::vector<RecordState> all, states(all_uids()));
  for (const RecordState& state : all) out = out | state.flags;
  if (forgot_flips_) return out;
  for (const auto& [number, loaded] : pages_) {
    if (!loaded.before) continue;
    for (const Flags& flags : loaded.before->flags) out = out | flags;
  }
  // A bit there means the keyword that had it then.
  TRY_OK(rows_->scan_prefix(key::history(row_.info.id),
                            [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                              const ModSeq modseq(get_be64(row_key.substr(row_key.size() - 8)));
                              TRY(const FlagHistoryRow row, FlagHistoryRow::decode(modseq, value));
                              for (const auto& [bits, uids] : row.flipped) out = out | bits;
                              return true;
                            }));
  return out;
}

Result<std::vector<std::string>> MailboxEdit::prune_keywords(const FlagNames& names) {
  TRY(const Flags in_use, flags_in_use());
  const Flags kept = in_use | bits_known(names);
  std::vector<std::string> out;
  std::vector<std::string>& keywords = row_.info.keywords;
  for (size_t i = 0; i < keywords.size(); ++i)
    if (!keywords[i].empty() && !kept.has(kSystemFlagCount + i))
      out.push_back(std::exchange(keywords[i], ""));
  while (!keywords.empty() && keywords.back().empty()) keywords.pop_back();
  flags_digests_ = {};  // their bits will stand for others
  return out;
}

size_t MailboxEdit::keyword_count() const {
  const std::vector<std::string>& keywords = row_.info.keywords;
  return keywords.size() - static_cast<size_t>(std::ranges::count(keywords, ""));
}

/// The first free place of the table, if there is one.
bool MailboxEdit::take_place(const std::string& keyword) {
  std::vector<std::string>& keywords = row_.info.keywords;
  const auto place = std::ranges::find(keywords, "");
  if (place == keywords.end() && keywords.size() >= kMailboxKeywordPlaces) return false;
  if (place != keywords.end())
    *place = keyword;
  else
    keywords.push_back(keyword);
  return true;
}

Result<void> MailboxEdit::place_keyword(const std::string& keyword, const FlagNames& names) {
  if (keyword_count() >= kMailboxKeywordsMax) TRY_OK(prune_keywords(names));
  if (keyword_count() >= kMailboxKeywordsMax || !take_place(keyword))
    return fail(Code::kLimit, "the mailbox has as many keywords as it can");
  return {};
}

Result<void> MailboxEdit::place_late(const std::string& keyword) {
  if (take_place(keyword)) return {};
  TRY_OK(prune_keywords({}));
  if (take_place(keyword)) return {};
  forgot_flips_ = true;
  TRY_OK(erase_flag_history(*rows_, row_.info.id));
  TRY_OK(prune_keywords({}));
  if (take_place(keyword)) return {};
  return fail(Code::kLimit, "the mailbox has as many keywords as it has places for");
}

Result<Flags> MailboxEdit::bits_for(const FlagNames& names) {
  for (const std::string& keyword : names.keywords)
    if (!keyword_at(row_.info.keywords, keyword)) TRY_OK(place_keyword(keyword, names));
  return bits_known(names);
}

Result<Flags> MailboxEdit::bits_that_fit(const FlagNames& names) {
  for (const std::string& keyword : names.keywords) {
    if (keyword_at(row_.info.keywords, keyword)) continue;
    const Result<void> placed = place_keyword(keyword, names);
    if (!placed && placed.error().code == Code::kLimit) break;
    TRY_OK(placed);
  }
  return bits_known(names);
}

Flags MailboxEdit::bits_at_once(const FlagNames& names) {
  for (const std::string& keyword : names.keywords)
    if (!keyword_at(row_.info.keywords, keyword) && !take_place(keyword)) break;
  return bits_known(names);
}

Result<void> MailboxEdit::add_late(const std::string& keyword, const UidSet& uids) {
  TRY(std::vector<RecordState> found, states(uids));
  if (found.empty()) return {};
  if (!keyword_at(row_.info.keywords, keyword)) TRY_OK(place_late(keyword));
  const Flags bit = bits_known({.keywords = {keyword}});
  for (RecordState& state : found) {
    state.flags = state.flags | bit;
    TRY_OK(change(state));
  }
  return {};
}

Result<void> MailboxEdit::load(const UidSet& uids) {
  return each_page(*rows_, row_.info.id, uids, [&](const Page& page) -> Result<void> {
    LoadedPage loaded;
    loaded.page = page;
    loaded.stored_max = page.max_modseq;
    pages_.try_emplace(page.number, std::move(loaded));
    return {};
  });
}

Result<MailboxEdit::LoadedPage*> MailboxEdit::page_for(Uid uid) {
  const uint32_t number = Page::number_of(uid);
  if (const auto found = pages_.find(number); found != pages_.end()) return &found->second;
  LoadedPage loaded;
  loaded.page.number = number;
  TRY(std::optional<Page> stored, read_page(*rows_, row_.info.id, number));
  if (stored) {
    loaded.page = *stored;
    loaded.stored_max = stored->max_modseq;
  }
  return &pages_.emplace(number, std::move(loaded)).first->second;
}

Result<std::vector<RecordState>> MailboxEdit::states(const UidSet& uids) {
  TRY_OK(load(uids));
  std::vector<RecordState> out;
  for (const UidSet::Range& range : uids.ranges()) {
    const uint32_t last = Page::number_of(Uid(range.last));
    auto at = pages_.lower_bound(Page::number_of(Uid(range.first)));
    for (; at != pages_.end() && at->first <= last; ++at) {
      const Page& page = at->second.page;
      const uint32_t lowest = std::max(range.first, page.uid_at(0).value);
      const uint32_t highest = std::min(range.last, page.uid_at(kPageUids - 1).value);
      for (uint32_t slot = Page::slot_of(Uid(lowest)); slot <= Page::slot_of(Uid(highest)); ++slot)
        if (page.present.has(slot)) out.push_back(page.state_at(slot));
    }
  }
  return out;
}

Result<std::optional<RecordState>> MailboxEdit::state(Uid uid) {
  TRY(const LoadedPage* loaded, page_for(uid));
  const uint32_t slot = Page::slot_of(uid);
  if (!loaded->page.present.has(slot)) return std::nullopt;
  return loaded->page.state_at(slot);
}

Digest MailboxEdit::digest_of(const RecordState& state) {
  return state_digest(state, flags_digests_.of(state.flags, row_.info.keywords));
}

void MailboxEdit::count_flags(const Flags& flags, int sign) {
  if (!flags.has(kSeenBit)) row_.info.unseen += static_cast<uint32_t>(sign);
  if (flags.has(kDeletedBit)) row_.info.deleted += static_cast<uint32_t>(sign);
}

void MailboxEdit::count(const RecordState& state, uint64_t size, int sign) {
  MailboxInfo& info = row_.info;
  const auto one = static_cast<uint32_t>(sign);
  const uint64_t bytes = sign > 0 ? size : -size;
  if (state.expunged) {
    info.expunged += one;
    info.expunged_bytes += bytes;
  } else {
    info.exists += one;
    info.bytes += bytes;
    count_flags(state.flags, sign);
  }
}

/// Counters are the caller's.
void MailboxEdit::change_state(LoadedPage& loaded, const RecordState& now) {
  const RecordState was = loaded.page.state_at(Page::slot_of(now.uid));
  row_.records -= digest_of(was);
  row_.records += digest_of(now);
  if (!loaded.before)
    loaded.before = std::make_unique<LoadedPage::Before>(loaded.page.present, loaded.page.flags);
  changed_states_ = true;
  loaded.page.put(now);
  loaded.dirty = true;
}

Result<void> MailboxEdit::change(const RecordState& now) {
  TRY(LoadedPage * loaded, page_for(now.uid));
  const uint32_t slot = Page::slot_of(now.uid);
  CHECK(loaded->page.present.has(slot) && loaded->page.expunged.has(slot) == now.expunged);
  if (!now.expunged) {
    count_flags(loaded->page.flags[slot], -1);
    count_flags(now.flags, 1);
  }
  change_state(*loaded, now);
  return {};
}

Result<void> MailboxEdit::expunge(Uid uid, ModSeq modseq, uint64_t size) {
  TRY(LoadedPage * loaded, page_for(uid));
  const uint32_t slot = Page::slot_of(uid);
  CHECK(loaded->page.is_live(slot));
  RecordState state = loaded->page.state_at(slot);
  row_.records -= digest_of(state);
  count(state, size, -1);
  state.expunged = true;
  state.modseq = modseq;
  row_.records += digest_of(state);
  count(state, size, 1);
  loaded->page.put(state);
  loaded->dirty = true;
  return {};
}

Result<void> MailboxEdit::revise(const RecordState& now, uint64_t size) {
  TRY(LoadedPage * loaded, page_for(now.uid));
  const uint32_t slot = Page::slot_of(now.uid);
  CHECK(loaded->page.present.has(slot));
  count(loaded->page.state_at(slot), size, -1);
  count(now, size, 1);
  change_state(*loaded, now);
  return {};
}

Result<void> MailboxEdit::add(const RecordState& state, const RecordFacts& facts) {
  TRY(LoadedPage * loaded, page_for(state.uid));
  CHECK(!loaded->page.present.has(Page::slot_of(state.uid)));
  loaded->page.put(state);
  loaded->dirty = true;
  loaded->other.set(Page::slot_of(state.uid));
  if (facts.created_modseq != state.modseq) changed_states_ = true;
  rows_->put_once(key::facts(row_.info.id, state.uid), encode(facts));
  row_.records += digest_of(state);
  row_.records += facts_digest(state.uid, facts);
  count(state, facts.size, 1);
  return {};
}

Result<void> MailboxEdit::forget(Uid uid, const RecordFacts& facts) {
  TRY(LoadedPage * loaded, page_for(uid));
  const uint32_t slot = Page::slot_of(uid);
  CHECK(loaded->page.present.has(slot));
  const RecordState state = loaded->page.state_at(slot);
  row_.records -= digest_of(state);
  row_.records -= facts_digest(uid, facts);
  count(state, facts.size, -1);
  loaded->page.remove(slot);
  loaded->dirty = true;
  loaded->other.set(slot);
  rows_->erase_once(key::facts(row_.info.id, uid));
  return {};
}

/// One row of flag history, for flags that are other than before, or may have been meanwhile.
Result<void> MailboxEdit::note_flips() {
  const ModSeq from = modseq_before();
  const ModSeq to = row_.info.highestmodseq;
  if (forgot_flips_) {
    // As if all had come at once: nothing is known of any state before.
    rows_->put(key::history(row_.info.id, to), FlagHistoryRow{}.encode(to));
    return {};
  }
  if (to == from) return {};  // a repair: what was damaged is no change
  FlagHistoryRow history{.from = from, .flipped = {}};
  for (const auto& [number, loaded] : pages_) {
    if (!loaded.before) continue;
    for (uint32_t slot = 0; slot < kPageUids; ++slot) {
      if (!loaded.before->present.has(slot) || loaded.other.has(slot)) continue;
      const Flags flipped = loaded.before->flags[slot] ^ loaded.page.flags[slot];
      if (flipped != Flags()) history.flipped[flipped].add(loaded.page.uid_at(slot));
    }
  }
  const bool is_unsure = changed_states_ && to != next(from);
  if (!history.flipped.empty() || is_unsure)
    rows_->put(key::history(row_.info.id, to), history.encode(to));
  return trim_flag_history(*rows_, {row_.info.id, from, to});
}

/// When what the header says was changed, for a merge to compare (MailboxInfo::header_modseq).
void MailboxEdit::note_header() {
  static const std::map<std::string, std::string> kNone;
  MailboxInfo& info = row_.info;
  const ModSeq now = info.highestmodseq;
  if (!before_ || before_->name != info.name || before_->partition != info.partition ||
      before_->deleted_s != info.deleted_s)
    info.header_modseq = now;
  const auto& was = before_ ? before_->attributes : kNone;
  if (was == info.attributes) return;
  for (const auto& [name, value] : info.attributes) {
    const auto old = was.find(name);
    if (old == was.end() || old->second != value) info.attribute_modseqs[name] = now;
  }
  for (const auto& [name, value] : was)
    if (!info.attributes.contains(name)) info.attribute_modseqs[name] = now;
  forget_removed_attributes(info);
}

void MailboxEdit::flush_page(LoadedPage& loaded) {
  const std::string row_key = key::page(row_.info.id, loaded.page.number);
  if (!loaded.page.present.empty())
    rows_->put(row_key, loaded.page.encode());
  else if (loaded.stored_max)
    rows_->erase(row_key);
}

/// Its row of the changes index, where it has one: the last page, which changes most, has none.
void MailboxEdit::index_page(const LoadedPage& loaded) {
  const UniqueId& id = row_.info.id;
  const uint32_t number = loaded.page.number;
  const bool was_last = before_ && number == Page::number_of(before_->last_uid);
  const ModSeq was = was_last && !row_.is_last_page_indexed ? ModSeq() : loaded.stored_max;
  const bool is_last = number == Page::number_of(row_.info.last_uid);
  const ModSeq is = is_last || loaded.page.present.empty() ? ModSeq() : loaded.page.max_modseq;
  if (was == is) return;
  if (was) rows_->erase_once(key::change(id, was, number));
  if (is) rows_->put_once(key::change(id, is, number), "");
}

Result<void> MailboxEdit::index_pages() {
  const bool has_another_last =
      before_ && (row_.is_last_page_indexed ||
                  Page::number_of(before_->last_uid) != Page::number_of(row_.info.last_uid));
  if (has_another_last) TRY_OK(page_for(before_->last_uid));
  for (const auto& [number, loaded] : pages_) index_page(loaded);
  row_.is_last_page_indexed = false;
  return {};
}

Result<void> MailboxEdit::flush() {
  for (auto& [number, loaded] : pages_)
    if (loaded.dirty) flush_page(loaded);
  TRY_OK(index_pages());
  TRY_OK(note_flips());
  note_header();
  row_.info.digest = header_digest(row_.info);
  row_.info.digest += row_.records;
  return {};
}

void MailboxEdit::put_row(JournalSeq journal) {
  row_.journal = journal;
  rows_->put(key::mailbox(row_.info.id), row_.encode());
}

}  // namespace gemel
