// verify: mailboxes with their pages, facts, links and indexes.
#include <fmt/format.h>

#include "base/bytes.h"
#include "mail/lineage.h"
#include "store/flag_history.h"
#include "store/verify_mailbox.h"

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

/// The next one that there is, or the user's next.
Result<bool> Verifier::begin_mailbox() {
  renew_snapshot();
  const std::string prefix = all_users() ? "m" : key::owned(options_.userid);
  std::optional<UniqueId> id;
  TRY_OK(index_->scan(next_.empty() ? prefix : next_, key::end_of(prefix),
                      [&](std::string_view row_key, std::string_view) -> Result<bool> {
                        next_ = std::string(row_key) + '\0';
                        id = UniqueId::from_key(row_key.substr(row_key.size() - 16));
                        return false;
                      }));
  if (!id) return false;
  spend(1);
  TRY(const auto bytes, index_->get(key::mailbox(*id)));
  if (!bytes) {
    problem("names", options_.userid, "has a row for a mailbox that is not there");
    return true;
  }
  auto row = MailboxRow::decode(*id, *bytes);
  if (!row)
    problem("format", id->text(), row.error().text);
  else
    mailbox_ = std::make_unique<MailboxCheck>(std::move(*row));
  return true;
}

Result<bool> Verifier::mailboxes() {
  if (!mailbox_) return begin_mailbox();
  TRY(const bool more, advance(*mailbox_));
  if (!more) mailbox_.reset();
  return true;
}

Result<bool> Verifier::advance(MailboxCheck& check) {
  using Part = MailboxCheck::Part;
  bool more = false;
  switch (check.part) {
    case Part::kPages: {
      TRY(more, pages(check));
      if (!more) check.part = Part::kFacts;
      return true;
    }
    case Part::kFacts: {
      TRY(more, facts(check));
      if (!more) check.part = Part::kRest;
      return true;
    }
    case Part::kRest:
      break;
  }
  TRY_OK(end_mailbox(check));
  return false;
}

Result<void> Verifier::end_mailbox(MailboxCheck& check) {
  const MailboxRow& row = check.row;
  const MailboxInfo& info = row.info;
  ++report_.mailboxes;
  (check.uids - check.with_facts).for_each([&](Uid uid) {
    problem("I1", where_of(info, uid), "it has a state, but no guid");
  });
  (check.with_facts - check.uids).for_each([&](Uid uid) {
    problem("I1", where_of(info, uid), "it has a guid, but no state");
  });
  TRY_OK(changes_index(check));
  TRY_OK(flag_history(info));
  TRY_OK(entry(where_of(info), info.id, row.journal));
  lineage(where_of(info), info.lineage, info.highestmodseq);
  TRY_OK(names(info));
  TRY_OK(grants(info));
  counters(check);
  if (check.records != row.records)
    problem("digest", where_of(info), "the records have another digest than the header says");
  Digest whole = header_digest(info);
  whole += row.records;
  if (whole != info.digest) problem("digest", where_of(info), "the header has another digest");
  spend(check.page_modseqs.size());
  return {};
}

Result<bool> Verifier::pages(MailboxCheck& check) {
  return some_rows(key::pages(check.row.info.id), check.next,
                   [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                     page(check, row_key, value);
                     spend(kPageUids / 8);
                     return true;
                   });
}

void Verifier::page(MailboxCheck& check, std::string_view row_key, std::string_view value) {
  const MailboxInfo& info = check.row.info;
  const auto page = Page::decode(get_be32(row_key.substr(row_key.size() - 4)), value);
  if (!page) return problem("format", where_of(info), page.error().text);
  check.page_modseqs[page->number] = page->max_modseq;
  for (uint32_t slot = 0; slot < kPageUids; ++slot) {
    if (!page->present.has(slot)) continue;
    const RecordState state = page->state_at(slot);
    if (!state.uid || state.uid > info.last_uid)
      problem("I2", where_of(info, state.uid), "the uid is above last_uid");
    if (!state.modseq || state.modseq > info.highestmodseq)
      problem("I3", where_of(info, state.uid), "the modseq is above highestmodseq");
    check.uids.add(state.uid);
    check.records += state_digest(state, check.flags.of(state.flags, info.keywords));
    ++(state.expunged ? check.counted.expunged : check.counted.exists);
    if (state.expunged) continue;
    if (!state.flags.has(SystemFlag::kSeen)) ++check.counted.unseen;
    if (state.flags.has(SystemFlag::kDeleted)) ++check.counted.deleted;
  }
}

