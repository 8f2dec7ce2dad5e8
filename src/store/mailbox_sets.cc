#include "store/mailbox_sets.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "store/keys.h"

namespace gemel {
namespace {

using Sets = MailboxSets::Sets;

// What an entry costs beside its ranges, about.
constexpr size_t kEntryBytes = 256;

/// Those of the pages that have a UID of `uids`.
Result<Sets> scan(const RowReader& rows, const UniqueId& id, const UidSet& uids) {
  constexpr auto kSeen = static_cast<size_t>(SystemFlag::kSeen);
  Sets out;
  TRY_OK(each_column(rows, id, uids, kSeen, [&](const PageColumn& page) {
    const PageBits live = page.present - page.expunged;
    page.add_to(out.live, live);
    page.add_to(out.seen, live & page.flagged);
  }));
  return out;
}

/// UIDs of the pages where something has a modseq > `since`, and of the last page. Errors: kGone,
/// as of read_changes.
Result<UidSet> changed_pages(const RowReader& rows, const MailboxInfo& info, ModSeq since) {
  if (since && since < info.purged_modseq)
    return fail(Code::kGone,
                fmt::format("expunges up to {} are not kept", info.purged_modseq.value));
  if (since >= info.highestmodseq) return UidSet();
  std::vector<uint32_t> changed = {Page::number_of(info.last_uid)};  // not in the index
  TRY_OK(rows.scan(key::changes(info.id, next(since)), key::end_of(key::changes(info.id)),
                   [&](std::string_view row_key, std::string_view) -> Result<bool> {
                     changed.push_back(get_be32(row_key.substr(row_key.size() - 4)));
                     return true;
                   }));
  std::ranges::sort(changed);
  UidSet uids;
  for (const uint32_t number : changed)
    uids.add(Uid(std::max(1U, number * kPageUids)), Uid(number * kPageUids + (kPageUids - 1)));
  return uids;
}

/// `from` with what `pages` have now.
Result<Sets> advanced(const RowReader& rows, const UniqueId& id, const Sets& from,
                      const UidSet& pages) {
  TRY(Sets now, scan(rows, id, pages));
  now.live.add(from.live - pages);
  now.seen.add(from.seen - pages);
  return now;
}

bool agrees(const Sets& sets, const MailboxInfo& info) {
  return sets.live.size() == info.exists && sets.seen.size() + info.unseen == info.exists;
}

}  // namespace

Result<std::vector<RecordState>> read_changes(const RowReader& rows, const MailboxInfo& info,
                                              ModSeq since) {
  TRY(const UidSet uids, changed_pages(rows, info, since));
  std::vector<RecordState> out;
  TRY_OK(each_page(rows, info.id, uids, [&](const Page& page) -> Result<void> {
    for (uint32_t slot = 0; slot < kPageUids; ++slot)
      if (page.present.has(slot) && page.modseqs[slot] > since) out.push_back(page.state_at(slot));
    return {};
  }));
  return out;
}

Result<std::shared_ptr<const Sets>> MailboxSets::get(const RowReader& rows,
                                                     const MailboxInfo& info) {
  const std::optional<Entry> known = find(info);
  // The digest too: what was mended keeps its modseq.
  if (known && known->modseq == info.highestmodseq && known->digest == info.digest)
    return known->sets;
  std::optional<Sets> sets;
  if (known && known->modseq < info.highestmodseq) {
    const Result<UidSet> pages = changed_pages(rows, info, known->modseq);
    if (!pages && pages.error().code != Code::kGone) return std::unexpected(pages.error());
    if (pages) {
      TRY(sets, advanced(rows, info.id, *known->sets, *pages));
    }
  }
  if (!sets || !agrees(*sets, info)) {
    TRY(sets, scan(rows, info.id, all_uids()));
  }
  auto shared = std::make_shared<const Sets>(std::move(*sets));
  const size_t ranges = shared->live.ranges().size() + shared->seen.ranges().size();
  keep({.mailbox = info.id,
        .modseq = info.highestmodseq,
        .digest = info.digest,
        .sets = shared,
        .bytes = kEntryBytes + ranges * sizeof(UidSet::Range)});
  return shared;
}

void MailboxSets::distrust(const UniqueId& mailbox, ModSeq modseq) {
  const std::lock_guard lock(mutex_);
  ModSeq& up_to = distrusted_[mailbox];
  up_to = std::max(up_to, modseq);
}

bool MailboxSets::is_trusted(const Entry& entry) const {
  const auto found = distrusted_.find(entry.mailbox);
  return found == distrusted_.end() || entry.modseq > found->second;
}

/// One that is of this state, or a ground for it.
std::optional<MailboxSets::Entry> MailboxSets::find(const MailboxInfo& info) {
  const std::lock_guard lock(mutex_);
  const auto found = by_mailbox_.find(info.id);
  if (found == by_mailbox_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  if (entries_.front().digest != info.digest && !is_trusted(entries_.front())) return std::nullopt;
  return entries_.front();
}

void MailboxSets::erase(Entries::iterator entry) {
  bytes_ -= entry->bytes;
  by_mailbox_.erase(entry->mailbox);
  entries_.erase(entry);
}

void MailboxSets::keep(Entry entry) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_mailbox_.find(entry.mailbox); found != by_mailbox_.end()) {
    if (found->second->modseq > entry.modseq) return;  // a reader of an older moment
    erase(found->second);
  }
  if (entry.bytes > kBytesMax / 2) return;
  bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
  by_mailbox_.emplace(entries_.front().mailbox, entries_.begin());
  while (bytes_ > kBytesMax) erase(std::prev(entries_.end()));
}

}  // namespace gemel
