// From batch to batch: what a channel's session sends next, and what became of it.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "sync/channel_core.h"

namespace gemel::sync {
namespace {

// Of the journal, as told at the end of a batch; more are not counted.
constexpr size_t kUnsentMax = 1000;

}  // namespace

// Whether everything is to be sent now: by itself, or as asked.
Agenda::Flow ChannelCore::flow() const {
  const std::lock_guard lock(mutex_);
  const bool is_asked = std::ranges::any_of(
      requests_, [](const SyncRequest& request) { return request.target.has_value(); });
  return mode_ == ChannelOptions::Mode::kRolling || is_asked ? Agenda::Flow::kRoll
                                                             : Agenda::Flow::kHold;
}

Result<bool> ChannelCore::fill(Cycle& cycle) {
  take_requests();
  const JournalSeq before = agenda_.cursor();
  TRY(const bool has_work, agenda_.fill(cycle, flow()));
  show(cycle);
  return has_work || agenda_.cursor() != before;
}

bool ChannelCore::is_at_rest() {
  if (flow() == Agenda::Flow::kHold) return true;
  return agenda_.pending() == 0 && agenda_.cursor() == store_.journal_head();
}

// With how much is left for the batches after it, for those who look at the replica.
std::string ChannelCore::sync_line(const Cycle& cycle, Receipt receipt) const {
  size_t unsent = cycle.unsaid();
  if (agenda_.cursor() != store_.journal_head())
    if (const auto behind = store_.journal_since(agenda_.cursor(), kUnsentMax))
      unsent += behind->size();
  std::string line = "SYNC";
  if (receipt == Receipt::kOffered && options_.acknowledges &&
      options_.acknowledges->level() == AckLevel::kReceived)
    line += " RECEIVED";
  if (unsent > 0) line += fmt::format(" {}", unsent);
  return line + "\r\n";
}

Cycle::Trust ChannelCore::trust() const {
  return is_in_doubt_ || !memory_.position() ? Cycle::Trust::kAskFirst : Cycle::Trust::kRemembered;
}

Result<void> ChannelCore::batch_over(const Cycle& cycle) {
  TRY_OK(agenda_.batch_over());
  note_in_step();
  if (const Result<void> kept = memory_.settle(); !kept)
    log::error("channel={} can't keep its position: {}", options_.name, kept.error().text);
  show(cycle);
  finish_requests(cycle);
  return {};
}

// Whether both stores are the same now, as far as can be told without asking.
void ChannelCore::note_in_step() {
  const JournalSeq head = store_.journal_head();
  const Digest digest = store_.digest();
  const bool is_still = store_.journal_head() == head && memory_.position() == head;
  memory_.set_in_step(is_still && agenda_.pending() == 0 && agenda_.aside().empty()
                          ? std::optional(digest)
                          : std::nullopt);
}

// Tells those who ask for the status.
void ChannelCore::show(const Cycle& cycle) {
  if (is_in_doubt_ && agenda_.is_idle(cycle)) {
    is_in_doubt_ = false;
    memory_.set_belief(ReplicaMemory::Belief::kSure);
  }
  const std::lock_guard lock(mutex_);
  if (agenda_.aside().size() != aside_.size() || !agenda_.aside().empty()) aside_ = agenda_.aside();
  sent_ = agenda_.sent();
  cursor_ = agenda_.cursor();
  pending_ = agenda_.pending();
  if (!under_way_.empty() || pending_ > 0) under_way_ = agenda_.under_way();
}

std::optional<int64_t> ChannelCore::next_due_ms() const {
  {
    const std::lock_guard lock(mutex_);
    if (mode_ != ChannelOptions::Mode::kRolling) return std::nullopt;
  }
  return agenda_.next_due_ms();
}

// --- what the cycle tells ---

void ChannelCore::over(const Entity& entity, Result<void> result) {
  if (!result) {
    const std::string name = agenda_.name_of(entity);
    log::warn("channel={} sets {} aside: {}", options_.name, name, result.error().text);
    const std::lock_guard lock(mutex_);
    for (SyncRequest& request : requests_) {
      if (!request.waits.contains(entity)) continue;
      if (request.failures++ == 0) request.first_failure = name + ": " + result.error().text;
    }
  }
  acknowledge(entity, result);
  agenda_.over(entity, std::move(result));
}

// Where nothing had to be said, the replica had it already; where the entity is gone for good,
// there is nothing more to have.
void ChannelCore::acknowledge(const Entity& entity, const Result<void>& result) {
  if (!options_.acknowledges) return;
  if (!result) return options_.acknowledges->cant(entity, result.error().text);
  ModSeq there(UINT64_MAX);
  if (const auto* userid = std::get_if<std::string>(&entity)) {
    if (store_.user(*userid, MailStore::Which::kDeletedToo)) there = memory_.user(*userid).modseq;
  } else if (store_.find(std::get<UniqueId>(entity))) {
    const auto known = memory_.known_mailbox(std::get<UniqueId>(entity));
    there = known ? known->highestmodseq : ModSeq();
  }
  options_.acknowledges->reached(entity, there, AckGate::Held::kDurable);
}

void ChannelCore::reached(const Entity& entity, ModSeq modseq, Held held) {
  if (held == Held::kDurable) agenda_.reached();
  if (!options_.acknowledges) return;
  options_.acknowledges->reached(
      entity, modseq, held == Held::kDurable ? AckGate::Held::kDurable : AckGate::Held::kReceived);
}

void ChannelCore::stale(const Term& term) {
  if (const Result<void> done = heard(term); !done)
    log::error("channel={} can't step back: {}", options_.name, done.error().text);
}

bool ChannelCore::is_waited_for() const {
  if (options_.acknowledges && options_.acknowledges->level() != AckLevel::kLocal) return true;
  if (standing_of(store_) != told_) return true;
  if (flow() == Agenda::Flow::kRoll && agenda_.cursor() != store_.journal_head()) return true;
  const std::lock_guard lock(mutex_);
  return std::ranges::find(requests_, SyncRequest::Stage::kNew, &SyncRequest::stage) !=
         requests_.end();
}

void ChannelCore::stranger(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (strangers_.size() < kStrangersMax) strangers_.insert(name);
}

}  // namespace gemel::sync
