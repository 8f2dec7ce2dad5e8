#include "sync/cycle.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gemel::sync {

Cycle::Cycle(MailStore& store, ReplicaMemory& memory, CodecContext& context, CycleEvents& events,
             Options options)
    : store_(store),
      memory_(memory),
      context_(context),
      events_(events),
      options_(options),
      routes_(store, memory),
      order_(store, memory, *options.clock) {}

Result<void> Cycle::add(const Entity& entity, Trust trust) {
  const auto [at, is_new] = items_.try_emplace(entity);
  if (!is_new) return {};
  if (trust == Trust::kRemembered && memory_.knows(entity)) return enqueue(entity);
  at->second.stage = Item::Stage::kAsk;
  to_ask_.push_back(entity);
  return {};
}

size_t Cycle::unsaid() const {
  return static_cast<size_t>(std::ranges::count_if(items_, [](const auto& item) {
    return item.second.stage == Item::Stage::kSend && !item.second.is_said;
  }));
}

// --- the order of things ---

Result<void> Cycle::enqueue(const Entity& entity) {
  Item& item = items_.at(entity);
  item.is_said = false;
  item.stage = is_apart(entity) ? Item::Stage::kUnite : Item::Stage::kSend;
  if (item.stage == Item::Stage::kUnite) return {};
  if (const auto* userid = std::get_if<std::string>(&entity)) {
    const Result<UserInfo> info = store_.user(*userid, MailStore::Which::kDeletedToo);
    if (info && !is_earlier(*info, memory_.user(*userid)) && ask_first(entity)) return {};
    if (info && info->is_deleted() && memory_.user(*userid).modseq) {
      queue_.add_user_gone(*userid);
    } else if (info) {
      queue_.add_user(*userid);
    } else if (info.error().code == Code::kNotFound) {
      finish(entity, {});
    } else {
      return std::unexpected(info.error());
    }
    return {};
  }
  const UniqueId& id = std::get<UniqueId>(entity);
  held_.erase(id);
  mends_.erase(id);
  const Result<MailboxInfo> info = store_.find(id);
  if (info) return enqueue_mailbox(*info);
  if (info.error().code != Code::kNotFound) return std::unexpected(info.error());
  finish(entity, {});
  return {};
}

// What is remembered may be of a history that is no longer ours, since a merge.
bool Cycle::ask_first(const Entity& entity) {
  Item& item = items_.at(entity);
  if (item.is_asked) return false;
  item.stage = Item::Stage::kAsk;
  to_ask_.push_back(entity);
  return true;
}

// Two that are to swap their names can do so only together, also where one is still to be united.
bool Cycle::rename_first(const MailboxInfo& info, const ReplicaMailbox& there) {
  Item& item = items_.at(info.id);
  if (!is_renamed(info, there) || !item.is_asked || std::exchange(item.is_renamed, true))
    return false;
  queue_.add_renamed(info.id);
  item.is_asked = false;  // for the state behind it
  return ask_first(info.id);
}

Result<void> Cycle::enqueue_mailbox(const MailboxInfo& info) {
  const std::optional<ReplicaMailbox> there = memory_.known_mailbox(info.id);
  const Uid last_uid = there ? there->last_uid : Uid();
  if (!there && !memory_.user(info.name.owner).modseq)
    TRY_OK(add(info.name.owner, Trust::kRemembered));
  switch (there ? relation(info, *there) : Relation::kBehind) {
    case Relation::kInStep:
      finish(info.id, {});
      return {};
    case Relation::kConflict:
      if (rename_first(info, *there) || ask_first(info.id)) return {};
      finish(info.id, fail(Code::kModified,
                           fmt::format("the replica's mailbox is not an earlier state of ours: "
                                       "highestmodseq {} there, {} here",
                                       there->highestmodseq.value, info.highestmodseq.value)));
      return {};
    case Relation::kDiffers:
      if (ask_first(info.id)) return {};
      finish(info.id,
             fail(Code::kModified, "the replica's mailbox differs at the same highestmodseq"));
      return {};
    case Relation::kBehind:
      break;
  }
  if (there && info.is_deleted() && !there->is_deleted) {
    queue_.add_deleted(info.id);
    return {};
  }
  if (there && is_renamed(info, *there)) queue_.add_renamed(info.id);
  if (info.last_uid <= last_uid) {
    queue_.add_changed(info.id);
    return {};
  }
  const Remainder left = remainder(info, there);
  if (left.bytes > options_.chunks.body_bytes || left.messages > options_.chunks.messages)
    queue_.add_large(info.id, left.bytes);
  else
    queue_.add_small(info.id, left.bytes);
  return {};
}

// --- the batch ---

