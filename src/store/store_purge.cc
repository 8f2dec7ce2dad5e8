// Freeing what was expunged or deleted.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "store/flag_history.h"
#include "store/hold.h"
#include "store/impl.h"
#include "store/operations.h"

namespace gemel {
namespace {

constexpr ModSeq kPurgeAll(INT64_MAX);

using Purged = MailStore::Purged;

/// The oldest tombstones of `states` up to a modseq, about `count_max` of them, but all that one
/// transaction made: purged_modseq says that everything up to it is gone.
struct Portion {
  UidSet uids = {};
  ModSeq highest = {};
  bool is_all = true;
};
Portion oldest(std::vector<RecordState> states, ModSeq up_to, uint64_t count_max) {
  std::erase_if(states,
                [&](const RecordState& state) { return !state.expunged || state.modseq > up_to; });
  const auto order = [](const RecordState& state) { return std::pair(state.modseq, state.uid); };
  std::ranges::sort(states, {}, order);
  size_t end = std::min<uint64_t>(states.size(), std::max<uint64_t>(count_max, 1));
  while (end > 0 && end < states.size() && states[end].modseq == states[end - 1].modseq) ++end;
  Portion out{.is_all = end == states.size()};
  if (end > 0) out.highest = states[end - 1].modseq;
  states.resize(end);
  std::ranges::sort(states, {}, &RecordState::uid);
  for (const RecordState& state : states) out.uids.add(state.uid);
  return out;
}

struct Purge {
  UniqueId mailbox;
  ModSeq up_to;
  uint64_t messages_max;
};

Result<Purged> done(Commit& commit, const UniqueId& id, Purged purged) {
  TRY_OK(commit.finish());
  purged.committed = commit.committed(id);
  return purged;
}

Result<Purged> free_tombstones(Commit& commit, MailboxEdit& mailbox, const Purge& purge) {
  Purged out;
  if (mailbox.info().expunged == 0) return out;
  TRY(std::vector<RecordState> states, mailbox.states(all_uids()));
  const Portion portion = oldest(std::move(states), purge.up_to, purge.messages_max);
  if (portion.uids.empty()) return out;
  const uint64_t bytes = mailbox.info().expunged_bytes;
  TRY_OK(forget_records(commit, mailbox, portion.uids));
  mailbox.header().purged_modseq = std::max(mailbox.info().purged_modseq, portion.highest);
  mailbox.modseq();
  out.messages = portion.uids.size();
  out.bytes = bytes - mailbox.info().expunged_bytes;
  out.is_done = portion.is_all;
  return out;
}

Result<Purged> purge_tombstones(Commit& commit, const Purge& purge) {
  TRY(MailboxEdit * mailbox, commit.live_mailbox(purge.mailbox));
  TRY(const auto held_until_s, hold_on(commit, mailbox->info()));
  if (held_until_s) return done(commit, purge.mailbox, {.held_until_s = held_until_s});
  TRY(Purged purged, free_tombstones(commit, *mailbox, purge));
  return done(commit, purge.mailbox, std::move(purged));
}

/// Live messages of a deleted mailbox become tombstones first: that is how a replica is told of a
/// portion.
Result<Purged> free_some(Commit& commit, MailboxEdit& mailbox, const Purge& purge) {
  if (mailbox.info().expunged > 0) {
    TRY(Purged purged, free_tombstones(commit, mailbox, purge));
    purged.is_done = false;
    return purged;
  }
  TRY(const std::vector<RecordState> states, mailbox.states(all_uids()));
  UidSet uids;
  for (const RecordState& state : states | std::views::take(purge.messages_max))
    uids.add(state.uid);
  TRY_OK(expunge_records(commit, mailbox, uids));
  return Purged{.is_done = false};
}

Result<Purged> free_rest(Commit& commit, MailboxEdit& mailbox) {
  const MailboxInfo& info = mailbox.info();
  Purged out{.messages = uint64_t{info.exists} + info.expunged,
             .bytes = info.bytes + info.expunged_bytes};
  if (out.messages > 0) {
    TRY_OK(forget_all_records(commit, mailbox));
    // The state itself is what tells a replica that no record is left (doc/storage-format.md).
    mailbox.header().purged_modseq = mailbox.modseq();
  }
  return out;
}

Result<Purged> purge_all(Commit& commit, const Purge& purge) {
  TRY(MailboxEdit * mailbox, commit.mailbox(purge.mailbox));
  const MailboxInfo& info = mailbox->info();
  if (!info.is_deleted())
    return fail(Code::kInvalid, fmt::format("mailbox {} is not deleted", purge.mailbox.text()));
  TRY(const auto held_until_s, hold_on(commit, info));
  if (held_until_s) return done(commit, purge.mailbox, {.held_until_s = held_until_s});
  const bool is_small = uint64_t{info.exists} + info.expunged <= purge.messages_max;
  TRY(Purged purged, is_small ? free_rest(commit, *mailbox) : free_some(commit, *mailbox, purge));
  return done(commit, purge.mailbox, std::move(purged));
}

}  // namespace

Result<void> forget_records(Commit& commit, MailboxEdit& mailbox, const UidSet& uids) {
  std::vector<std::pair<Uid, RecordFacts>> all;
  TRY_OK(each_facts(commit.rows(), mailbox.info().id, uids, [&](Uid uid, const RecordFacts& facts) {
    all.emplace_back(uid, facts);
    return Result<void>();
  }));
  for (const auto& [uid, facts] : all) TRY_OK(commit.forget_record(mailbox, uid, facts));
  return {};
}

Result<void> forget_all_records(Commit& commit, MailboxEdit& mailbox) {
  TRY(const std::vector<RecordState> states, mailbox.states(all_uids()));
  UidSet uids;
  for (const RecordState& state : states) uids.add(state.uid);
  TRY_OK(forget_records(commit, mailbox, uids));
  return erase_flag_history(commit.rows(), mailbox.info().id);
}

Result<Purged> MailStore::purge_expunged(const UniqueId& id, ModSeq up_to, uint64_t messages_max) {
  return impl_->commit<Purged>(Purpose::kFree,
                               [purge = Purge{id, up_to, messages_max}](Commit& commit) {
                                 return purge_tombstones(commit, purge);
                               });
}

Result<Purged> MailStore::purge_deleted(const UniqueId& id, uint64_t messages_max) {
  return impl_->commit<Purged>(Purpose::kFree,
                               [purge = Purge{id, kPurgeAll, messages_max}](Commit& commit) {
                                 return purge_all(commit, purge);
                               });
}

}  // namespace gemel
