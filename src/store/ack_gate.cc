#include "store/ack_gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace gemel {

/// An answer of one session.
struct AckGate::Wait final : public CommitWitness, public std::enable_shared_from_this<Wait> {
  Wait(AckGate& of, std::function<void()> on_verdict) : gate(of), wake(std::move(on_verdict)) {}

  Result<void> admit() override {
    const std::lock_guard lock(gate.mutex_);
    for (const Replica* replica : gate.replicas_) {
      if (replica->policy_.away != AckPolicy::Away::kRefuse) continue;
      if (replica->policy_.level == AckLevel::kLocal || !gate.is_away(*replica)) continue;
      return fail(Code::kUnavailable, fmt::format("the replica of channel {} is away, and nothing "
                                                  "is taken without it",
                                                  replica->name_));
    }
    return {};
  }

  void about_to_publish(std::span<const Published> changes) override {
    const std::lock_guard lock(gate.mutex_);
    gate.note(shared_from_this(), changes);
  }

  AckGate& gate;
  const std::function<void()> wake;
  // Under gate.mutex_.
  size_t open = 0;
  int64_t begun_ms = 0;
  std::optional<Error> error = {};
};

AckGate::AckGate(Clock& clock, int64_t wait_ms) : clock_(clock), wait_ms_(wait_ms) {}
AckGate::~AckGate() = default;

std::shared_ptr<AckGate::Replica> AckGate::add(std::string name, AckPolicy policy) {
  auto replica = std::make_shared<Replica>(*this, std::move(name), policy);
  const std::lock_guard lock(mutex_);
  replicas_.push_back(replica.get());
  return replica;
}

bool AckGate::is_needed() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(
      replicas_, [](const Replica* replica) { return replica->policy_.level != AckLevel::kLocal; });
}

// Who goes on without a replica gives a link that was cut the time to come back; who takes nothing
// without it refuses at once, before anything is written that might have to be taken back.
bool AckGate::is_away(const Replica& replica) const {
  switch (replica.link_) {
    case Link::kUp:
      return replica.is_late_;
    case Link::kResting:
      return true;
    case Link::kDown:
      break;
  }
  return replica.policy_.away == AckPolicy::Away::kRefuse || replica.is_late_ ||
         clock_.monotonic_ms() - replica.link_at_ms_ >= wait_ms_;
}

// --- waits ---

void AckGate::note(const std::shared_ptr<Wait>& wait, std::span<const Published> changes) {
  const int64_t now = clock_.monotonic_ms();
  for (Replica* replica : replicas_) {
    if (replica->policy_.level == AckLevel::kLocal) continue;
    const bool may_go_on = replica->policy_.away == AckPolicy::Away::kDegraded;
    bool is_without = may_go_on && is_away(*replica);
    for (const Published& change : changes) {
      if (is_without) break;
      if (const auto trouble = replica->cant_.find(change.entity);
          trouble != replica->cant_.end()) {
        if (may_go_on)
          is_without = true;
        else
          wait->error = Error{Code::kUnavailable, "the replica can't take it: " + trouble->second};
        continue;
      }
      replica->waits_.emplace(change.entity, Waiting{change.highestmodseq, wait});
      if (wait->open++ == 0) wait->begun_ms = now;
    }
    if (is_without) ++replica->without_it_;
  }
  if (wait->open > 0) waits_.insert(wait);
}

void AckGate::settle(Waits& waits, Waits::iterator at, std::optional<Error> error, Wakes& wakes) {
  const std::shared_ptr<Wait> wait = at->second.wait;
  waits.erase(at);
  if (error && !wait->error) wait->error = std::move(error);
  if (--wait->open > 0) return;
  waits_.erase(wait);
  wakes.push_back(wait->wake);
}

void AckGate::give_up(Replica& replica, const std::set<Wait*>& late, Wakes& wakes) {
  const bool is_refused = replica.policy_.away == AckPolicy::Away::kRefuse;
  size_t count = 0;
  for (auto at = replica.waits_.begin(); at != replica.waits_.end();) {
    const auto next_at = std::next(at);
    if (Wait* const wait = at->second.wait.get(); late.contains(wait)) {
      // That others were told of meanwhile shows that the replica as a whole is there.
      if (replica.told_at_ms_ <= wait->begun_ms) replica.is_late_ = true;
      std::optional<Error> error;
      if (is_refused)
        error = Error{Code::kUnavailable, "the replica did not say in time that it has it"};
      settle(replica.waits_, at, std::move(error), wakes);
      ++count;
    }
    at = next_at;
  }
  if (count == 0) return;
  replica.without_it_ += count;
  log::warn("channel={} acknowledges too late: {} waits {}", replica.name_, count,
            is_refused ? "were refused" : "went on without it");
}