bool Cycle::has_room() const {
  const int64_t elapsed_ms =
      batch_commands_ > 0 ? options_.clock->monotonic_ms() - batch_began_ms_ : 0;
  if (budget_.is_short(batch_bytes_, elapsed_ms)) return true;
  return batch_bytes_ < kBatchBytesMax && !events_.is_waited_for();
}

void Cycle::count_command() {
  if (batch_commands_++ == 0) batch_began_ms_ = options_.clock->monotonic_ms();
}

Result<std::optional<std::vector<OutgoingPiece>>> Cycle::next_command() {
  while (true) {
    if (!std::exchange(is_planned_, true)) TRY_OK(plan_questions());
    std::optional<Command> command;
    if (batch_commands_ < kBatchCommandsMax) {
      if (!questions_.empty()) {
        auto [text, expected] = std::move(questions_.front());
        questions_.pop_front();
        return send(std::move(text), std::move(expected));
      }
      TRY(command, next_job());
    }
    if (command || batch_commands_ > 0) return command;
    // Nothing had to be said of what was looked at, or it moved meanwhile.
    is_planned_ = false;
    if (touched_.empty() && held_.empty()) return std::nullopt;
    // What they wait for may have to be asked for first.
    if (touched_.empty() && to_ask_.empty()) TRY_OK(release_held());
    TRY_OK(settle_items());
  }
}

std::optional<std::vector<OutgoingPiece>> Cycle::send(std::string text, Expected expected) {
  for (const Entity& entity : expected.about)
    if (const auto item = items_.find(entity); item != items_.end()) ++item->second.under_way;
  count_command();
  expected_.push_back(std::move(expected));
  Command command;
  command.push_back({std::move(text), std::nullopt});
  return command;
}

Result<std::optional<Cycle::Command>> Cycle::next_job() {
  TRY(std::optional<Command> command, mend_command());
  if (command) return command;
  TRY(command, quick_job());
  if (command) return command;
  TRY(command, restore_command());
  if (command) return command;
  TRY(command, message_job());
  if (command) return command;
  TRY(const bool is_resumed, resume_held());
  if (is_resumed) return next_job();
  if (!held_.empty()) return std::nullopt;
  while (const std::optional<std::string> userid = queue_.take_user_gone()) {
    TRY(command, user_command(*userid));
    if (command) return command;
  }
  return std::nullopt;
}

Result<std::optional<Cycle::Command>> Cycle::quick_job() {
  std::optional<Command> command;
  while (const std::optional<Entity> entity = queue_.take_first()) {
    if (const auto* userid = std::get_if<std::string>(&*entity)) {
      TRY(command, user_command(*userid));
    } else {
      TRY(command, mailbox_command(std::get<UniqueId>(*entity)));
    }
    if (command) return command;
  }
  TRY(command, rename_command(queue_.take_renamed()));
  if (command) return command;
  while (const std::optional<UniqueId> id = queue_.take_changed()) {
    TRY(command, mailbox_command(*id));
    if (command) return command;
  }
  return std::nullopt;
}

// A large mailbox has a turn in each batch, however many small ones there are.
Result<std::optional<Cycle::Command>> Cycle::message_job() {
  std::optional<Command> command;
  while (has_room()) {
    const std::optional<UniqueId> id = queue_.take_small();
    if (!id) break;
    TRY(command, mailbox_command(*id));
    if (command) return command;
  }
  while (has_room() || large_turn_ == LargeTurn::kDue) {
    const std::optional<UniqueId> id = queue_.next_large();
    if (!id) break;
    TRY(command, mailbox_command(*id));
    if (!command) continue;
    large_turn_ = LargeTurn::kHad;
    return command;
  }
  return std::nullopt;
}

// --- mailboxes whose expunges wait for others (sync/expunge_order.h) ---

Result<void> Cycle::hold(const UniqueId& id, const UniqueId& waits_for) {
  drop_comparison(id);
  queue_.drop_large(id);
  // It is tried again in its own time.
  if (order_.is_refused(waits_for) && !items_.contains(waits_for)) {
    give_up_for(id, waits_for);
    return {};
  }
  held_.insert_or_assign(id, waits_for);
  return add(waits_for, Trust::kRemembered);
}

void Cycle::give_up_for(const UniqueId& id, const UniqueId& waits_for) {
  const Result<MailboxInfo> other = store_.find(waits_for);
  give_up(id, {Code::kUnavailable,
               fmt::format("messages went from it to {}, which has to be sent first",
                           other ? other->name.text() : waits_for.text())});
}

Result<void> Cycle::resume(const UniqueId& id) {
  if (!mends_.contains(id)) return enqueue(id);
  mends_due_.push_back(id);
  return {};
}

