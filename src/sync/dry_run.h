// What a sync would send, without sending it: a cycle of its own over the same scope.
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
  DryRun(const MailStore& store, SyncScope scope, Cycle::Trust trust);

  /// Adds what is next. False: there is no more.
  Result<bool> fill(Cycle& cycle);
  std::vector<std::string> take_actions() { return std::move(actions_); }
  /// Errors: what can't be sent.
  Result<void> result() const { return result_; }

  void over(const Entity& entity, Result<void> result) override;
  void sending(const Entity& entity, const std::string& action) override;
  void reached(const Entity&, ModSeq, Held) override {}
  void differs(const std::string&) override {}
  void stale(const Term&) override {}
  void stranger(const std::string&) override {}

 private:
  Result<void> add_user(Cycle& cycle, const std::string& userid);

  const MailStore& store_;
  SyncScope scope_;
  const bool is_of_all_;
  Cycle::Trust trust_;
  std::string last_user_;
  std::vector<std::string> actions_;
  Result<void> result_;
};

}  // namespace gemel::sync
