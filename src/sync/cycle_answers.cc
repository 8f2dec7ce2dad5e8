// What a cycle makes of the replica's answers.
#include <fmt/format.h>

#include <algorithm>

#include "mail/lineage.h"
#include "sync/cycle.h"

namespace gemel::sync {

Result<void> Cycle::on_answer(const Answer& answer) {
  if (expected_.empty()) return fail(Code::kSyntax, "an answer to nothing");
  if (const auto* ending = std::get_if<Ending>(&answer)) return on_ending(*ending);
  const std::string& command = expected_.front().command;
  if (expected_.front().about.empty() && (command == "LOST" || command == "BODIES"))
    return on_restore_row(answer);
  if (command == "CHANGES" || command == "USERCHANGES" || command == "BODIES" ||
      command == "RANGES" || command == "RECORDS" || command == "READERS")
    return on_reunion_row(answer);
  if (const auto* row = std::get_if<MailboxState>(&answer)) {
    on_row(*row);
  } else if (const auto* user = std::get_if<UserState>(&answer)) {
    return on_row(*user);
  } else if (const auto* held = std::get_if<ReserveRow>(&answer)) {
    for (const Guid& guid : held->guids) routes_.has(guid);
  } else {
    return fail(Code::kSyntax, "an answer that was not asked for");
  }
  return {};
}

void Cycle::on_received() {
  for (const Expected& expected : expected_) {
    if (expected.after)
      events_.reached(*expected.about.begin(), expected.after->highestmodseq,
                      CycleEvents::Held::kReceived);
    if (expected.user_after.modseq)
      events_.reached(*expected.about.begin(), expected.user_after.modseq,
                      CycleEvents::Held::kReceived);
  }
}

void Cycle::on_row(const MailboxState& row) {
  rows_.insert(row.id);
  if (row.last_uid) replica_has_ = ReplicaHas::kMail;
  ReplicaMailbox known = known_from(row);
  if (const auto before = memory_.known_mailbox(row.id);
      before && before->highestmodseq == known.highestmodseq && before->digest == known.digest)
    known.header = before->header;
  memory_.know(row.id, std::move(known));
  look(row);
}

Result<void> Cycle::on_row(const UserState& row) {
  if (expected_.front().command == "USERS") return survey_row(row);
  rows_.insert(row.userid);
  memory_.know_user(row.userid, {row.modseq, term_at(row.lineage, row.modseq)});
  look(row);
  return {};
}

Result<void> Cycle::on_ending(const Ending& ending) {
  const Expected expected = std::move(expected_.front());
  expected_.pop_front();
  if (ending.command != expected.command)
    return fail(Code::kSyntax, fmt::format("an answer to {} where one to {} was due",
                                           ending.command, expected.command));
  if (ending.kind == Ending::Kind::kBad)
    return fail(Code::kSyntax, fmt::format("the replica can't read us: {}", ending.text));
  for (const Entity& entity : expected.about) {
    if (const auto* userid = std::get_if<std::string>(&entity);
        userid && expected.command == "USER")
      holders_known_.insert(*userid);
    const auto item = items_.find(entity);
    if (item == items_.end()) continue;
    if (item->second.under_way > 0) --item->second.under_way;
    touched_.insert(entity);
  }
  if (ending.kind == Ending::Kind::kOk)
    TRY_OK(accepted(expected, ending));
  else
    refused(expected, ending);
  // A mailbox may be another user's there, so that its row comes with another question's.
  if (expected.command != "USER" && expected.command != "MAILBOXES") rows_.clear();
  return {};
}

// What was asked for and did not come is not there.
void Cycle::answered(const Work& about) {
  for (const Entity& entity : about) {
    if (rows_.contains(entity)) continue;
    if (const auto* id = std::get_if<UniqueId>(&entity))
      memory_.know(*id, std::nullopt);
    else
      memory_.know_user(std::get<std::string>(entity), {});
  }
}

Result<void> Cycle::accepted(const Expected& expected, const Ending& ending) {
  if (expected.command == "USERS") return survey_page_over();
  if (expected.command == "USER" || expected.command == "MAILBOXES") answered(expected.about);
  if (expected.command == "RENAME") renamed(expected);
  if (expected.command == "UPDATE") updated(expected, ending);
  if (expected.command == "CHANGES")
    told_changes(std::get<UniqueId>(*expected.about.begin()), ending.next.value_or(Uid()));
  if (expected.command == "READERS") told_readers(std::get<UniqueId>(*expected.about.begin()));
  if (expected.command == "USERCHANGES")
    told_changes(std::get<std::string>(*expected.about.begin()));
  if (expected.command == "USERDATA") {
    const Entity& entity = *expected.about.begin();
    memory_.know_user(std::get<std::string>(entity), expected.user_after);
    events_.reached(entity, expected.user_after.modseq, CycleEvents::Held::kDurable);
  }
  return {};
}

void Cycle::renamed(const Expected& expected) {
  for (const Entity& entity : expected.about) {
    const UniqueId& id = std::get<UniqueId>(entity);
    const Result<MailboxInfo> info = store_.find(id);
    std::optional<ReplicaMailbox> known = memory_.known_mailbox(id);
    const std::optional<ReplicaMailbox> wanted = memory_.mailbox(id);
    if (!info || !known || !wanted) continue;
    name_holders_.erase(id);
    known->name = wanted->name;
    known->partition = wanted->partition;
    known->digest = {};
    const bool is_apart = relation(*info, *known) == Relation::kConflict;
    memory_.know(id, std::move(known));
    if (is_apart) memory_.know_apart(id);
  }
}

void Cycle::updated(const Expected& expected, const Ending& ending) {
  const UniqueId& id = std::get<UniqueId>(*expected.about.begin());
  ReplicaMailbox known = *expected.after;
  const ModSeq modseq = known.highestmodseq;
  const bool differs = expected.check && ending.check != expected.check;
  if (differs) known.digest = {};
  memory_.know(id, std::move(known));
  order_.taken(id);
  events_.reached(id, modseq, CycleEvents::Held::kDurable);
  if (differs)
    give_up(id, {Code::kModified, "after the update the replica's mailbox differs from ours"});
}

void Cycle::refused(const Expected& expected, const Ending& ending) {
  for (const Entity& entity : expected.about)
    if (!verdicts_.contains(entity)) refused(entity, expected, ending);
}

void Cycle::refused(const Entity& entity, const Expected& expected, const Ending& ending) {
  Error why{Code::kInvalid, fmt::format("the replica refused it: {}", ending.text)};
  switch (ending.reason) {
    case Reason::kModified:
      answered({entity});
      return retry(entity, std::move(why));
    case Reason::kMissing:
      for (const Guid& guid : ending.missing) routes_.lacks(guid);
      return retry(entity, std::move(why));
    case Reason::kNoSource:
      if (expected.copies == Expected::Copies::kNone) return give_up(entity, std::move(why));
      routes_.no_copies_to(std::get<UniqueId>(entity));
      return retry(entity, std::move(why));
    case Reason::kExists:
      if (!ending.holder) return give_up(entity, std::move(why));
      if (const auto* id = std::get_if<UniqueId>(&entity))
        name_holders_.insert_or_assign(*id, *ending.holder);
      // To be moved out of the way, whatever it waits for; or to become ours first, if only the
      // replica has it.
      if (is_apart(*ending.holder)) return retry(entity, std::move(why));
      if (store_.find(*ending.holder)) {
        retry(*ending.holder, why);
        items_.at(*ending.holder).waits_no_more = true;
      } else if (items_.try_emplace(*ending.holder, Item{.stage = Item::Stage::kAsk}).second) {
        to_ask_.push_back(*ending.holder);
      }
      return retry(entity, std::move(why));
    case Reason::kCorrupt:
      return retry(entity, std::move(why));
    case Reason::kStale:
      if (ending.term) events_.stale(*ending.term);
      why.code = Code::kReadOnly;
      return give_up(entity, std::move(why));
    case Reason::kDenied:
      why.code = Code::kReadOnly;
      return give_up(entity, std::move(why));
    case Reason::kUnavailable:
      why.code = Code::kBusy;
      return give_up(entity, std::move(why));
    default:
      give_up(entity, std::move(why));
  }
}

}  // namespace gemel::sync
