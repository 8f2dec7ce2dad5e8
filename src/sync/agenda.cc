#include "sync/agenda.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sync/channel.h"

namespace gemel::sync {
namespace {

using Trust = Cycle::Trust;

// Users of the whole that are looked up at once.
constexpr size_t kWholeBlock = 100;
// So many that fail alike in one batch, where nothing goes well, are not to blame themselves.
constexpr size_t kLinkFaultMin = 10;

}  // namespace

Agenda::Agenda(const MailStore& store, ReplicaMemory& memory, Clock& clock)
    : store_(store),
      memory_(memory),
      clock_(clock),
      cursor_(memory.position().value_or(JournalSeq())) {
  for (const std::string& key : memory_.set_aside())
    if (const auto entity = entity_of(key))
      aside_[*entity] = {.name = name_of(*entity), .reason = "set aside before a restart"};
}

void Agenda::begin(Replica replica) {
  pending_.clear();
  seqs_.clear();
  queued_.clear();
  differing_.clear();
  failed_.clear();
  unjournaled_ = 0;
  is_taking_ = false;
  is_empty_ = replica == Replica::kEmpty;
  is_trusted_ = is_surveyed_ = replica == Replica::kInStep;
  if (is_empty_) whole_.reset();
  if (memory_.position()) {
    whole_.reset();
    cursor_ = *memory_.position();
    return;
  }
  // The whole is what this server has; the replica may have more.
  is_surveyed_ = is_empty_;
  if (!whole_) {
    aside_.clear();
    is_aside_written_ = false;
    whole_ = Whole();
    cursor_ = store_.journal_head();
    whole_start_ = cursor_;
  } else {
    // What was under way when the last connection ended is taken up with the first user of it.
    whole_->users.clear();
    whole_->read = whole_->done;
    whole_->is_read = false;
    cursor_ = whole_start_;
  }
}

std::string Agenda::name_of(const Entity& entity) const {
  if (const auto* userid = std::get_if<std::string>(&entity)) return *userid;
  const UniqueId& id = std::get<UniqueId>(entity);
  const Result<MailboxInfo> info = store_.find(id);
  return info ? info->name.text() : id.text();
}

std::vector<std::pair<Entity, JournalSeq>> Agenda::under_way() const {
  std::vector<std::pair<Entity, JournalSeq>> out;
  out.reserve(pending_.size());
  for (const auto& [entity, pending] : pending_) out.emplace_back(entity, pending.seq);
  return out;
}

// --- what is wanted ---

uint64_t Agenda::want(const Entity& entity, Trust trust) {
  return want(entity, trust, JournalSeq());
}

uint64_t Agenda::want(const Entity& entity, Trust trust, JournalSeq seq) {
  const auto [at, is_new] = pending_.try_emplace(entity);
  Pending& pending = at->second;
  if (is_new) {
    pending.ticket = ++tickets_;
    pending.seq = seq;
    pending.trust = trust;
    if (seq)
      seqs_.insert(seq);
    else
      ++unjournaled_;
    queued_.push_back(entity);
    return pending.ticket;
  }
  if (pending.ticket_again == 0) pending.ticket_again = ++tickets_;
  if (seq && !pending.seq_again) {
    pending.seq_again = seq;
    seqs_.insert(seq);
  }
  if (trust == Trust::kAskFirst) pending.trust_again = trust;
  return pending.ticket_again;
}

bool Agenda::is_over(const Entity& entity, uint64_t ticket) const {
  const auto found = pending_.find(entity);
  return found == pending_.end() || found->second.ticket > ticket;
}

void Agenda::forget_seq(JournalSeq seq) {
  if (seq)
    seqs_.erase(seqs_.find(seq));
  else
    --unjournaled_;
}

void Agenda::over(const Entity& entity, Result<void> result) {
  const bool has_failed = !result;
  if (has_failed)
    failed_.emplace_back(entity, std::move(result).error());
  else
    is_aside_written_ &= aside_.erase(entity) == 0;
  const auto found = pending_.find(entity);
  if (found == pending_.end()) return;  // only the replica had it
  Pending& pending = found->second;
  forget_seq(pending.seq);
  if (pending.of_whole) --(*pending.of_whole)->open;
  // What failed is looked at as a whole when its time comes.
  if (has_failed || pending.ticket_again == 0) {
    if (pending.seq_again) seqs_.erase(seqs_.find(pending.seq_again));
    pending_.erase(found);
    return;
  }
  pending = {.ticket = pending.ticket_again,
             .seq = pending.seq_again,
             .trust = pending.trust_again,
             .of_whole = {}};
  if (!pending.seq) ++unjournaled_;
  queued_.push_back(entity);
}

// --- where it comes from ---

Result<bool> Agenda::fill(Cycle& cycle, Flow flow) {
  bool has_work = false;
  if (flow == Flow::kRoll) {
    want_due_asides();
    TRY_OK(read_journal());
    TRY_OK(read_whole());
    read_differing();
    if (is_survey_due()) {
      has_work = is_surveyed_ = true;
      cycle.add_survey();
    }
  }
  has_work |= !queued_.empty();
  while (!queued_.empty()) {
    const Entity entity = std::move(queued_.front());
    queued_.pop_front();
    const Trust trust = pending_.at(entity).trust;
    TRY_OK(cycle.add(entity, trust));
  }
  return has_work;
}

void Agenda::want_due_asides() {
  const int64_t now = clock_.monotonic_ms();
  for (const auto& [entity, aside] : aside_)
    if (aside.due_ms <= now && pending_.size() < kPendingMax && !pending_.contains(entity))
      want(entity, Trust::kAskFirst);
}

Result<void> Agenda::read_journal() {
  const Trust trust = is_trusted_ || is_empty_ ? Trust::kRemembered : Trust::kAskFirst;
  while (pending_.size() < kPendingMax) {
    TRY(const auto entries, store_.journal_since(cursor_, kPendingMax - pending_.size()));
    if (entries.empty()) break;
    for (const MailStore::JournalEntry& entry : entries) {
      cursor_ = entry.seq;
      if (aside_.contains(entry.entity) && !pending_.contains(entry.entity)) continue;
      TRY(const bool is_left, is_left_to_whole(entry.entity));
      if (!is_left) want(entry.entity, trust, entry.seq);
    }
  }
  // Only what may have been under way when the last connection ended is in doubt.
  is_trusted_ = true;
  return {};
}

// What the whole has not come to, it brings as it is then.
Result<bool> Agenda::is_left_to_whole(const Entity& entity) const {
  if (!whole_ || whole_->is_read) return false;
  if (const auto* userid = std::get_if<std::string>(&entity)) return *userid > whole_->read;
  const Result<MailboxInfo> info = store_.find(std::get<UniqueId>(entity));
  if (info) return info->name.owner > whole_->read;
  if (info.error().code == Code::kNotFound) return false;
  return std::unexpected(info.error());
}

Result<void> Agenda::read_whole() {
  if (!whole_) return {};
  while (!whole_->is_read && pending_.size() < kPendingOfWholeMax) {
    TRY(const std::vector<UserInfo> users,
        store_.users_after(whole_->read, kWholeBlock, MailStore::Which::kDeletedToo));
    whole_->is_read = users.size() < kWholeBlock;
    for (const UserInfo& user : users) {
      if (pending_.size() >= kPendingOfWholeMax) {
        whole_->is_read = false;
        break;
      }
      whole_->read = user.userid;
      TRY_OK(want_user_of_whole(user.userid));
    }
  }
  close_whole_users();
  return {};
}

Result<void> Agenda::want_user_of_whole(const std::string& userid) {
  const Trust trust = is_empty_ ? Trust::kRemembered : Trust::kAskFirst;
  const auto user = whole_->users.insert(whole_->users.end(), WholeUser{userid, 0});
  const auto want_one = [&](const Entity& entity) {
    want(entity, trust);
    Pending& pending = pending_.at(entity);
    // One that the journal brought already is over by itself.
    if (pending.of_whole || pending.ticket_again != 0) return;
    pending.of_whole = user;
    ++user->open;
  };
  TRY(const auto infos, store_.mailboxes(userid, MailStore::Which::kDeletedToo));
  want_one(userid);
  for (const MailboxInfo& info : infos) want_one(info.id);
  return {};
}

// Users are done with in their order, so that one name says how far the whole is.
void Agenda::close_whole_users() {
  while (!whole_->users.empty() && whole_->users.front().open == 0) {
    whole_->done = whole_->users.front().userid;
    whole_->users.pop_front();
  }
  if (whole_->is_read && whole_->users.empty()) whole_.reset();
}

void Agenda::differs(const std::string& userid) {
  if (whole_) return;
  differing_.push_back(userid);
  if (differing_.size() <= kDifferingMax) return;
  differing_.clear();
  whole_ = Whole();
}

void Agenda::read_differing() {
  while (!differing_.empty() && pending_.size() < kPendingMax) {
    const std::string userid = std::move(differing_.front());
    differing_.pop_front();
    want(userid, Trust::kAskFirst);
    const auto infos = store_.mailboxes(userid, MailStore::Which::kDeletedToo);
    if (!infos) continue;
    for (const MailboxInfo& info : *infos) want(info.id, Trust::kAskFirst);
  }
}

// Once on each connection that did not start where the last one ended, when the journal is sent.
bool Agenda::is_survey_due() const {
  return !is_surveyed_ && pending_.empty() && !whole_ && cursor_ == store_.journal_head();
}

// --- how far it is ---

JournalSeq Agenda::sent() const {
  if (whole_ && !memory_.position()) return JournalSeq();
  return seqs_.empty() ? cursor_ : JournalSeq(seqs_.begin()->value - 1);
}

bool Agenda::is_idle(const Cycle& cycle) const {
  return pending() == 0 && !whole_ && cursor_ == store_.journal_head() && is_surveyed_ &&
         !cycle.is_surveying();
}

bool Agenda::has_sent(JournalSeq seq, const Cycle& cycle) const {
  if (whole_ || sent() < seq || !is_surveyed_ || cycle.is_surveying()) return false;
  // What a survey found is not in the journal.
  return differing_.empty() && unjournaled_ == 0;
}

Result<void> Agenda::batch_over() {
  const bool is_taking = std::exchange(is_taking_, false);
  const auto denied = std::ranges::find_if(
      failed_, [](const auto& failure) { return failure.second.code == Code::kReadOnly; });
  if (denied != failed_.end()) return std::unexpected(denied->second);
  // Where everything fails for want of room or time, no mailbox is to blame.
  const bool is_busy = std::ranges::all_of(
      failed_, [](const auto& failure) { return failure.second.code == Code::kBusy; });
  if (failed_.size() >= kLinkFaultMin && !is_taking && is_busy)
    return std::unexpected(failed_.front().second);
  for (const auto& [entity, why] : std::exchange(failed_, {})) set_aside(entity, why);
  if (aside_.size() > kAsideMax)
    return fail(Code::kLimit, fmt::format("more than {} mailboxes and users can't be sent; {}",
                                          kAsideMax, aside_.begin()->second.reason));
  if (whole_) close_whole_users();
  remember();
  return {};
}

void Agenda::set_aside(const Entity& entity, const Error& why) {
  is_aside_written_ = false;
  Aside& aside = aside_[entity];
  aside.name = name_of(entity);
  aside.reason = why.text;
  aside.due_ms =
      clock_.monotonic_ms() + std::min(kAsideFirstMs << std::min(aside.tries, 10), kAsideLastMs);
  ++aside.tries;
}

void Agenda::remember() {
  if (!std::exchange(is_aside_written_, true)) {
    std::set<std::string> keys;
    for (const auto& [entity, aside] : aside_) keys.insert(key_of(entity));
    memory_.set_aside(std::move(keys));
  }
  if (whole_ && !memory_.position()) return;
  if (memory_.position() != sent()) memory_.set_position(sent());
}

std::optional<int64_t> Agenda::next_due_ms() const {
  std::optional<int64_t> due;
  for (const auto& [entity, aside] : aside_)
    if (!pending_.contains(entity)) due = std::min(due.value_or(INT64_MAX), aside.due_ms);
  if (!due) return std::nullopt;
  return std::max<int64_t>(0, *due - clock_.monotonic_ms());
}

}  // namespace gemel::sync
