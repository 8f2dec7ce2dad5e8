// Reading one mailbox at one moment.
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "store/body_read.h"
#include "store/digest.h"
#include "store/flag_history.h"
#include "store/keys.h"
#include "store/mail_store.h"
#include "store/mailbox_sets.h"
#include "store/row_reader.h"

namespace gemel {
namespace {

/// Calls visit(slot) for each record of `page` that is in `uids`.
template <class Visit>
void each_slot(const Page& page, const UidSet& uids, Visit visit) {
  for (uint32_t slot = 0; slot < kPageUids; ++slot)
    if (page.present.has(slot) && uids.contains(page.uid_at(slot))) visit(slot);
}

}  // namespace

bool MailboxView::is_shown(const Page& page, uint32_t slot) const {
  return page.expunged.has(slot) == shows_expunged();
}

Result<UidSet> MailboxView::uids_shown(std::optional<size_t> flag_bit) const {
  UidSet out;
  const SnapshotReader rows(index_, snapshot_);
  TRY_OK(each_column(rows, info_.id, all_uids(), flag_bit.value_or(0), [&](const PageColumn& page) {
    const PageBits shown = shows_expunged() ? page.expunged : page.present - page.expunged;
    page.add_to(out, flag_bit ? shown & page.flagged : shown);
  }));
  return out;
}

Result<UidSet> MailboxView::uids() const {
  if (shows_expunged()) return uids_shown(std::nullopt);
  TRY(const auto sets, sets_->get(SnapshotReader(index_, snapshot_), info_));
  return sets->live;
}

Result<Uid> MailboxView::first_uid() const {
  Uid first;
  const std::string pages = key::pages(info_.id);
  TRY_OK(SnapshotReader(index_, snapshot_)
             .scan_prefix(pages,
                          [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                            TRY(const Page page,
                                Page::decode(get_be32(row_key.substr(pages.size())), value));
                            for (uint32_t slot = 0; slot < kPageUids && !first; ++slot)
                              if (page.present.has(slot) && is_shown(page, slot))
                                first = page.uid_at(slot);
                            return !first;
                          }));
  return first;
}

RecordState MailboxView::shown(RecordState state) const {
  constexpr auto kSeen = static_cast<size_t>(SystemFlag::kSeen);
  if (shows_expunged()) state.expunged = false;
  if (!seen_) return state;
  state.flags.clear(kSeen);
  if (seen_->contains(state.uid)) state.flags.set(kSeen);
  return state;
}

Result<uint32_t> MailboxView::unseen() const {
  if (!seen_) return info_.unseen;
  TRY(const UidSet live, uids());
  return static_cast<uint32_t>((live - *seen_).size());
}

Result<UidSet> MailboxView::uids_with(size_t flag_bit) const {
  if (flag_bit >= Flags::kBits) return UidSet();
  if (seen_ && flag_bit == static_cast<size_t>(SystemFlag::kSeen)) {
    TRY(const UidSet live, uids());
    return live & *seen_;
  }
  if (flag_bit == static_cast<size_t>(SystemFlag::kSeen) && !shows_expunged()) {
    TRY(const auto sets, sets_->get(SnapshotReader(index_, snapshot_), info_));
    return sets->seen;
  }
  return uids_shown(flag_bit);
}

Result<std::vector<RecordState>> MailboxView::states(const UidSet& uids, Include include) const {
  std::vector<RecordState> out;
  TRY_OK(each_page(SnapshotReader(index_, snapshot_), info_.id, uids,
                   [&](const Page& page) -> Result<void> {
                     each_slot(page, uids, [&](uint32_t slot) {
                       const bool is_told = include == Include::kExpungedToo && !shows_expunged();
                       if (is_told || is_shown(page, slot))
                         out.push_back(shown(page.state_at(slot)));
                     });
                     return {};
                   }));
  return out;
}

Result<Record> MailboxView::record(Uid uid) const {
  TRY(const std::vector<RecordState> found, states(UidSet::of(uid, uid), Include::kExpungedToo));
  if (found.empty())
    return fail(Code::kNotFound, fmt::format("no record {} in {}", uid.value, info_.id.text()));
  TRY(const std::vector<RecordFacts> its_facts, facts(UidSet::of(uid, uid)));
  return Record{found.front(), its_facts.front()};
}

Result<std::vector<RecordFacts>> MailboxView::facts(const UidSet& uids) const {
  std::vector<RecordFacts> out;
  TRY_OK(each_facts(SnapshotReader(index_, snapshot_), info_.id, uids,
                    [&](Uid, const RecordFacts& one) -> Result<void> {
                      out.push_back(one);
                      return {};
                    }));
  return out;
}

Result<void> MailboxView::all_facts(
    const std::function<void(Uid, const RecordFacts&)>& visit) const {
  const SnapshotReader rows(index_, snapshot_);
  return rows.scan_prefix(key::facts(info_.id),
                          [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                            TRY(const RecordFacts facts, decode_facts(value));
                            visit(Uid(get_be32(row_key.substr(row_key.size() - 4))), facts);
                            return true;
                          });
}

Result<std::vector<RecordState>> MailboxView::changes_since(ModSeq since) const {
  TRY(std::vector<RecordState> out, read_changes(SnapshotReader(index_, snapshot_), info_, since));
  if (shows_expunged())
    std::erase_if(out, [](const RecordState& state) { return !state.expunged; });
  for (RecordState& state : out) state = shown(state);
  return out;
}

Result<std::optional<std::vector<FlagFlips>>> MailboxView::flips_since(ModSeq since) const {
  return read_flips(SnapshotReader(index_, snapshot_), {info_.id, info_.highestmodseq, since});
}

Result<std::vector<MailboxView::Holder>> MailboxView::holders(const Guid& guid, size_t count_max,
                                                              Bodies bodies) const {
  std::vector<Holder> out;
  if (count_max == 0) return out;
  TRY_OK(SnapshotReader(index_, snapshot_)
             .scan_prefix(
                 bodies == Bodies::kAnywhere ? key::links(guid) : key::links(guid, info_.partition),
                 [&](std::string_view row_key, std::string_view) -> Result<bool> {
                   const std::string_view holder = row_key.substr(row_key.size() - 20);
                   out.push_back({UniqueId::from_key(holder.substr(0, 16)),
                                  Uid(get_be32(holder.substr(16)))});
                   return out.size() < count_max;
                 }));
  return out;
}

Result<Digest> MailboxView::digest_of(const UidSet& uids) const {
  CHECK(!seen_);  // digests are of records
  TRY(const std::vector<RecordState> found, states(uids, Include::kExpungedToo));
  FlagsDigests flags;
  Digest sum;
  UidSet existing;
  for (const RecordState& state : found) {
    sum += state_digest(state, flags.of(state.flags, info_.keywords));
    existing.add(state.uid);
  }
  TRY_OK(each_facts(SnapshotReader(index_, snapshot_), info_.id, existing,
                    [&](Uid uid, const RecordFacts& one) -> Result<void> {
                      sum += facts_digest(uid, one);
                      return {};
                    }));
  return sum;
}

Result<bool> MailboxView::is_archived(const Guid& guid) const {
  TRY(const auto row, bodies_->get(Table::kIndex, key::archived(guid), bodies_snapshot_.get()));
  return row.has_value();
}

// Of now: it never changes while a body is there.
Result<std::optional<Summary>> MailboxView::summary(const Guid& guid) const {
  TRY(std::optional<std::string> bytes, bodies_->get(Table::kIndex, key::summary(guid)));
  if (!bytes) return std::nullopt;
  return Summary::decode(std::move(*bytes));
}

Result<Body> MailboxView::body(const Guid& guid) const {
  Body body;
  body.engine_ = bodies_;
  body.snapshot_ = bodies_snapshot_;
  Result<std::optional<BodyRow>> found = read_body_row(*bodies_, bodies_snapshot_.get(), guid);
  if (!found || !*found) {  // it may have come, or been restored, since the moment of this view
    body.snapshot_ = nullptr;
    found = read_body_row(*bodies_, nullptr, guid);
  }
  if (!found || !*found) lost_(guid);
  TRY(std::optional<BodyRow> row, std::move(found));
  if (!row) return fail(Code::kNotFound, fmt::format("no body {}", guid.text()));
  body.size_ = size_of(*row);
  if (!row->archive.empty()) {
    const auto archive = engines_->find(row->archive);
    if (archive == engines_->end()) {
      lost_(guid);
      return fail(Code::kCorrupt, fmt::format("no partition \"{}\"", row->archive));
    }
    body.engine_ = archive->second;
    body.snapshot_ = nullptr;  // its chunks never change
  }
  body.inline_bytes_ = std::move(row->inline_bytes);
  body.chunk_prefix_ = std::move(row->chunked.stage_id);
  if (body.is_in_memory())
    body.snapshot_ = nullptr;
  else
    body.lost_ = [lost = lost_, guid] { lost(guid); };
  return body;
}

}  // namespace gemel
