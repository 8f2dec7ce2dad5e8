// verify: users with their items, names, the journal and the server's digest.
#include <fmt/format.h>

#include "base/bytes.h"
#include "store/verifier.h"

namespace gemel {

Result<void> Verifier::users() {
  Digest server;
  TRY_OK(index_.scan_prefix(std::string(key::kUsers),
                            [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                              const std::string userid(row_key.substr(key::kUsers.size()));
                              if (!all_users() && userid != options_->userid) return true;
                              const auto row = UserRow::decode(userid, value);
                              if (!row) {
                                problem("format", userid, row.error().text);
                                return true;
                              }
                              TRY(const Digest summand, user(*row));
                              server += summand;
                              owners_.erase(userid);
                              return true;
                            }));
  for (const auto& [owner, sums] : owners_)
    problem("names", owner, "has mailboxes, but no row as a user");
  if (!all_users()) return {};
  TRY(const auto meta, index_.get(key::kMeta));
  if (!meta) {
    problem("format", "server", "the store's own row is missing");
    return {};
  }
  const auto row = MetaRow::decode(*meta);
  if (!row || row->digest != server)
    problem("digest", "server", "the users have another digest than the server says");
  return {};
}

Result<Digest> Verifier::user(const UserRow& row) {
  const UserInfo& info = row.info;
  Digest data = user_digest(info);
  TRY(const Digest of_items, items(info.userid));
  data += of_items;
  if (data != info.data_digest)
    problem("digest", info.userid, "the items have another digest than the user's row says");
  lineage(info.userid, info.lineage, info.modseq);
  const OwnerSums& sums = owners_[info.userid];
  Digest whole = info.data_digest;
  whole += sums.mailboxes;
  if (whole != info.digest)
    problem("digest", info.userid, "the mailboxes have another digest than the user's row says");
  const QuotaUsage scanned = {sums.bytes, sums.messages, sums.live, sums.annotation_bytes};
  for (size_t i = 0; i < scanned.size(); ++i)
    if (row.usage()[i] != scanned[i])
      problem("I10", info.userid,
              fmt::format("the usage of {} is {}, a scan gives {}", kQuotaKinds[i].item,
                          row.usage()[i], scanned[i]));
  return in_server_digest(info);
}

Result<Digest> Verifier::items(const std::string& userid) {
  Digest sum;
  std::set<std::string> expected;
  const std::string prefix = key::items(userid);
  TRY_OK(index_.scan_prefix(prefix,
                            [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                              const auto item = decode_item(row_key.substr(prefix.size()), value);
                              if (!item) {
                                problem("format", userid, item.error().text);
                                return true;
                              }
                              sum += item_digest(*item);
                              owners_[userid].annotation_bytes += annotation_bytes_of(*item);
                              expected.insert(key::item_change(userid, item->modseq, item->key));
                              return true;
                            }));
  std::set<std::string> indexed;
  TRY_OK(index_.scan_prefix(key::item_changes(userid),
                            [&](std::string_view row_key, std::string_view) -> Result<bool> {
                              indexed.emplace(row_key);
                              return true;
                            }));
  if (indexed != expected)
    problem("changes", userid, "the items and the index of their changes differ");
  return sum;
}

Result<void> Verifier::name_rows() {
  return index_.scan_prefix(
      "n", [&](std::string_view row_key, std::string_view id) -> Result<bool> {
        const size_t nul = row_key.find('\0');
        const MailboxName name{std::string(row_key.substr(1, nul - 1)),
                               std::string(row_key.substr(nul + 1))};
        if (id.size() != 16) {
          problem("format", name.text(), "its name row does not decode");
          return true;
        }
        TRY(const auto row, unless_corrupt(read_mailbox(index_, UniqueId::from_key(id))));
        if (!row || row->info.is_deleted() || row->info.name != name)
          problem("names", name.text(), "leads to a mailbox of another name, or to none");
        return true;
      });
}

Result<void> Verifier::grant_rows() {
  TRY_OK(index_.scan_prefix("a", [&](std::string_view row_key, std::string_view) -> Result<bool> {
    if (grants_.erase(std::string(row_key)) == 0)
      problem("names", to_hex(row_key), "is the grant row of no mailbox's ACL");
    return true;
  }));
  for (const std::string& missing : grants_)
    problem("names", to_hex(missing), "a mailbox's ACL has no grant row");
  return {};
}

Result<void> Verifier::journal() {
  TRY(const auto meta, index_.get(key::kMeta));
  const auto row = meta ? MetaRow::decode(*meta) : MetaRow();
  uint64_t rows = 0;
  TRY_OK(index_.scan_prefix(std::string(key::kJournal),
                            [&](std::string_view row_key, std::string_view value) -> Result<bool> {
                              ++rows;
                              const JournalSeq seq(get_be64(row_key.substr(1)));
                              const std::string where = fmt::format("journal {}", seq.value);
                              if (row && seq > row->journal_head)
                                problem("journal", where, "is above the head");
                              const auto entity = key::decode_entity(value);
                              if (!entity) {
                                problem("format", where, entity.error().text);
                                return true;
                              }
                              TRY(const auto last, index_.get(key::entity(*entity)));
                              if (!last || last->size() != 8 || get_be64(*last) != seq.value)
                                problem("journal", where, "is not the last one of what it names");
                              return true;
                            }));
  uint64_t entities = 0;
  TRY_OK(index_.scan_prefix("e", [&](std::string_view, std::string_view) -> Result<bool> {
    ++entities;
    return true;
  }));
  if (rows != entities) problem("journal", "journal", "some mailbox or user has no entry");
  return {};
}

}  // namespace gemel
