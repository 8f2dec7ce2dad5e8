// RENAME, with all that it moves.
#include <fmt/format.h>

#include "mail/acl.h"
#include "mail/annotation.h"
#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

struct Rename {
  MailboxName from;
  MailboxName to;
  std::string partition;  // empty: as it is
};

/// One mailbox of a rename, and where it goes.
struct Move {
  UniqueId id;
  MailboxName name;
};

/// `from` itself and all below it.
Result<std::vector<Move>> moves_of(const RowReader& rows, const Rename& rename) {
  std::vector<Move> out;
  const size_t start = key::names(rename.from.owner).size();
  TRY_OK(rows.scan_prefix(
      key::name(rename.from), [&](std::string_view row_key, std::string_view id) -> Result<bool> {
        const MailboxName name{rename.from.owner, std::string(row_key.substr(start))};
        if (name.is_within(rename.from))
          out.push_back(
              {UniqueId::from_key(id),
               {rename.to.owner, rename.to.path + name.path.substr(rename.from.path.size())}});
        return true;
      }));
  return out;
}

Result<void> move_one(Commit& commit, const Move& move, const std::string& partition) {
  TRY(MailboxEdit * mailbox, commit.mailbox(move.id));
  TRY_OK(MailboxName::make(move.name.owner, move.name.path));  // it may be too long or deep now
  TRY_OK(commit.take_name(move.name, move.id));
  rename_header(commit, *mailbox, move.name);
  if (!partition.empty()) TRY_OK(move_bodies(commit, *mailbox, partition));
  mailbox->modseq();
  return {};
}

Result<void> copy_private_annotations(Commit& commit, UserEdit& user, const UniqueId& from,
                                      const UniqueId& to) {
  const std::string& userid = user.info().userid;
  const size_t items = key::items(userid).size();
  const std::string prefix = annotation_item(from, "/");
  std::vector<MailStore::NewItem> copies;
  TRY_OK(commit.rows().scan_prefix(
      key::item(userid, prefix),
      [&](std::string_view row_key, std::string_view value) -> Result<bool> {
        TRY(UserItem item, decode_item(row_key.substr(items), value));
        const std::string entry = "/" + item.key.substr(prefix.size());
        if (!item.deleted) copies.push_back({annotation_item(to, entry), std::move(item.value)});
        return true;
      }));
  return put_items(user, copies);
}

/// Those of INBOX are the new mailbox's too (RFC 5464 §4.1): the shared ones, and the private ones
/// of its owner and of those whom its ACL names.
Result<void> copy_annotations(Commit& commit, const MailboxInfo& from, MailboxEdit& to) {
  for (const auto& [name, value] : from.attributes)
    if (name.starts_with(kAttributeAnnotation)) to.header().attributes[name] = value;
  std::set<std::string> users{from.name.owner};
  const Acl acl = Acl::of(from.attributes);
  for (const auto& [identifier, rights] : acl.entries()) users.insert(identifier);
  for (const std::string& userid : users) {
    TRY(UserEdit * user, commit.user(userid));
    if (user->is_live()) TRY_OK(copy_private_annotations(commit, *user, from.id, to.info().id));
  }
  return {};
}

/// INBOX stays, and its messages go to a new mailbox (RFC 9051 §6.3.6).
Result<bool> rename_inbox(Commit& commit, const UniqueId& inbox, const Rename& rename) {
  TRY(MailboxEdit * made, make_with_parents(commit, {rename.to, rename.partition}));
  TRY(const CopiedUids uids, copy_records(commit, inbox, all_uids(), made->info().id));
  TRY(MailboxEdit * source, commit.mailbox(inbox));
  TRY_OK(copy_annotations(commit, source->info(), *made));
  TRY_OK(expunge_records(commit, *source, uids.source));
  TRY_OK(commit.finish());
  return true;
}

