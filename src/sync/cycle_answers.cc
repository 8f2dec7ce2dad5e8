// What a cycle makes of the replica's answers.
#include <fmt/format.h>

#include <algorithm>

#include "sync/cycle.h"

namespace gemel::sync {

Result<void> Cycle::on_answer(const Answer& answer) {
  if (expected_.empty()) return fail(Code::kSyntax, "an answer to nothing");
  if (const auto* row = std::get_if<MailboxState>(&answer)) {
    on_row(*row);
  } else if (const auto* user = std::get_if<UserState>(&answer)) {
    on_row(*user);
  } else if (const auto* held = std::get_if<ReserveRow>(&answer)) {
    for (const Guid& guid : held->guids) routes_.has(guid);
  } else if (const auto* ending = std::get_if<Ending>(&answer)) {
    return on_ending(*ending);
  } else {
    return fail(Code::kSyntax, "an answer that was not asked for");
  }
  return {};
}

void Cycle::on_row(const MailboxState& row) {
  rows_.insert(row.id);
  if (row.last_uid) replica_has_ = ReplicaHas::kMail;
  if (const Result<MailboxInfo> info = store_.find(row.id);
      !info && info.error().code == Code::kNotFound) {
    if (row.deleted_s == 0) strangers_.insert(row.name.text());
    return;
  }
  ReplicaMailbox known = known_from(row);
  if (const auto before = memory_.known_mailbox(row.id);
      before && before->highestmodseq == known.highestmodseq && before->digest == known.digest)
    known.header = before->header;
  memory_.know(row.id, std::move(known));
}

void Cycle::on_row(const UserState& row) {
  rows_.insert(row.userid);
  if (phase_ == Phase::kSurvey) surveyed_[row.userid] = row.digest;
  const Result<UserInfo> info = store_.user(row.userid, MailStore::Which::kDeletedToo);
  if (!info) {
    strangers_.insert(row.userid);
    return;
  }
  memory_.know_user(row.userid, row.modseq);
  if (row.modseq > info->modseq ||
      (row.modseq == info->modseq && row.data_digest != info->data_digest))
    give_up(row.userid, "the replica has other data of the user");
}

Result<void> Cycle::on_ending(const Ending& ending) {
  const Expected expected = std::move(expected_.front());
  expected_.pop_front();
  if (ending.command != expected.command)
    return fail(Code::kSyntax, fmt::format("an answer to {} where one to {} was due",
                                           ending.command, expected.command));
  if (ending.kind == Ending::Kind::kBad)
    return fail(Code::kSyntax, fmt::format("the replica can't read us: {}", ending.text));
  if (ending.kind == Ending::Kind::kOk)
    accepted(expected, ending);
  else
    refused(expected, ending);
  if (expected.command != "USER" && expected.command != "MAILBOXES") rows_.clear();
  return {};
}

// What was asked for and did not come is not there.
void Cycle::answered(const Expected& expected) {
  for (const Entity& entity : expected.about) {
    if (rows_.contains(entity)) continue;
    if (const auto* id = std::get_if<UniqueId>(&entity))
      memory_.know(*id, std::nullopt);
    else
      memory_.know_user(std::get<std::string>(entity), ModSeq());
  }
}

void Cycle::accepted(const Expected& expected, const Ending& ending) {
  if (expected.command == "USER" || expected.command == "MAILBOXES") return answered(expected);
  if (expected.command == "USERDATA")
    return memory_.know_user(std::get<std::string>(*expected.about.begin()), expected.user_modseq);
  if (expected.command == "RENAME") {
    for (const Entity& entity : expected.about) {
      const UniqueId& id = std::get<UniqueId>(entity);
      const Result<MailboxInfo> info = store_.find(id);
      std::optional<ReplicaMailbox> known = memory_.known_mailbox(id);
      const std::optional<ReplicaMailbox> wanted = memory_.mailbox(id);
      if (!info || !known || !wanted) continue;
      known->name = wanted->name;
      known->partition = wanted->partition;
      known->digest = {};
      memory_.know(id, std::move(known));
    }
    return;
  }
  if (expected.command != "UPDATE") return;
  const UniqueId& id = std::get<UniqueId>(*expected.about.begin());
  ReplicaMailbox known = *expected.after;
  const bool differs = expected.check && ending.check != expected.check;
  if (differs) known.digest = {};
  memory_.know(id, std::move(known));
  if (differs) give_up(id, "after the update the replica's mailbox differs from ours");
}

// The first refusal of an entity tells; the updates behind it fail for building on it.
void Cycle::refused(const Expected& expected, const Ending& ending) {
  const std::string why = fmt::format("the replica refused it: {}", ending.text);
  for (const Entity& entity : expected.about) {
    if (!failed_.insert(entity).second) continue;
    switch (ending.reason) {
      case Reason::kModified:
        answered({.command = expected.command, .about = {entity}});
        retry(entity, why);
        break;
      case Reason::kMissing:
        for (const Guid& guid : ending.missing) routes_.lacks(guid);
        retry(entity, why);
        break;
      case Reason::kNoSource:
        if (expected.copies == Expected::Copies::kNone) return give_up(entity, why);
        routes_.no_copies_to(std::get<UniqueId>(entity));
        retry(entity, why);
        break;
      case Reason::kExists:
        // Ours to move out of the way, if it is ours at all.
        if (!ending.holder || !store_.find(*ending.holder)) {
          give_up(entity, "its name is taken on the replica by a mailbox that is not ours");
          break;
        }
        retry(*ending.holder, why);
        retry(entity, why);
        break;
      case Reason::kCorrupt:
        retry(entity, why);
        break;
      default:
        give_up(entity, why);
    }
  }
}

void Cycle::retry(const Entity& entity, std::string_view why) {
  if (++tries_[entity] > kTriesMax) return give_up(entity, why);
  retry_.insert(entity);
}

void Cycle::give_up(const Entity& entity, std::string_view why) {
  retry_.erase(entity);
  failures_.insert_or_assign(entity, std::string(why));
}

Result<void> Cycle::batch_over() {
  // Whatever is left of a mailbox builds on what was refused.
  if (comparison_ && failed_.contains(comparison_->view().info().id)) comparison_.reset();
  batch_commands_ = 0;
  batch_bytes_ = 0;
  rows_.clear();
  failed_.clear();
  expected_.clear();
  routes_.forget_sent();
  routes_.release();
  return memory_.settle();
}

}  // namespace gemel::sync