// Once more was said, they may go. Of a mend all is said at once: until then nothing that waits for
// it needs to be looked at.
Result<bool> Cycle::resume_held() {
  if (std::exchange(since_held_, Progress::kNone) == Progress::kNone) return false;
  const std::map<UniqueId, UniqueId> held = std::exchange(held_, {});
  for (const auto& [id, waits_for] : held) {
    if (mends_.contains(waits_for) && held.contains(waits_for))
      held_.emplace(id, waits_for);
    else
      TRY_OK(resume(id));
  }
  return held_.size() < held.size();
}

// Nothing else goes on: what they wait for was refused, or waits for them. Then one goes, for which
// others may wait alone.
Result<void> Cycle::release_held() {
  auto one = held_.begin();
  for (size_t i = 0; i < held_.size(); ++i)
    if (const auto next = held_.find(one->second); next != held_.end()) one = next;
  const auto [id, waits_for] = *one;
  held_.erase(one);
  if (!items_.contains(waits_for)) {
    give_up_for(id, waits_for);
    return {};
  }
  items_.at(id).waits_no_more = true;
  return resume(id);
}

Result<void> Cycle::batch_over(int64_t elapsed_ms) {
  budget_.learn(batch_bytes_, batch_commands_, elapsed_ms);
  for (Entity& entity : std::exchange(asked_, {})) {
    const auto item = items_.find(entity);
    if (item == items_.end() || verdicts_.contains(entity)) continue;
    if (is_apart(entity)) {
      item->second.stage = Item::Stage::kUnite;
      continue;
    }
    item->second.stage = Item::Stage::kReserve;
    to_reserve_.push_back(std::move(entity));
  }
  for (const Entity& entity : std::exchange(reserved_, {})) TRY_OK(enqueue(entity));
  TRY_OK(unite());
  forget_holders();
  since_held_ = Progress::kSome;
  TRY_OK(resume_held());
  batch_commands_ = 0;
  batch_bytes_ = 0;
  large_turn_ = LargeTurn::kDue;
  is_planned_ = false;
  rows_.clear();
  expected_.clear();
  routes_.forget_sent();
  routes_.release();
  return settle_items();
}

// --- what became of it ---

Result<void> Cycle::settle_items() {
  do {
    while (!touched_.empty()) TRY_OK(settle(touched_.extract(touched_.begin()).value()));
    // No answer that is still to come may be about those that waited for it.
    if (std::exchange(is_reunion_over_, false)) TRY_OK(unite());
  } while (!touched_.empty() || is_reunion_over_);
  return {};
}

Result<void> Cycle::settle(const Entity& entity) {
  const auto verdict = verdicts_.extract(entity);
  const auto item = items_.find(entity);
  if (item == items_.end()) return {};
  if (verdict.empty()) {
    if (item->second.is_said && item->second.under_way == 0) finish(entity, {});
    return {};
  }
  item->second.under_way = 0;
  const auto* id = std::get_if<UniqueId>(&entity);
  if (id != nullptr) {
    // Whatever is left of it builds on what was refused.
    drop_comparison(*id);
    queue_.drop_large(*id);
  }
  Verdict& found = verdict.mapped();
  // What is being united meanwhile may be what it waits for.
  if (mailbox_reunions_.empty()) ++item->second.tries;
  if (found.then == Verdict::Then::kRetry && item->second.tries <= kTriesMax)
    return enqueue(entity);
  finish(entity, std::unexpected(std::move(found.error)));
  return {};
}

void Cycle::finish(const Entity& entity, Result<void> result) {
  if (const auto* id = std::get_if<UniqueId>(&entity)) {
    held_.erase(*id);
    if (!result) order_.refused(*id);
    if (const MailboxReunion* reunion = reunion_of(*id); reunion != nullptr && !result)
      undecided_[reunion->theirs().name.owner].insert(*id);
    drop_comparison(*id);
    queue_.drop_large(*id);
    is_reunion_over_ |= mailbox_reunions_.erase(*id) > 0;
    mends_.erase(*id);
  } else {
    user_reunions_.erase(std::get<std::string>(entity));
  }
  items_.erase(entity);
  events_.over(entity, std::move(result));
}

// The first refusal of an entity tells; the updates behind it fail for building on it. What is
// given up stays so.
void Cycle::retry(const Entity& entity, Error why) {
  items_.try_emplace(entity);
  verdicts_.try_emplace(entity, std::move(why), Verdict::Then::kRetry);
  touched_.insert(entity);
}

void Cycle::give_up(const Entity& entity, Error why) {
  verdicts_.insert_or_assign(entity, Verdict{std::move(why), Verdict::Then::kGiveUp});
  touched_.insert(entity);
}

}  // namespace gemel::sync