void AckGate::expire() {
  Wakes wakes;
  {
    const std::lock_guard lock(mutex_);
    const int64_t begun_before = clock_.monotonic_ms() - wait_ms_;
    std::set<Wait*> late;
    for (const std::shared_ptr<Wait>& wait : waits_)
      if (wait->begun_ms <= begun_before) late.insert(wait.get());
    if (late.empty()) return;
    for (Replica* replica : replicas_) give_up(*replica, late, wakes);
  }
  for (const auto& wake : wakes) wake();
}

// --- a replica ---

AckGate::Replica::Replica(AckGate& gate, std::string name, AckPolicy policy)
    : gate_(gate),
      name_(std::move(name)),
      policy_(policy),
      link_at_ms_(gate.clock_.monotonic_ms()),
      told_at_ms_(link_at_ms_) {}

AckGate::Replica::~Replica() {
  Wakes wakes;
  {
    const std::lock_guard lock(gate_.mutex_);
    std::erase(gate_.replicas_, this);
    while (!waits_.empty())
      gate_.settle(waits_, waits_.begin(), Error{Code::kUnavailable, "the server is stopping"},
                   wakes);
  }
  for (const auto& wake : wakes) wake();
}

void AckGate::Replica::link(Link link) {
  const std::lock_guard lock(gate_.mutex_);
  if (std::exchange(link_, link) == link) return;
  link_at_ms_ = gate_.clock_.monotonic_ms();
  if (link == Link::kUp) is_late_ = false;
  if (policy_.level == AckLevel::kLocal) return;
  const bool is_refused = policy_.away == AckPolicy::Away::kRefuse;
  if (link != Link::kUp)
    log::warn("channel={} can't acknowledge: {}", name_,
              is_refused ? "no changes are taken until it can"
                         : "answers wait for it for a while only, then go on without it");
  else
    log::info("channel={} acknowledges: answers wait for it", name_);
}

void AckGate::Replica::heard() {
  told_at_ms_ = gate_.clock_.monotonic_ms();
  if (std::exchange(is_late_, false))
    log::info("channel={} acknowledges again: answers wait for it", name_);
}

void AckGate::Replica::reached(const Entity& entity, ModSeq modseq, Held held) {
  if (policy_.level == AckLevel::kLocal) return;
  Wakes wakes;
  {
    const std::lock_guard lock(gate_.mutex_);
    heard();
    if (held == Held::kReceived && policy_.level != AckLevel::kReceived) return;
    cant_.erase(entity);
    auto [at, end] = waits_.equal_range(entity);
    while (at != end) {
      const auto next_at = std::next(at);
      if (at->second.modseq <= modseq) gate_.settle(waits_, at, std::nullopt, wakes);
      at = next_at;
    }
  }
  for (const auto& wake : wakes) wake();
}

void AckGate::Replica::cant(const Entity& entity, const std::string& why) {
  if (policy_.level == AckLevel::kLocal) return;
  Wakes wakes;
  {
    const std::lock_guard lock(gate_.mutex_);
    heard();
    cant_[entity] = why;
    std::optional<Error> error;
    if (policy_.away == AckPolicy::Away::kRefuse)
      error = Error{Code::kUnavailable, "the replica can't take it: " + why};
    auto [at, end] = waits_.equal_range(entity);
    while (at != end) {
      ++without_it_;
      gate_.settle(waits_, at++, error, wakes);
    }
  }
  for (const auto& wake : wakes) wake();
}

AckGate::Status AckGate::Replica::status() const {
  const std::lock_guard lock(gate_.mutex_);
  return {.policy = policy_,
          .is_away = policy_.level != AckLevel::kLocal && gate_.is_away(*this),
          .without_it = without_it_};
}

// --- a session ---

AnswerGate::AnswerGate(AckGate* gate, std::function<void()> wake) : gate_(gate) {
  if (gate_ != nullptr) wait_ = std::make_shared<AckGate::Wait>(*gate_, std::move(wake));
}
AnswerGate::~AnswerGate() = default;
AnswerGate::AnswerGate(AnswerGate&&) noexcept = default;
AnswerGate& AnswerGate::operator=(AnswerGate&&) noexcept = default;

WitnessScope AnswerGate::scope() const { return WitnessScope(wait_); }

std::optional<Result<void>> AnswerGate::verdict() {
  if (gate_ == nullptr) return Result<void>();
  const std::lock_guard lock(gate_->mutex_);
  if (wait_->open > 0) return std::nullopt;
  if (std::optional<Error> error = std::exchange(wait_->error, std::nullopt))
    return Result<void>(std::unexpected(*std::move(error)));
  return Result<void>();
}

}  // namespace gemel
