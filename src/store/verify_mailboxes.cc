// verify: mailboxes with their pages, facts, links and indexes.
#include <fmt/format.h>

#include "base/bytes.h"
#include "mail/lineage.h"
#include "store/body_read.h"
#include "store/flag_history.h"
#include "store/verifier.h"

namespace gemel {
namespace {

std::string where_of(const MailboxInfo& info) {
  return fmt::format("{} ({}{})", info.name.text(), info.id.text(),
                     info.is_deleted() ? ", deleted" : "");
}
std::string where_of(const MailboxInfo& info, Uid uid) {
  return fmt::format("{} uid {}", where_of(info), uid.value);
}

}  // namespace

Result<void> Verifier::mailboxes() {
  return index_.scan_prefix(
      "m", [&](std::string_view row_key, std::string_view value) -> Result<bool> {
        const auto row = MailboxRow::decode(UniqueId::from_key(row_key.substr(1)), value);
        if (!row) {
          problem("format", to_hex(row_key), row.error().text);
          return true;
        }
        if (all_users() || row->info.name.owner == options_->userid) TRY_OK(mailbox(*row));
        return true;
      });
}

Result<void> Verifier::mailbox(const MailboxRow& row) {
  const MailboxInfo& info = row.info;
  if (options_->on_progress) options_->on_progress(info.name.text());
  ++report_.mailboxes;
  Sums sums;
  TRY_OK(pages(row, sums));
  TRY_OK(facts(row, sums));
  TRY_OK(changes_index(row, sums));
  TRY_OK(flag_history(info));
  lineage(where_of(info), info.lineage, info.highestmodseq);
  TRY_OK(names(info));
  counters(info, sums);
  if (!info.is_deleted())
    for (const auto& [name, rights] : info.attributes)
      if (name.starts_with(kAttributeAcl))
        grants_.insert(key::granted(name.substr(kAttributeAcl.size()), info.id));
  if (sums.records != row.records)
    problem("digest", where_of(info), "the records have another digest than the header says");
  Digest whole = header_digest(info);
  whole += row.records;
  if (whole != info.digest) problem("digest", where_of(info), "the header has another digest");
  OwnerSums& owner = owners_[info.name.owner];
  owner.mailboxes += info.digest;
  if (!info.is_deleted()) {
    ++owner.live;
    owner.bytes += info.bytes;
    owner.messages += info.exists;
    owner.annotation_bytes += annotation_bytes_of(info);
  }
  return {};
}

Result<void> Verifier::pages(const MailboxRow& row, Sums& sums) {
  const MailboxInfo& info = row.info;
  FlagsDigests flags;
  return index_.scan_prefix(
      key::pages(info.id), [&](std::string_view row_key, std::string_view value) -> Result<bool> {
        const auto page = Page::decode(get_be32(row_key.substr(row_key.size() - 4)), value);
        if (!page) {
          problem("format", where_of(info), page.error().text);
          return true;
        }
        sums.page_modseqs[page->number] = page->max_modseq;
        for (uint32_t slot = 0; slot < kPageUids; ++slot) {
          if (!page->present.has(slot)) continue;
          const RecordState state = page->state_at(slot);
          if (!state.uid || state.uid > info.last_uid)
            problem("I2", where_of(info, state.uid), "the uid is above last_uid");
          if (!state.modseq || state.modseq > info.highestmodseq)
            problem("I3", where_of(info, state.uid), "the modseq is above highestmodseq");
          sums.uids.add(state.uid);
          sums.records += state_digest(state, flags.of(state.flags, info.keywords));
          ++(state.expunged ? sums.counted.expunged : sums.counted.exists);
          if (state.expunged) continue;
          if (!state.flags.has(SystemFlag::kSeen)) ++sums.counted.unseen;
          if (state.flags.has(SystemFlag::kDeleted)) ++sums.counted.deleted;
        }
        return true;
      });
}

Result<void> Verifier::facts(const MailboxRow& row, Sums& sums) {
  const MailboxInfo& info = row.info;
  UidSet with_facts;
  std::optional<Page> page;  // that of the record before, most often
  TRY_OK(index_.scan_prefix(
      key::facts(info.id), [&](std::string_view row_key, std::string_view value) -> Result<bool> {
        const Uid uid(get_be32(row_key.substr(row_key.size() - 4)));
        const auto its = decode_facts(value);
        if (!its) {
          problem("format", where_of(info, uid), its.error().text);
          return true;
        }
        ++report_.records;
        with_facts.add(uid);
        sums.records += facts_digest(uid, *its);
        if (!page || page->number != Page::number_of(uid)) {
          TRY(page, unless_corrupt(read_page(index_, info.id, Page::number_of(uid))));
        }
        const uint32_t slot = Page::slot_of(uid);
        if (!page || !page->present.has(slot)) return true;  // told of below
        (page->expunged.has(slot) ? sums.counted.expunged_bytes : sums.counted.bytes) += its->size;
        if (its->created_modseq > page->modseqs[slot])
          problem("I3", where_of(info, uid), "it was created after its last change");
        TRY_OK(record_links(info, uid, *its));
        return true;
      }));
  (sums.uids - with_facts).for_each([&](Uid uid) {
    problem("I1", where_of(info, uid), "it has a state, but no guid");
  });
  (with_facts - sums.uids).for_each([&](Uid uid) {
    problem("I1", where_of(info, uid), "it has a guid, but no state");
  });
  return {};
}

Result<void> Verifier::record_links(const MailboxInfo& info, Uid uid, const RecordFacts& facts) {
  TRY(const auto link, index_.get(key::link(facts.guid, info.partition, {info.id, uid})));
  if (!link) problem("links", where_of(info, uid), "its body has no link to it");
  if (all_users() || !bodies_too()) return {};  // all bodies are checked together
  const auto number = partitions_->find(info.partition);
  if (!number) {
    problem("I9", where_of(info, uid), "there is no partition " + info.partition);
    return {};
  }
  if (!checked_bodies_.insert({*number, facts.guid}).second) return {};
  const Engine& engine = *partitions_->at(*number).engine;
  TRY(auto body, unless_corrupt(read_body_row(engine, snapshots_[*number].get(), facts.guid)));
  if (!body) {
    problem("I9", where_of(info, uid), "its body is missing");
    return {};
  }
  if (size_of(*body) != facts.size) problem("I9", where_of(info, uid), "its body has another size");
  return body_content({*number, facts.guid}, std::move(*body));
}

Result<void> Verifier::changes_index(const MailboxRow& row, const Sums& sums) {
  const MailboxInfo& info = row.info;
  std::map<uint32_t, ModSeq> indexed;
  const size_t prefix = key::changes(info.id).size();
  TRY_OK(index_.scan_prefix(
      key::changes(info.id), [&](std::string_view row_key, std::string_view) -> Result<bool> {
        const ModSeq modseq(get_be64(row_key.substr(prefix)));
        const uint32_t number = get_be32(row_key.substr(row_key.size() - 4));
        if (!indexed.emplace(number, modseq).second)
          problem("changes", where_of(info), fmt::format("page {} has two rows", number));
        return true;
      }));
  if (indexed != sums.page_modseqs)
    problem("changes", where_of(info), "the pages and the index of changes differ");
  return {};
}

Result<void> Verifier::flag_history(const MailboxInfo& info) {
  const ModSeq start = flag_history_start(info.highestmodseq);
  return index_.scan_prefix(
      key::history(info.id), [&](std::string_view row_key, std::string_view value) -> Result<bool> {
        const ModSeq modseq(get_be64(row_key.substr(row_key.size() - 8)));
        const auto row = FlagHistoryRow::decode(modseq, value);
        if (!row) {
          problem("format", where_of(info), row.error().text);
          return true;
        }
        if (modseq <= start || modseq > info.highestmodseq)
          problem("history", where_of(info),
                  fmt::format("it has flag history of modseq {}", modseq.value));
        for (const auto& [bits, uids] : row->flipped)
          if (uids.last() > info.last_uid)
            problem("history", where_of(info, uids.last()), "flag history is of no message");
        return true;
      });
}

void Verifier::lineage(const std::string& where, const Lineage& lineage, ModSeq highest) {
  if (!is_sound(lineage, highest)) problem("lineage", where, "its terms are out of order");
}

Result<void> Verifier::names(const MailboxInfo& info) {
  TRY(const auto named, unless_corrupt(read_name(index_, info.name)));
  if (!info.is_deleted() && named != info.id)
    problem("names", where_of(info), "its name does not lead to it");
  if (info.is_deleted() && named == info.id)
    problem("names", where_of(info), "it is deleted, but its name leads to it");
  TRY(const auto owned, index_.get(key::owned(info.name.owner, info.id)));
  if (!owned) problem("names", where_of(info), "its owner has no row for it");
  return {};
}

void Verifier::counters(const MailboxInfo& info, const Sums& sums) {
  const auto check = [&](std::string_view name, uint64_t kept, uint64_t scanned) {
    if (kept != scanned)
      problem("I10", where_of(info), fmt::format("{} is {}, a scan gives {}", name, kept, scanned));
  };
  check("exists", info.exists, sums.counted.exists);
  check("unseen", info.unseen, sums.counted.unseen);
  check("deleted", info.deleted, sums.counted.deleted);
  check("bytes", info.bytes, sums.counted.bytes);
  check("expunged", info.expunged, sums.counted.expunged);
  check("expunged_bytes", info.expunged_bytes, sums.counted.expunged_bytes);
}

}  // namespace gemel