Result<bool> rename_all(Commit& commit, const Rename& rename) {
  TRY(const auto id, commit.find_name(rename.from));
  if (!id) return fail(Code::kNotFound, fmt::format("no mailbox \"{}\"", rename.from.text()));
  TRY_OK(MailboxName::make(rename.to.owner, rename.to.path));
  TRY_OK(live_user(commit, rename.to.owner));
  // To its own name is how a mailbox only changes its partition, and INBOX may do that.
  if (rename.from.is_inbox() && rename.to != rename.from) return rename_inbox(commit, *id, rename);
  TRY(const std::vector<Move> moves, moves_of(commit.rows(), rename));
  for (const Move& move : moves) {
    TRY(const MailboxEdit* mailbox, commit.mailbox(move.id));
    commit.free_name(mailbox->info());
  }
  TRY_OK(make_parents(commit, {rename.to, rename.partition}));
  for (const Move& move : moves) TRY_OK(move_one(commit, move, rename.partition));
  TRY_OK(commit.finish());
  return true;
}

}  // namespace

Result<void> move_bodies(Commit& commit, MailboxEdit& mailbox, const std::string& partition) {
  const MailboxInfo& info = mailbox.info();
  if (info.partition == partition) return {};
  TRY(const uint32_t from, commit.partitions().find(info.partition));
  TRY(const uint32_t to, commit.partitions().find(partition));
  TRY(const std::vector<RecordState> states, mailbox.states(all_uids()));
  UidSet uids;
  for (const RecordState& state : states) uids.add(state.uid);
  std::vector<std::pair<Uid, RecordFacts>> all;
  TRY_OK(each_facts(commit.rows(), info.id, uids, [&](Uid uid, const RecordFacts& facts) {
    all.emplace_back(uid, facts);
    return Result<void>();
  }));
  for (const auto& [uid, facts] : all) {
    TRY_OK(commit.bodies().copy(facts.guid, facts.size, from, to));
    commit.bodies().link({to, facts.guid}, {info.id, uid});
    TRY_OK(commit.bodies().unlink({from, facts.guid}, facts.size, {info.id, uid}));
  }
  mailbox.header().partition = partition;
  return {};
}

Result<MailStore::Committed> MailStore::move(const UniqueId& id, std::string_view partition) {
  TRY(const MailboxView source, view(id));
  TRY(const auto pin, impl_->import_bodies(source, all_uids(), partition));
  return impl_->commit<Committed>(
      Purpose::kCommit, [id, to = std::string(partition)](Commit& commit) -> Result<Committed> {
        TRY(MailboxEdit * mailbox, commit.live_mailbox(id));
        if (mailbox->info().partition != to) {
          TRY_OK(move_bodies(commit, *mailbox, to));
          mailbox->modseq();
        }
        TRY_OK(commit.finish());
        return commit.committed(id);
      });
}

Result<void> MailStore::rename(const MailboxName& from, const MailboxName& to,
                               std::string_view partition) {
  const Rename rename{from, to, std::string(partition)};
  if (from == to && partition.empty())
    return fail(Code::kExists, fmt::format("mailbox \"{}\" exists", to.text()));
  if (from != to && to.is_within(from) && !from.is_inbox())
    return fail(Code::kInvalid, "a mailbox can't go below itself");
  // Far bodies go ahead in portions, so that the transaction has few or none to copy.
  std::vector<std::shared_ptr<void>> pins;
  if (!partition.empty() || from.owner != to.owner) {
    TRY(const std::vector<Move> moves, moves_of(impl_->now(), rename));
    for (const Move& move : moves) {
      TRY_OK(take_hold_along(move.id, to.owner));
      if (partition.empty()) continue;
      TRY(const MailboxView source, view(move.id));
      TRY(auto pin, impl_->import_bodies(source, all_uids(), partition));
      pins.push_back(std::move(pin));
    }
  }
  TRY_OK(impl_->commit<bool>(Purpose::kCommit,
                             [rename](Commit& commit) { return rename_all(commit, rename); }));
  return {};
}

}  // namespace gemel
