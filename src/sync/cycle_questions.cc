// What a cycle asks before it sends: where users and mailboxes are on the replica, and which bodies
// it has.
#include <algorithm>

#include "sync/cycle.h"
#include "sync/grammar.h"
#include "sync/words.h"

namespace gemel::sync {
namespace {

// Mailboxes of one MAILBOXES.
constexpr size_t kAskedMax = 500;
// Rows that the questions of one batch may bring; they are held in memory at both ends.
constexpr size_t kRowsMax = 100'000;
// Fewer bodies than these are sent rather than asked for; more are asked for in the next batch.
constexpr size_t kReserveMin = 64;
constexpr size_t kReserveMax = 100'000;
// Users of ours that a survey reads at once.
constexpr size_t kSurveyBlock = 1000;

}  // namespace

Result<void> Cycle::plan_questions() {
  if (survey_) ask_survey();
  TRY_OK(ask_states());
  ask_for_holders();
  TRY_OK(ask_bodies());
  ask_for_reunions();
  if (options_.effect == Effect::kSend) TRY_OK(ask_for_lost());
  return {};
}

// A user's mailboxes come with the user; mailboxes of other users are asked for one by one.
Result<void> Cycle::ask_states() {
  std::map<std::string, Work> by_user;
  std::vector<UniqueId> mailboxes;
  for (size_t rows = 0; rows < kRowsMax && !to_ask_.empty(); ++rows) {
    Entity& entity = to_ask_.front();
    if (const auto* id = std::get_if<UniqueId>(&entity)) {
      mailboxes.push_back(*id);
    } else {
      const std::string& userid = std::get<std::string>(entity);
      const Result<UserInfo> info = store_.user(userid, MailStore::Which::kDeletedToo);
      if (info) rows += info->mailboxes;
      by_user[userid].insert(entity);
    }
    if (const auto item = items_.find(entity); item != items_.end()) item->second.is_asked = true;
    asked_.push_back(std::move(entity));
    to_ask_.pop_front();
  }
  std::vector<UniqueId> others;
  for (const UniqueId& id : mailboxes) {
    const Result<MailboxInfo> info = store_.find(id);
    const auto user = info ? by_user.find(info->name.owner) : by_user.end();
    if (user == by_user.end())
      others.push_back(id);
    else
      user->second.insert(id);
  }
  for (auto& [userid, about] : by_user) {
    std::string text = "USER ";
    put_text(text, userid);
    holders_asked_.insert(userid);
    questions_.emplace_back(std::move(text), Expected{.command = "USER", .about = about});
  }
  for (size_t i = 0; i < others.size(); i += kAskedMax) {
    std::string text = "MAILBOXES";
    Expected expected{.command = "MAILBOXES"};
    for (size_t j = i; j < std::min(i + kAskedMax, others.size()); ++j) {
      text += ' ';
      text += others[j].text();
      expected.about.insert(others[j]);
    }
    questions_.emplace_back(std::move(text), std::move(expected));
  }
  return {};
}

// The bodies that the new messages need and that no message of the replica is known to have.
Result<std::set<Guid>> Cycle::wanted_of(const MailboxView& view) {
  std::set<Guid> out;
  const std::optional<ReplicaMailbox> there = memory_.mailbox(view.info().id);
  const Uid last_uid = there ? there->last_uid : Uid();
  if (view.info().last_uid <= last_uid) return out;
  TRY(const std::vector<RecordState> fresh,
      view.states(UidSet::of(next(last_uid), view.info().last_uid),
                  MailboxView::Include::kExpungedToo));
  UidSet uids;
  for (const RecordState& state : fresh) uids.add(state.uid);
  if (uids.empty()) return out;
  TRY(const std::vector<RecordFacts> facts, view.facts(uids));
  for (const RecordFacts& one : facts) {
    TRY(const bool is_held, routes_.is_held(view, one.guid));
    if (!is_held) out.insert(one.guid);
  }
  return out;
}

// Only a replica that has mail is asked, and only for many: a question costs a turn of the wire.
Result<void> Cycle::ask_bodies() {
  std::map<std::string, std::set<Guid>> wanted;
  size_t count = 0;
  const bool is_worth = replica_has_ == ReplicaHas::kMail && options_.effect == Effect::kSend &&
                        guids_reserved_ + kReserveMax <= kPinnedGuidsMax;
  std::vector<Entity> ready;
  while (!to_reserve_.empty() && count < kReserveMax) {
    const Entity entity = std::move(to_reserve_.front());
    to_reserve_.pop_front();
    ready.push_back(entity);
    const auto* id = std::get_if<UniqueId>(&entity);
    if (id == nullptr || !is_worth) continue;
    const Result<MailboxView> view = store_.view(*id);
    if (!view) continue;
    TRY(std::set<Guid> guids, wanted_of(*view));
    count += guids.size();
    wanted[view->info().partition].merge(guids);
  }
  if (count < kReserveMin) {
    for (const Entity& entity : ready) TRY_OK(enqueue(entity));
    return {};
  }
  guids_reserved_ += count;
  reserved_ = std::move(ready);
  for (const auto& [partition, guids] : wanted) {
    std::string text;
    size_t in_line = 0;
    for (const Guid& guid : guids) {
      if (in_line++ % kReserveGuidsMax == 0) {
        if (!text.empty()) questions_.emplace_back(std::move(text), Expected{.command = "RESERVE"});
        text = "RESERVE ";
        put_text(text, partition);
      }
      text += ' ';
      put_guid(text, guid);
    }
    if (!text.empty()) questions_.emplace_back(std::move(text), Expected{.command = "RESERVE"});
  }
  return {};
}

// --- the survey ---

void Cycle::ask_survey() {
  survey_->rows = 0;
  std::string text = "USERS";
  if (!survey_->after.empty()) {
    text += ' ';
    put_text(text, survey_->after);
  }
  questions_.emplace_back(std::move(text), Expected{.command = "USERS"});
}

/// nullptr: there is none left.
Result<const UserInfo*> Cycle::next_of_ours() {
  if (survey_->ours.empty() && !survey_->is_at_end) {
    TRY(std::vector<UserInfo> block,
        store_.users_after(survey_->last_read, kSurveyBlock, MailStore::Which::kDeletedToo));
    survey_->is_at_end = block.size() < kSurveyBlock;
    if (!block.empty()) survey_->last_read = block.back().userid;
    survey_->ours.assign(std::make_move_iterator(block.begin()),
                         std::make_move_iterator(block.end()));
  }
  return survey_->ours.empty() ? nullptr : &survey_->ours.front();
}

Result<void> Cycle::survey_row(const UserState& row) {
  if (row.userid <= survey_->after) return fail(Code::kSyntax, "USERS are not in order");
  survey_->after = row.userid;
  ++survey_->rows;
  while (true) {
    TRY(const UserInfo* ours, next_of_ours());
    if (ours == nullptr || ours->userid > row.userid) {
      events_.differs(row.userid);
      return {};
    }
    const bool is_same = ours->userid == row.userid;
    if (!is_same || ours->digest != row.digest) events_.differs(ours->userid);
    survey_->ours.pop_front();
    if (is_same) return {};
  }
}

// Where the page was full, there may be more of the replica's. What is left of ours it lacks.
Result<void> Cycle::survey_page_over() {
  if (survey_->rows >= kUsersRowsMax) return {};
  while (true) {
    TRY(const UserInfo* ours, next_of_ours());
    if (ours == nullptr) break;
    events_.differs(ours->userid);
    survey_->ours.pop_front();
  }
  survey_.reset();
  return {};
}

}  // namespace gemel::sync