Result<bool> Verifier::facts(MailboxCheck& check) {
  const MailboxInfo& info = check.row.info;
  return some_rows(
      key::facts(info.id), check.next,
      [&](std::string_view row_key, std::string_view value) -> Result<bool> {
        const Uid uid(get_be32(row_key.substr(row_key.size() - 4)));
        const auto its = decode_facts(value);
        if (!its) {
          problem("format", where_of(info, uid), its.error().text);
          return true;
        }
        ++report_.records;
        check.with_facts.add(uid);
        check.records += facts_digest(uid, *its);
        if (!check.page || check.page->number != Page::number_of(uid)) {
          TRY(check.page, unless_corrupt(read_page(*index_, info.id, Page::number_of(uid))));
        }
        const uint32_t slot = Page::slot_of(uid);
        if (!check.page || !check.page->present.has(slot)) return true;  // told of in the end
        (check.page->expunged.has(slot) ? check.counted.expunged_bytes : check.counted.bytes) +=
            its->size;
        if (its->created_modseq > check.page->modseqs[slot])
          problem("I3", where_of(info, uid), "it was created after its last change");
        TRY_OK(record_links(info, uid, *its));
        return true;
      });
}

Result<void> Verifier::record_links(const MailboxInfo& info, Uid uid, const RecordFacts& facts) {
  TRY(const auto link, index_->get(key::link(facts.guid, info.partition, {info.id, uid})));
  if (!link) problem("links", where_of(info, uid), "its body has no link to it");
  const auto number = partitions_->find(info.partition);
  if (!number) {
    problem("I9", where_of(info, uid), "there is no partition " + info.partition);
    return {};
  }
  // Where all users are verified, all bodies are looked at together.
  if (all_users() || !bodies_too() || !checked_bodies_.insert({*number, facts.guid}).second)
    return {};
  TRY_OK(body({*number, facts.guid}));
  if (body_bytes_ && *body_bytes_ != facts.size)
    problem("I9", where_of(info, uid), "its body has another size");
  return {};
}

Result<void> Verifier::changes_index(const MailboxCheck& check) {
  const MailboxInfo& info = check.row.info;
  std::map<uint32_t, ModSeq> indexed;
  const size_t prefix = key::changes(info.id).size();
  TRY_OK(index_->scan_prefix(
      key::changes(info.id), [&](std::string_view row_key, std::string_view) -> Result<bool> {
        const ModSeq modseq(get_be64(row_key.substr(prefix)));
        const uint32_t number = get_be32(row_key.substr(row_key.size() - 4));
        if (!indexed.emplace(number, modseq).second)
          problem("changes", where_of(info), fmt::format("page {} has two rows", number));
        return true;
      }));
  std::map<uint32_t, ModSeq> expected = check.page_modseqs;
  if (!check.row.is_last_page_indexed) expected.erase(Page::number_of(info.last_uid));
  if (indexed != expected)
    problem("changes", where_of(info), "the pages and the index of changes differ");
  return {};
}

Result<void> Verifier::flag_history(const MailboxInfo& info) {
  const ModSeq start = flag_history_start(info.highestmodseq);
  return index_->scan_prefix(
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
  TRY(const auto named, unless_corrupt(read_name(*index_, info.name)));
  if (!info.is_deleted() && named != info.id)
    problem("names", where_of(info), "its name does not lead to it");
  if (info.is_deleted() && named == info.id)
    problem("names", where_of(info), "it is deleted, but its name leads to it");
  TRY(const auto owned, index_->get(key::owned(info.name.owner, info.id)));
  if (!owned) problem("names", where_of(info), "its owner has no row for it");
  TRY(const auto owner, index_->get(key::user(info.name.owner)));
  if (!owner) problem("names", where_of(info), "its owner has no row as a user");
  return {};
}

/// Grant rows that no mailbox's ACL stands behind are looked for by themselves.
Result<void> Verifier::grants(const MailboxInfo& info) {
  if (info.is_deleted()) return {};
  for (const auto& [name, rights] : info.attributes) {
    if (!name.starts_with(kAttributeAcl)) continue;
    const std::string identifier = name.substr(kAttributeAcl.size());
    TRY(const auto granted, index_->get(key::granted(identifier, info.id)));
    if (!granted) problem("names", where_of(info), "its ACL has no row for " + identifier);
  }
  return {};
}

void Verifier::counters(const MailboxCheck& mailbox) {
  const MailboxInfo& info = mailbox.row.info;
  const MailboxInfo& counted = mailbox.counted;
  const auto check = [&](std::string_view name, uint64_t kept, uint64_t scanned) {
    if (kept != scanned)
      problem("I10", where_of(info), fmt::format("{} is {}, a scan gives {}", name, kept, scanned));
  };
  check("exists", info.exists, counted.exists);
  check("unseen", info.unseen, counted.unseen);
  check("deleted", info.deleted, counted.deleted);
  check("bytes", info.bytes, counted.bytes);
  check("expunged", info.expunged, counted.expunged);
  check("expunged_bytes", info.expunged_bytes, counted.expunged_bytes);
}

}  // namespace gemel
