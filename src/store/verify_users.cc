// verify: users with their items, names, the journal and the server's digest.
#include <fmt/format.h>

#include "base/bytes.h"
#include "store/verifier.h"

namespace gemel {

Result<bool> Verifier::users() {
  renew_snapshot();
  std::optional<std::string> userid;
  TRY_OK(index_->scan(next_.empty() ? std::string(key::kUsers) + options_.userid : next_,
                      key::end_of(std::string(key::kUsers)),
                      [&](std::string_view row_key, std::string_view) -> Result<bool> {
                        next_ = std::string(row_key) + '\0';
                        userid = row_key.substr(key::kUsers.size());
                        return false;
                      }));
  if (!userid || (!all_users() && *userid != options_.userid)) return false;
  TRY_OK(user(*userid));
  return all_users();
}

/// Its row against its items and its mailboxes' headers.
Result<void> Verifier::user(std::string_view userid) {
  const std::string where(userid);
  TRY(const auto bytes, index_->get(key::user(userid)));
  const auto row = bytes ? UserRow::decode(userid, *bytes) : UserRow();
  if (!row) {
    problem("format", where, row.error().text);
    return {};
  }
  const UserInfo& info = row->info;
  Digest data = user_digest(info);
  TRY(const ItemSums sums, items(where));
  data += sums.digest;
  if (data != info.data_digest)
    problem("digest", where, "the items have another digest than the user's row says");
  lineage(where, info.lineage, info.modseq);
  if (info.modseq) TRY_OK(entry(where, where, row->journal));
  Digest whole = info.data_digest;
  QuotaUsage scanned = {0, 0, 0, sums.annotation_bytes};
  TRY_OK(index_->scan_prefix(
      key::owned(userid), [&](std::string_view row_key, std::string_view) -> Result<bool> {
        spend(1);
        const UniqueId id = UniqueId::from_key(row_key.substr(row_key.size() - 16));
        TRY(const auto mailbox, unless_corrupt(read_mailbox(*index_, id)));
        if (!mailbox || mailbox->info.name.owner != userid) {
          problem("names", where, "has a row for a mailbox that is not the user's: " + id.text());
          return true;
        }
        whole += mailbox->info.digest;
        if (mailbox->info.is_deleted()) return true;
        scanned[0] += mailbox->info.bytes;
        scanned[1] += mailbox->info.exists;
        ++scanned[2];
        scanned[3] += annotation_bytes_of(mailbox->info);
        return true;
      }));
  if (whole != info.digest)
    problem("digest", where, "the mailboxes have another digest than the user's row says");
  for (size_t i = 0; i < scanned.size(); ++i)
    if (row->usage()[i] != scanned[i])
      problem("I10", where,
              fmt::format("the usage of {} is {}, a scan gives {}", kQuotaKinds[i].item,
                          row->usage()[i], scanned[i]));
  return {};
}

Result<Verifier::ItemSums> Verifier::items(const std::string& userid) {
  ItemSums sums;
  std::set<std::string> expected;
  const std::string prefix = key::items(userid);
  TRY_OK(index_->scan_prefix(prefix,
                             [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                               spend(1);
                               const auto item = decode_item(row_key.substr(prefix.size()), value);
                               if (!item) {
                                 problem("format", userid, item.error().text);
                                 return true;
                               }
                               sums.digest += item_digest(*item);
                               sums.annotation_bytes += annotation_bytes_of(*item);
                               expected.insert(key::item_change(userid, item->modseq, item->key));
                               return true;
                             }));
  std::set<std::string> indexed;
  TRY_OK(index_->scan_prefix(key::item_changes(userid),
                             [&](std::string_view row_key, std::string_view) -> Result<bool> {
                               indexed.emplace(row_key);
                               return true;
                             }));
  if (indexed != expected)
    problem("changes", userid, "the items and the index of their changes differ");
  return sums;
}

/// The sum over all users, of one moment, against what the server says.
Result<bool> Verifier::server() {
  if (next_.empty()) renew_snapshot();
  TRY(const bool more,
      some_rows(std::string(key::kUsers), next_,
                [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                  const auto row = UserRow::decode(row_key.substr(key::kUsers.size()), value);
                  if (row) users_ += in_server_digest(row->info);
                  return true;
                }));
  if (more) return true;
  TRY(const auto meta, index_->get(key::kMeta));
  if (!meta) {
    problem("format", "server", "the store's own row is missing");
    return false;
  }
  const auto row = MetaRow::decode(*meta);
  if (!row || row->digest != users_)
    problem("digest", "server", "the users have another digest than the server says");
  return false;
}

Result<bool> Verifier::name_rows() {
  renew_snapshot();
  return some_rows("n", next_, [&](std::string_view row_key, std::string_view id) -> Result<bool> {
    const size_t nul = row_key.find('\0');
    const MailboxName name{std::string(row_key.substr(1, nul - 1)),
                           std::string(row_key.substr(nul + 1))};
    if (id.size() != 16) {
      problem("format", name.text(), "its name row does not decode");
      return true;
    }
    TRY(const auto row, unless_corrupt(read_mailbox(*index_, UniqueId::from_key(id))));
    if (!row || row->info.is_deleted() || row->info.name != name)
      problem("names", name.text(), "leads to a mailbox of another name, or to none");
    return true;
  });
}

Result<bool> Verifier::grant_rows() {
  renew_snapshot();
  return some_rows("a", next_, [&](std::string_view row_key, std::string_view) -> Result<bool> {
    const size_t nul = row_key.find('\0');
    const std::string identifier(row_key.substr(1, nul - 1));
    const UniqueId id = UniqueId::from_key(row_key.substr(row_key.size() - 16));
    TRY(const auto row, unless_corrupt(read_mailbox(*index_, id)));
    const bool stands = row && !row->info.is_deleted() &&
                        row->info.attributes.contains(std::string(kAttributeAcl) + identifier);
    if (!stands) problem("names", to_hex(row_key), "is the grant row of no mailbox's ACL");
    return true;
  });
}

Result<bool> Verifier::journal() {
  renew_snapshot();
  TRY(const auto meta, index_->get(key::kMeta));
  const auto row = meta ? MetaRow::decode(*meta) : MetaRow();
  return some_rows(std::string(key::kJournal), next_,
                   [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                     const JournalSeq seq(get_be64(row_key.substr(1)));
                     const std::string where = fmt::format("journal {}", seq.value);
                     if (row && seq > row->journal_head)
                       problem("journal", where, "is above the head");
                     const auto entity = key::decode_entity(value);
                     if (!entity) {
                       problem("format", where, entity.error().text);
                       return true;
                     }
                     TRY(const std::optional<JournalSeq> said, journal_of(*entity));
                     TRY(const JournalSeq last,
                         said ? read_journal(*index_, *entity, *said) : JournalSeq());
                     if (last != seq)
                       problem("journal", where, "is not the last one of what it names");
                     return true;
                   });
}

/// What the row of an entity says; nothing if it has none that can be read.
Result<std::optional<JournalSeq>> Verifier::journal_of(const key::Entity& entity) {
  if (const auto* id = std::get_if<UniqueId>(&entity)) {
    TRY(const auto row, unless_corrupt(read_mailbox(*index_, *id)));
    if (row) return row->journal;
  } else {
    TRY(const auto row, unless_corrupt(read_user(*index_, std::get<std::string>(entity))));
    if (row) return row->journal;
  }
  return std::nullopt;
}

/// Rows of format 5: each is of an entity whose own row does not say where its entry is.
Result<bool> Verifier::entities() {
  renew_snapshot();
  return some_rows("e", next_, [&](std::string_view row_key, std::string_view) -> Result<bool> {
    const auto entity = key::decode_entity(row_key.substr(1));
    if (!entity) {
      problem("format", to_hex(row_key), entity.error().text);
      return true;
    }
    TRY(const std::optional<JournalSeq> said, journal_of(*entity));
    if (!said || *said)
      problem("journal", to_hex(row_key), "is the place of no entry that is looked for there");
    return true;
  });
}

/// A mailbox or user has its entry where its row says.
Result<void> Verifier::entry(const std::string& where, const key::Entity& entity, JournalSeq said) {
  TRY(const JournalSeq seq, read_journal(*index_, entity, said));
  TRY(const auto found, index_->get(key::journal(seq)));
  if (!found || *found != key::encode(entity))
    problem("journal", where, "has no entry where it says");
  return {};
}

}  // namespace gemel
