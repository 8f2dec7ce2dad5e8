// What a sync would send, without sending it: a cycle of its own over the same scope. To verify,
// the replica is asked; of everything, for the digests of its users first.
//
// Memory   users are taken some at a time; what is told is bounded by kActionsMax.
// Threads  one at a time: the session's.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "sync/channel.h"
#include "sync/cycle.h"

namespace gemel::sync {

/// What a report lists; more are left out.
inline constexpr size_t kActionsMax = 10'000;

class DryRun final : public CycleEvents {
 public:
  /// kDigests: what has the digest that the replica tells of it is passed over.
  enum class Method : uint8_t { kAll, kDigests };
  DryRun(const MailStore& store, SyncScope scope, Cycle::Trust trust, Method method);

  /// Adds what is next. False: there is no more.
  Result<bool> fill(Cycle& cycle);
  std::vector<std::string> take_actions() { return std::move(actions_); }
  /// Errors: what can't be sent.
  Result<void> result() const { return result_; }

  void over(const Entity& entity, Result<void> result) override;
  void sending(const Entity& entity, const std::string& action) override;
  void reached(const Entity&, ModSeq, Held) override {}
  void differs(const std::string& userid) override;
  void stale(const Term&) override {}
  void stranger(const std::string&) override {}
  bool is_waited_for() const override { return false; }

 private:
  Result<void> add_user(Cycle& cycle, const std::string& userid);
  Result<bool> add_block(Cycle& cycle);
  Result<bool> add_differing(Cycle& cycle);

  const MailStore& store_;
  SyncScope scope_;
  Cycle::Trust trust_;
  enum class Stage : uint8_t { kNamed, kSurvey, kDiffering, kAll } stage_;
  std::string last_user_;
  std::deque<std::string> differing_;
  std::vector<std::string> actions_;
  Result<void> result_;
};

}  // namespace gemel::sync
