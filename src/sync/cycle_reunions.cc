// What a cycle does with mailboxes and users that have changed on both sides.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "sync/cycle.h"
#include "sync/records.h"
#include "sync/words.h"

namespace gemel::sync {
namespace {

// Questions for reunions in one batch: their answers are held in memory.
constexpr size_t kReunionQuestionsMax = 500;
constexpr const char* kBothSides = ": has changed on both sides, would be merged";

}  // namespace

// Whoever makes the changes of this term makes merges; a replica passes on what it gets.
bool Cycle::may_unite() const { return store_.role() == Role::kPrimary; }

void Cycle::would_unite(const Entity& entity, const std::string& action) {
  events_.sending(entity, action);
  if (items_.contains(entity)) finish(entity, {});
}

// Of a mailbox at equal numbers: which records are others.
Result<void> Cycle::tell_differing(const UniqueId& id, const MailboxReunion& reunion) {
  const std::string name = reunion.theirs().name.text();
  if (!reunion.is_searching()) {
    would_unite(id, name + ": differs in very many messages, would be merged");
    return {};
  }
  TRY(const UidSet uids, reunion.differing(store_));
  would_unite(id,
              fmt::format("{}: {}, would be merged", name,
                          uids.empty() ? "its header differs" : "differs in uids " + uids.text()));
  return {};
}

bool Cycle::is_apart(const Entity& entity) const {
  const auto* id = std::get_if<UniqueId>(&entity);
  return id != nullptr ? mailbox_reunions_.contains(*id)
                       : user_reunions_.contains(std::get<std::string>(entity));
}

std::optional<MailboxInfo> Cycle::ours(const UniqueId& id) const {
  Result<MailboxInfo> info = store_.find(id);
  return info ? std::optional(*std::move(info)) : std::nullopt;
}

std::optional<UserInfo> Cycle::ours(const std::string& userid) const {
  Result<UserInfo> info = store_.user(userid, MailStore::Which::kDeletedToo);
  return info ? std::optional(*std::move(info)) : std::nullopt;
}

// Where a mailbox is on the replica: whether an update can lead on from there.
void Cycle::look(const MailboxState& row) {
  const std::optional<MailboxInfo> info = ours(row.id);
  if (!MailboxReunion::is_due(row, info)) {
    const bool was_apart = mailbox_reunions_.erase(row.id) > 0;
    // The same by another way: from now on it is told of ours.
    ReplicaMailbox known = memory_.known_mailbox(row.id).value_or(known_from(row));
    if (relation(*info, known) == Relation::kConflict) {
      known.term = Term();
      known.header = 0;
      memory_.know(row.id, std::move(known));
    }
    if (may_free_what_is_held(row, *info)) return begin_reunion({row, info}, info);
    if (was_apart) go_on(row.id);
    return;
  }
  memory_.know_apart(row.id);
  if (!may_unite()) {
    if (info)
      give_up(row.id, {Code::kModified, "the replica's mailbox has changes of its own"});
    else if (row.deleted_s == 0)
      events_.stranger(row.name.text());
    return;
  }
  MailboxReunion reunion(row, info);
  if (options_.effect == Effect::kDryRun && !reunion.is_searching())
    return would_unite(row.id, row.name.text() + kBothSides);
  if (options_.effect == Effect::kSend)
    log::info("{} ({}) has changed on the replica too: merging", row.name.text(), row.id.text());
  begin_reunion(std::move(reunion), info);
}

// What was to be united needs it no more: a command that was cut off has come through, say.
void Cycle::go_on(const Entity& entity) {
  const auto item = items_.find(entity);
  if (item != items_.end() && item->second.stage == Item::Stage::kUnite) asked_.push_back(entity);
}

// Where an update of ours frees something there that the replica may have to keep, for a hold that
// is not ours: what it keeps becomes ours, before the update frees it there.
bool Cycle::may_free_what_is_held(const MailboxState& row, const MailboxInfo& info) const {
  if (options_.effect != Effect::kSend || !may_unite() || row.purged_modseq >= info.purged_modseq)
    return false;
  return std::ranges::any_of(holders_of(row.name.owner), [this](const std::string& userid) {
    return !holders_known_.contains(userid) || user_reunions_.contains(userid);
  });
}

// Whose data has the holds on a mailbox, beside its own.
std::array<std::string, 2> Cycle::holders_of(const std::string& owner) {
  return {owner, std::string(kServerUserId)};
}

void Cycle::begin_reunion(MailboxReunion reunion, const std::optional<MailboxInfo>& info) {
  const UniqueId id = reunion.theirs().id;
  const auto undecided = undecided_.find(reunion.theirs().name.owner);
  if (undecided != undecided_.end() && undecided->second.erase(id) > 0 && undecided->second.empty())
    undecided_.erase(undecided);
  const auto [item, is_new] = items_.try_emplace(id);
  if (is_new || !info) item->second.stage = Item::Stage::kUnite;
  if (options_.effect == Effect::kSend)
    for (const std::string& userid : holders_of(reunion.theirs().name.owner))
      if (holders_asked_.insert(userid).second) holders_to_ask_.push_back(userid);
  if (asks_readers_) reunion.may_ask_readers();
  mailbox_reunions_.insert_or_assign(id, std::move(reunion));
}

// Asked again when a mailbox waits for them again: so these do not grow with the users.
void Cycle::forget_holders() {
  if (!mailbox_reunions_.empty()) return;
  holders_asked_.clear();
  holders_known_.clear();
  twins_asked_.clear();
  united_.clear();
}

void Cycle::ask_for_holders() {
  for (const std::string& userid : std::exchange(holders_to_ask_, {})) {
    std::string text = "USER ";
    put_text(text, userid);
    questions_.emplace_back(std::move(text), Expected{.command = "USER", .about = {userid}});
  }
}

// Of all that the replica knows of a mailbox's holds and we may not.
Cycle::Holds Cycle::holds_there(const std::string& owner) const {
  Holds out = Holds::kNone;
  for (const std::string& userid : holders_of(owner)) {
    if (!holders_known_.contains(userid)) return Holds::kUntold;
    const auto found = user_reunions_.find(userid);
    if (found == user_reunions_.end() || verdicts_.contains(userid)) continue;
    if (!found->second.is_told()) return Holds::kUntold;
    if (found->second.has_hold(options_.clock->unix_s())) out = Holds::kSome;
  }
  return out;
}

void Cycle::look(const UserState& row) {
  const std::optional<UserInfo> info = ours(row.userid);
  if (!UserReunion::is_due(row, info)) {
    const bool was_apart = user_reunions_.erase(row.userid) > 0;
    if (!is_earlier(*info, memory_.user(row.userid)))
      memory_.know_user(row.userid, {row.modseq, Term()});
    if (was_apart) go_on(row.userid);
    return;
  }
  if (!may_unite()) {
    if (!info) return events_.stranger(row.userid);
    return give_up(row.userid, {Code::kModified, "the replica has other data of the user"});
  }
  if (options_.effect == Effect::kDryRun) return would_unite(row.userid, row.userid + kBothSides);
  undecided_.erase(row.userid);
  user_reunions_.insert_or_assign(row.userid, UserReunion(row, info));
  const auto [item, is_new] = items_.try_emplace(row.userid);
  if (is_new || !info) item->second.stage = Item::Stage::kUnite;
}

void Cycle::ask_for_reunions() {
  size_t count = 0;
  const auto ask = [&](const Entity& entity, const std::vector<std::string>& questions) {
    const auto item = items_.find(entity);
    if (item == items_.end() || item->second.stage != Item::Stage::kUnite) return;
    for (const std::string& question : questions) {
      const std::string command = question.substr(0, question.find(' '));
      questions_.emplace_back(question, Expected{.command = command, .about = {entity}});
      ++count;
    }
  };
  for (const auto& [id, reunion] : mailbox_reunions_)
    if (count < kReunionQuestionsMax) ask(id, reunion.questions());
  for (const auto& [userid, reunion] : user_reunions_)
    if (count < kReunionQuestionsMax) ask(userid, reunion.questions());
}

MailboxReunion* Cycle::reunion_of(const UniqueId& id) {
  const auto found = mailbox_reunions_.find(id);
  return found == mailbox_reunions_.end() ? nullptr : &found->second;
}

UserReunion* Cycle::reunion_of(const std::string& userid) {
  const auto found = user_reunions_.find(userid);
  return found == user_reunions_.end() ? nullptr : &found->second;
}

// A row of CHANGES or BODIES. What has ended meanwhile takes none.
Result<void> Cycle::on_row_of(const UniqueId& id, const Answer& answer) {
  MailboxReunion* reunion = reunion_of(id);
  if (const auto* body = std::get_if<BodyRow>(&answer)) return on_body(*body);
  if (std::holds_alternative<LostRow>(answer)) {
    give_up(id, {Code::kCorrupt, "the replica has lost a body that only it had"});
  } else if (const auto* state = std::get_if<MailboxState>(&answer)) {
    if (reunion != nullptr && *state != reunion->theirs()) moved_.insert_or_assign(id, *state);
  } else if (const auto* header = std::get_if<HeaderState>(&answer)) {
    if (reunion != nullptr) reunion->take(*header);
  } else if (const auto* uids = std::get_if<RecordUids>(&answer)) {
    if (reunion != nullptr) reunion->take(*uids);
  } else if (const auto* record = std::get_if<ChangedRecord>(&answer)) {
    if (reunion != nullptr) reunion->take(*record);
  } else if (const auto* range = std::get_if<RangeRow>(&answer)) {
    if (reunion != nullptr) reunion->take(*range);
  } else if (const auto* user = std::get_if<UserState>(&answer)) {
    if (reunion != nullptr) reunion->take(*user);
  } else if (const auto* item = std::get_if<UserItem>(&answer)) {
    if (reunion != nullptr) reunion->take(*item);
  } else {
    return fail(Code::kSyntax, "no answer to CHANGES");
  }
  return {};
}

Result<void> Cycle::on_row_of(const std::string& userid, const Answer& answer) {
  UserReunion* reunion = reunion_of(userid);
  if (const auto* state = std::get_if<UserState>(&answer)) {
    if (reunion != nullptr && *state != reunion->theirs())
      users_moved_.insert_or_assign(userid, *state);
  } else if (const auto* item = std::get_if<UserItem>(&answer)) {
    if (reunion != nullptr) reunion->take(*item);
  } else {
    return fail(Code::kSyntax, "no answer to USERCHANGES");
  }
  return {};
}

Result<void> Cycle::on_reunion_row(const Answer& answer) {
  const Entity& entity = *expected_.front().about.begin();
  return std::visit([&](const auto& key) { return on_row_of(key, answer); }, entity);
}

// The end of CHANGES. What was told of another state than it was asked for is of no use.
void Cycle::told_changes(const UniqueId& id, Uid next) {
  if (const auto moved = moved_.extract(id)) {
    look(moved.mapped());
  } else if (MailboxReunion* reunion = reunion_of(id)) {
    reunion->page_over(next);
  }
}

void Cycle::told_readers(const UniqueId& id) {
  if (const auto moved = moved_.extract(id)) {
    look(moved.mapped());
  } else if (MailboxReunion* reunion = reunion_of(id)) {
    reunion->readers_over();
  }
}

void Cycle::told_changes(const std::string& userid) {
  if (const auto moved = users_moved_.extract(userid)) {
    look(moved.mapped());
  } else if (UserReunion* reunion = reunion_of(userid)) {
    reunion->page_over();
  }
}

// --- bodies that the replica sends ---

Result<BodyWriter> Cycle::begin_body() {
  if (expected_.empty() || expected_.front().command != "BODIES")
    return fail(Code::kSyntax, "a body that was not asked for");
  const Work& about = expected_.front().about;
  const MailboxReunion* reunion =
      about.empty() ? nullptr : reunion_of(std::get<UniqueId>(*about.begin()));
  Result<BodyWriter> writer = fail(Code::kNotFound, "no partition");
  if (reunion != nullptr) writer = store_.stage(reunion->theirs().partition);
  if (!writer && writer.error().code == Code::kNotFound) return store_.stage("default");
  return writer;
}

Result<void> Cycle::on_body(const BodyRow& row) {
  const UniqueId& id = std::get<UniqueId>(*expected_.front().about.begin());
  std::optional<StagedBody> body = std::exchange(staged_, std::nullopt);
  if (!body || body->guid() != row.guid)
    give_up(id, {Code::kCorrupt, "a body came that is not the one that was asked for"});
  else if (MailboxReunion* reunion = reunion_of(id))
    reunion->take(*std::move(body));
  return {};
}

// --- the merge ---

// What has been told in full becomes one. A user that is not ours comes before the mailboxes; one
// that both have comes behind them: whether one of them lives decides whether the user does.
Result<void> Cycle::unite() {
  std::vector<std::string> userids;
  for (const auto& [userid, reunion] : user_reunions_) userids.push_back(userid);
  for (const std::string& userid : userids)
    if (!ours(userid)) TRY_OK(unite_user(userid));
  TRY_OK(unite_mailboxes());
  std::set<std::string> waiting;
  for (const auto& [id, reunion] : mailbox_reunions_) waiting.insert(reunion.theirs().name.owner);
  for (const std::string& userid : userids) {
    if (!user_reunions_.contains(userid)) continue;
    const SeenIn seen = seen_in(userid);
    if (undecided_.contains(userid) || seen == SeenIn::kUndecided)
      give_up(userid, {Code::kUnavailable, "one of the user's mailboxes could not be merged yet"});
    else if (!waiting.contains(userid) && seen == SeenIn::kUnited)
      TRY_OK(unite_user(userid));
  }
  return {};
}

// A mailbox must not be ours before its user is: what goes through all users would pass it over.
bool Cycle::waits_for_owner(const std::string& userid) {
  if (ours(userid)) return false;
  if (user_reunions_.contains(userid) || items_.contains(userid)) return true;
  if (!owners_asked_.insert(userid).second) return false;  // the replica has none either
  items_.try_emplace(userid, Item{.stage = Item::Stage::kAsk});
  to_ask_.emplace_back(userid);
  return true;
}

// What a reader has seen is written in the transaction of the merge, so the reader must be ours.
bool Cycle::waits_for_readers(const MailboxReunion& reunion) {
  bool waits = false;
  for (const std::string& userid : reunion.readers()) waits |= waits_for_owner(userid);
  return waits;
}

// The mailboxes of others of which the replica says what the user has seen: until they are merged
// its uids name other messages here.
Cycle::SeenIn Cycle::seen_in(const std::string& userid) {
  SeenIn out = SeenIn::kUnited;
  const std::vector<UniqueId> ids = user_reunions_.at(userid).seen_mailboxes();
  for (const UniqueId& id : ids) {
    const std::optional<MailboxInfo> info = ours(id);
    if (!info) continue;
    const auto undecided = undecided_.find(info->name.owner);
    if (undecided != undecided_.end() && undecided->second.contains(id)) return SeenIn::kUndecided;
    if (mailbox_reunions_.contains(id) || asks_for_twin(id)) out = SeenIn::kWaiting;
  }
  return out;
}

// Not united yet, and neither given up nor kept back by a name alone.
bool Cycle::is_left(const UniqueId& id) const {
  return mailbox_reunions_.contains(id) && !verdicts_.contains(id) && !wait_for_name_.contains(id);
}

// What the replica expunged in one mailbox may live on in another one of the user. So such a
// mailbox waits until all that the others take is here: were the replica lost for ever in between,
// the message would be to us among what is expunged.
Result<void> Cycle::unite_mailboxes() {
  wait_for_name_.clear();
  std::map<UniqueId, std::string> owners;
  for (const auto& [id, reunion] : mailbox_reunions_) owners[id] = reunion.theirs().name.owner;
  std::vector<UniqueId> expunging;
  std::set<std::string> unready;
  for (const auto& [id, owner] : owners) {
    TRY(const bool is_told, this->is_told(id));
    if (is_told && mailbox_reunions_.at(id).expunges()) {
      TRY(const bool has_all, this->has_all(id));
      if (has_all) {
        expunging.push_back(id);
        continue;
      }
    } else if (is_told) {
      TRY_OK(unite(id));
    }
    if (is_left(id)) unready.insert(owner);
  }
  for (const UniqueId& id : expunging) {
    if (unready.contains(owners[id])) continue;
    TRY_OK(unite(id));
    if (is_left(id)) unready.insert(owners[id]);
  }
  return unite_named();
}

// Each once the one that has its name is merged, or could not be. Where they wait for each other,
// for the replica has swapped their names, they are given these names first.
Result<void> Cycle::unite_named() {
  while (!wait_for_name_.empty()) {
    std::vector<UniqueId> due;
    for (const auto& [id, holder] : wait_for_name_)
      if (!mailbox_reunions_.contains(holder) || verdicts_.contains(holder)) due.push_back(id);
    if (due.empty()) {
      due = ring_of_names();
      if (due.empty()) return {};
      TRY_OK(exchange_names(due));
    }
    for (const UniqueId& id : due) wait_for_name_.erase(id);
    for (const UniqueId& id : due)
      if (is_left(id)) TRY_OK(unite(id));
  }
  return {};
}

// Mailboxes of which each waits for the next, and the last for the first.
std::vector<UniqueId> Cycle::ring_of_names() const {
  std::set<UniqueId> seen;
  for (const auto& [first, holder] : wait_for_name_) {
    std::vector<UniqueId> path;
    auto at = wait_for_name_.find(first);
    for (; at != wait_for_name_.end() && seen.insert(at->first).second;
         at = wait_for_name_.find(at->second))
      path.push_back(at->first);
    if (at == wait_for_name_.end()) continue;
    path.erase(path.begin(), std::ranges::find(path, at->first));
    if (!path.empty()) return path;
  }
  return {};
}

// A change of ours, as the replica has made it. Should nothing come behind it, then both have made
// the same one.
Result<void> Cycle::exchange_names(const std::vector<UniqueId>& ring) {
  std::vector<RenameItem> renames;
  for (const UniqueId& id : ring) {
    TRY(const MailboxInfo info, store_.find(id));
    TRY(const auto header, mailbox_reunions_.at(id).merged_header(store_, *options_.clock));
    if (!header) return {};  // more has to be told after all
    renames.push_back({.id = id,
                       .old_name = info.name,
                       .new_name = header->name,
                       .partition = header->partition,
                       .from = info.highestmodseq,
                       .to = next(info.highestmodseq)});
  }
  const Result<MailStore::Applied> done = store_.merge(std::move(renames)).get();
  if (done || done.error().code == Code::kModified) return {};
  for (const UniqueId& id : ring) give_up(id, done.error());
  return {};
}

// All that the replica has to say of the mailbox, but for bodies.
Result<bool> Cycle::is_told(const UniqueId& id) {
  MailboxReunion& reunion = mailbox_reunions_.at(id);
  const auto item = items_.find(id);
  if (item == items_.end() || item->second.stage != Item::Stage::kUnite || verdicts_.contains(id) ||
      waits_for_owner(reunion.theirs().name.owner))
    return false;
  if (const Result<void> told = reunion.told(store_); !told) {
    give_up(id, told.error());
    return false;
  }
  if (options_.effect == Effect::kDryRun &&
      (!reunion.is_searching() || reunion.questions().empty())) {
    TRY_OK(tell_differing(id, reunion));
    return false;
  }
  if (!reunion.questions().empty()) return false;
  const Holds holds = holds_there(reunion.theirs().name.owner);
  if (holds == Holds::kSome) reunion.hold();
  return !waits_for_readers(reunion) && holds != Holds::kUntold;
}

// Whether the replica has still to say where a mailbox is: with the user it is of here it need not
// have come.
bool Cycle::asks_for_twin(const UniqueId& id) {
  if (memory_.source(id)) return false;
  const auto item = items_.find(id);
  if (item != items_.end()) return item->second.stage == Item::Stage::kAsk;
  if (!twins_asked_.insert(id).second) return false;
  items_.try_emplace(id, Item{.stage = Item::Stage::kAsk});
  to_ask_.emplace_back(id);
  return true;
}

// Of a mailbox that has the name which another one is to have. On the replica it can't have that
// name: it is not there, or is behind, or the replica has deleted it or given it another name, or
// to another user.
Result<Twin> Cycle::twin_of(const MailboxInfo& info) {
  if (united_.contains(info.id)) return Twin{};
  const auto undecided = undecided_.find(info.name.owner);
  if (undecided != undecided_.end() && undecided->second.contains(info.id))
    return Twin{.is = Twin::Is::kUnknown};
  MailboxReunion* reunion = reunion_of(info.id);
  if (reunion == nullptr)
    return Twin{.is = asks_for_twin(info.id) ? Twin::Is::kAsked : Twin::Is::kKnown};
  TRY(const bool is_told, this->is_told(info.id));
  if (verdicts_.contains(info.id)) return Twin{.is = Twin::Is::kUnknown};
  if (!is_told) return Twin{.is = Twin::Is::kAsked};
  Result<std::optional<MailboxHeader>> header = reunion->merged_header(store_, *options_.clock);
  if (!header) {
    give_up(info.id, header.error());
    return Twin{.is = Twin::Is::kUnknown};
  }
  if (!*header) return Twin{.is = Twin::Is::kAsked};
  const bool goes = (*header)->deleted_s != 0 || (*header)->name != info.name;
  return Twin{.is = goes ? Twin::Is::kGoes : Twin::Is::kKnown, .reunion = reunion};
}

// And the bodies.
Result<bool> Cycle::has_all(const UniqueId& id) {
  const Result<bool> has_all = mailbox_reunions_.at(id).has_all(store_, *options_.clock, twins());
  if (has_all) return *has_all;
  give_up(id, has_all.error());
  return false;
}

Result<void> Cycle::unite(const UniqueId& id) {
  MailboxReunion& reunion = mailbox_reunions_.at(id);
  Result<United> united = reunion.unite(store_, *options_.clock, twins());
  if (!united) {
    give_up(id, united.error());
    return {};
  }
  for (const UniqueId& changed : united->changed) TRY_OK(add(changed, Trust::kRemembered));
  switch (united->next) {
    case United::Next::kBodies:
      return {};
    case United::Next::kMend:
      united_.insert(id);
      mends_.insert_or_assign(
          id, Mend{*std::move(united->mend), *std::move(united->after), reunion.held()});
      mends_due_.push_back(id);
      mailbox_reunions_.erase(id);
      items_.at(id).stage = Item::Stage::kSend;
      items_.at(id).is_said = false;
      return {};
    case United::Next::kDone:
      finish(id, {});
      return {};
    case United::Next::kBehind:
      mailbox_reunions_.erase(id);
      return enqueue(id);
    case United::Next::kNamed:
      wait_for_name_.insert_or_assign(id, united->other);
      return {};
    case United::Next::kFolded:
      mailbox_reunions_.erase(id);
      TRY_OK(enqueue(id));
      items_.try_emplace(united->other);
      return enqueue(united->other);
  }
  return {};
}

Result<void> Cycle::unite_user(const std::string& userid) {
  UserReunion& reunion = user_reunions_.at(userid);
  const auto item = items_.find(userid);
  if (item == items_.end() || item->second.stage != Item::Stage::kUnite ||
      verdicts_.contains(userid) || !reunion.questions().empty() ||
      reunion.begins_anew(ours(userid)))
    return {};
  Result<std::optional<UserUpdate>> update = reunion.unite(store_);
  if (update && !reunion.questions().empty()) return {};
  const bool is_partial = reunion.is_partial();
  user_reunions_.erase(userid);
  if (update && is_partial) {
    item->second.stage = Item::Stage::kAsk;
    to_ask_.emplace_back(userid);
    return {};
  }
  if (!update) {
    give_up(userid, update.error());
  } else if (*update) {
    if ((*update)->deleted_s == 0)
      user_mends_.push_front(**std::move(update));
    else
      user_mends_.push_back(**std::move(update));
    item->second.stage = Item::Stage::kSend;
  } else {
    finish(userid, {});
  }
  return {};
}

// --- what the replica is told of it ---

Result<std::optional<Cycle::Command>> Cycle::mend_command() {
  // Users who live come before their mailboxes, those who are gone behind them.
  if (!user_mends_.empty() && (user_mends_.front().deleted_s == 0 || mends_.empty())) {
    const UserUpdate update = std::move(user_mends_.front());
    user_mends_.pop_front();
    const auto item = items_.find(update.userid);
    if (item != items_.end()) item->second.is_said = true;
    events_.sending(update.userid, fmt::format("{}: merged", update.userid));
    return send(encode(update), {.command = "USERDATA",
                                 .about = {update.userid},
                                 .after = {},
                                 .check = {},
                                 .user_after = after(update)});
  }
  while (!mends_due_.empty()) {
    const UniqueId id = mends_due_.front();
    mends_due_.pop_front();
    const auto found = mends_.find(id);
    if (found == mends_.end()) continue;
    const Result<bool> may_go = may_mend(found->second);
    if (!may_go) {
      give_up(id, may_go.error());
    } else if (!*may_go) {
      TRY_OK(hold(id, *order_.waits_for()));
    } else {
      const Mend mend = std::move(found->second);
      mends_.erase(found);
      TRY(std::optional<Command> command, send_mend(mend));
      if (command) return command;
    }
  }
  return std::nullopt;
}

// What it expunges must be elsewhere before, as with any update (sync/expunge_order.h).
Result<bool> Cycle::may_mend(Mend& mend) {
  MailboxUpdate& update = mend.update;
  if (const auto item = items_.find(update.id); item == items_.end() || item->second.waits_no_more)
    return true;
  TRY(const MailboxView view, store_.view(update.id));
  const std::optional<ReplicaMailbox> there = memory_.known_mailbox(update.id);
  const bool is_deletion = update.header->deleted_s != 0 && there && !there->is_deleted;
  UidSet hidden;
  bool frees = is_deletion && update.purged_modseq == update.to;
  if (is_deletion && update.last_uid) hidden = UidSet::of(Uid(1), update.last_uid);
  for (const ChangeItem& item : update.items) {
    if (const auto* expunge = std::get_if<ExpungeItem>(&item)) hidden.add(expunge->uids);
    frees |= std::holds_alternative<DropItem>(item);
  }
  std::set<Guid> guids;
  TRY_OK(each_record(view, hidden, [&](const RecordRow& row) { guids.insert(row.facts.guid); }));
  order_.begin(view);
  for (const Guid& guid : guids) {
    TRY(const bool may_expunge, order_.may_expunge(guid));
    if (!may_expunge) return false;
  }
  if (frees) {
    TRY(const bool may_vanish, order_.may_vanish());
    if (!may_vanish) return false;
  }
  update.needs = order_.needs();
  return true;
}

// Nothing: a body that came with the merge has been freed here since.
Result<std::optional<Cycle::Command>> Cycle::send_mend(const Mend& mend) {
  const UniqueId& id = mend.update.id;
  TRY(const MailboxView view, store_.view(id));
  std::map<Guid, Body> bodies;
  for (const ChangeItem& item : mend.update.items) {
    const auto* append = std::get_if<AppendItem>(&item);
    if (append == nullptr || mend.held.contains(append->guid)) continue;
    Result<Body> body = view.body(append->guid);
    if (!body) {
      retry(id, body.error());
      return std::nullopt;
    }
    bodies.emplace(append->guid, *std::move(body));
  }
  const IsInline is_inline = [&](const AppendItem& item) { return bodies.contains(item.guid); };
  Command command;
  for (Piece& piece : encode(mend.update, is_inline, context_)) {
    OutgoingPiece& out = command.emplace_back(OutgoingPiece{std::move(piece.text), std::nullopt});
    if (!piece.body) continue;
    out.body = bodies.at(*piece.body);
    batch_bytes_ += out.body->size();
  }
  events_.sending(id, fmt::format("{}: merged", view.info().name.text()));
  if (const auto item = items_.find(id); item != items_.end()) {
    item->second.is_said = true;
    ++item->second.under_way;
  }
  since_held_ = Progress::kSome;
  count_command();
  memory_.expect(id, mend.after);
  expected_.push_back({.command = "UPDATE",
                       .about = {id},
                       .after = mend.after,
                       .check = check_of(mend.after.digest)});
  return command;
}

}  // namespace gemel::sync
