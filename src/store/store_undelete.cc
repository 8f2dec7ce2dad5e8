// Bringing back what was hidden: the one place that says how.
//
// An expunged UID never returns (invariant I4), so a message comes back as a new one, and its
// tombstone stays. What makes a second try harmless is that a message with the same body and
// internaldate counts as being there already.
#include <fmt/format.h>

#include "base/bytes.h"
#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

using Restored = MailStore::Restored;

struct Restore {
  UniqueId source;
  UidSet uids;
  UniqueId target;
  CopyTerms terms;
};

struct Tombstone {
  RecordState state;
  RecordFacts facts;
};

Result<std::vector<Tombstone>> tombstones(Commit& commit, MailboxEdit& source, const UidSet& uids) {
  TRY(std::vector<RecordState> states, source.states(uids));
  std::erase_if(states, [](const RecordState& state) { return !state.expunged; });
  UidSet expunged;
  for (const RecordState& state : states) expunged.add(state.uid);
  std::vector<Tombstone> out;
  TRY_OK(each_facts(commit.rows(), source.info().id, expunged,
                    [&](Uid, const RecordFacts& facts) -> Result<void> {
                      out.push_back({states[out.size()], facts});
                      return {};
                    }));
  return out;
}

/// Is a live message of `target` the same? Cost: O(records that hold the body).
Result<bool> is_there(Commit& commit, MailboxEdit& target, const RecordFacts& facts) {
  UidSet holders;
  TRY_OK(commit.rows().scan_prefix(
      key::links(facts.guid, target.info().partition),
      [&](std::string_view row_key, std::string_view) -> Result<bool> {
        const std::string_view holder = row_key.substr(row_key.size() - 20);
        if (UniqueId::from_key(holder.substr(0, 16)) == target.info().id)
          holders.add(Uid(get_be32(holder.substr(16))));
        return true;
      }));
  TRY(std::vector<RecordState> states, target.states(holders));
  UidSet live;
  for (const RecordState& state : states)
    if (!state.expunged) live.add(state.uid);
  bool found = false;
  TRY_OK(each_facts(commit.rows(), target.info().id, live,
                    [&](Uid, const RecordFacts& one) -> Result<void> {
                      found = found || one.internaldate_s == facts.internaldate_s;
                      return {};
                    }));
  return found;
}

Result<Restored> restore_all(Commit& commit, const Restore& restore) {
  TRY_OK(commit.live_mailbox(restore.target));
  TRY(RecordCopier copier,
      RecordCopier::make(commit, restore.source, restore.target, restore.terms));
  TRY(const std::vector<Tombstone> all, tombstones(commit, copier.source(), restore.uids));
  Restored out;
  for (const Tombstone& one : all) {
    TRY(const bool there, is_there(commit, copier.target(), one.facts));
    if (there) {
      out.there_already.add(one.state.uid);
      continue;
    }
    TRY(const Uid uid, copier.add(one.state, one.facts));
    out.source_uids.add(one.state.uid);
    out.target_uids.add(uid);
    out.bytes += one.facts.size;
  }
  TRY_OK(commit.finish());
  out.committed = commit.committed(restore.target);
  return out;
}

Result<MailStore::Committed> restore_one(Commit& commit, const UniqueId& id,
                                         const MailboxName& name) {
  TRY(MailboxEdit * mailbox, commit.mailbox(id));
  if (!mailbox->info().is_deleted())
    return fail(Code::kExists, fmt::format("mailbox {} is not deleted", id.text()));
  TRY_OK(MailboxName::make(name.owner, name.path));
  TRY_OK(live_user(commit, name.owner));
  TRY_OK(make_parents(commit, {name, {}}));
  TRY_OK(commit.take_name(name, id));
  rename_header(commit, *mailbox, name);
  mailbox->header().deleted_s = 0;
  mailbox->modseq();
  TRY_OK(commit.finish());
  return commit.committed(id);
}

}  // namespace

Result<MailStore::Committed> MailStore::restore(const UniqueId& id, const MailboxName& name) {
  TRY_OK(take_hold_along(id, name.owner));
  return impl_->commit<Committed>(
      Purpose::kCommit, [id, name](Commit& commit) { return restore_one(commit, id, name); });
}

Result<Restored> MailStore::restore_expunged(const UniqueId& source, const UidSet& uids,
                                             const UniqueId& target, const CopyTerms& terms) {
  TRY(const MailboxInfo to, find(target));
  TRY(const MailboxView from, view(source));
  std::shared_ptr<void> pin;
  if (from.info().partition != to.partition) {
    // Far bodies go ahead in portions, so that the transaction has few or none to copy.
    TRY(pin, impl_->import_bodies(from, uids, to.partition));
  }
  Restore restore{source, uids, target, terms};
  restore.terms.scope.deleted = false;  // that is why they went; they would go again
  return impl_->commit<Restored>(Purpose::kCommit, [restore = std::move(restore)](Commit& commit) {
    return restore_all(commit, restore);
  });
}

}  // namespace gemel
