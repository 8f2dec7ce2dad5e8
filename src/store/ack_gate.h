// Between a commit and its answer: lets the answer wait until the replicas have what was committed.
//
// Channels tell what their replicas have; a session has an AnswerGate, which notes what is
// committed for an answer and says when the answer may go. Each mailbox and user counts for itself,
// so one that is large, or can't be sent, holds up no answer about another.
//
// Owns     which answers wait for what. Memory: some 150 bytes for each mailbox or user that a
//          waiting answer is about; each session waits for one answer at a time.
// Threads  any, for every call.
// Source   doc/decisions/0040-acknowledgement.md.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "store/mail_store.h"
#include "store/witness.h"

namespace gemel {

/// What of a replica an answer waits for: nothing; that it has the change in memory; on its disk;
/// that readers there see it (a replica tells of the last two at once).
enum class AckLevel : uint8_t { kLocal, kReceived, kDurable, kApplied };

struct AckPolicy {
  AckLevel level = AckLevel::kLocal;
  /// While the replica is away: go on without it, or take no changes.
  enum class Away : uint8_t { kDegraded, kRefuse } away = Away::kDegraded;
};

/// How long an answer waits unless told otherwise, and how often expire() wants to be called.
inline constexpr int64_t kAckWaitMs = 10'000;
inline constexpr int64_t kAckTickMs = 250;

class AckGate {
 public:
  using Entity = std::variant<UniqueId, std::string>;  // as Published's
  enum class Held : uint8_t { kReceived, kDurable };
  enum class Link : uint8_t { kUp, kDown, kResting };  // resting: nothing is sent by itself

  struct Status {
    AckPolicy policy;
    bool is_away = false;     // nobody waits for it, or nothing is taken without it
    uint64_t without_it = 0;  // transactions that were not waited for as the level says
  };

  /// `wait_ms`: the longest that an answer waits; a replica whose link is down for so long, or that
  /// acknowledged nothing in such a time, is away.
  explicit AckGate(Clock& clock, int64_t wait_ms = kAckWaitMs);
  ~AckGate();

  /// One replica, as its channel tells of it. The gate must outlive it.
  class Replica;
  std::shared_ptr<Replica> add(std::string name, AckPolicy policy);

  /// Whether any replica is waited for at all.
  bool is_needed() const;
  /// Ends waits that took too long.
  void expire();

 private:
  friend class AnswerGate;
  struct Wait;
  struct Waiting {
    ModSeq modseq;
    std::shared_ptr<Wait> wait;
  };
  using Waits = std::multimap<Entity, Waiting>;
  using Wakes = std::vector<std::function<void()>>;

  // All with mutex_ held.
  bool is_away(const Replica& replica) const;
  void note(const std::shared_ptr<Wait>& wait, std::span<const Published> changes);
  void settle(Waits& waits, Waits::iterator at, std::optional<Error> error, Wakes& wakes);
  void give_up(Replica& replica, const std::set<Wait*>& late, Wakes& wakes);

  Clock& clock_;
  const int64_t wait_ms_;
  mutable std::mutex mutex_;
  std::vector<Replica*> replicas_;         // under mutex_; each leaves when it ends
  std::set<std::shared_ptr<Wait>> waits_;  // under mutex_: that wait for something
};

class AckGate::Replica {
 public:
  /// Use AckGate::add.
  Replica(AckGate& gate, std::string name, AckPolicy policy);
  ~Replica();
  AckLevel level() const { return policy_.level; }
  void link(Link link);
  /// It has the mailbox or user up to this modseq.
  void reached(const Entity& entity, ModSeq modseq, Held held);
  /// It can't take it, and why, until reached() says otherwise.
  void cant(const Entity& entity, const std::string& why);
  Status status() const;

 private:
  friend class AckGate;
  void heard();  // with the gate's mutex held
  AckGate& gate_;
  const std::string name_;
  const AckPolicy policy_;
  // Under gate_.mutex_.
  Link link_ = Link::kDown;
  int64_t link_at_ms_;
  int64_t told_at_ms_;    // of anything
  bool is_late_ = false;  // it told of nothing for too long
  uint64_t without_it_ = 0;
  Waits waits_;
  std::map<Entity, std::string> cant_;
};

/// A session's: one thread at a time, as the session.
class AnswerGate {
 public:
  /// `gate` null: never waits. `wake`: a verdict may be there; called from any thread.
  AnswerGate(AckGate* gate, std::function<void()> wake);
  ~AnswerGate();
  AnswerGate(AnswerGate&&) noexcept;
  AnswerGate& operator=(AnswerGate&&) noexcept;

  /// What this thread commits while the scope lives is for the next answer.
  [[nodiscard]] WitnessScope scope() const;
  /// Whether the answer may go, and then the next one begins. Nothing: not yet; wake() comes.
  /// Errors: kUnavailable, it is on this server's disk, but a replica is not known to have it.
  std::optional<Result<void>> verdict();

 private:
  AckGate* gate_;
  std::shared_ptr<AckGate::Wait> wait_;
};

}  // namespace gemel
