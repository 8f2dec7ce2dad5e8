// What a run has decided so far, and which decisions go together.
//
// Threads  one.
// Source   RFC 5228 §2.10.1 to §2.10.4, RFC 5429 §2.4 (reject and the rest), RFC 5230 §4.7, RFC
// 3894
//          (copy), RFC 5232 §3 (the last flags win).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sieve/action.h"
#include "sieve/limits.h"

namespace gemel::sieve {

class Verdict {
 public:
  explicit Verdict(const RunLimits& limits) : limits_(limits) {}

  /// What an action does to the implicit keep: with :copy nothing.
  enum class ImplicitKeep : uint8_t { kCancel, kLeave };

  /// Errors of all: kInvalid, it can't go with what was decided; kLimit.
  Result<void> keep(Keep keep);
  Result<void> file_into(FileInto action, ImplicitKeep implicit);
  Result<void> redirect(Redirect action, ImplicitKeep implicit);
  Result<void> reject(Reject action);
  void discard() { keeps_ = ImplicitKeep::kCancel; }
  /// A vacation ran, whether or not it has anything to send.
  Result<void> note_vacation();
  Result<void> vacation(Vacation action) { return add(std::move(action)); }
  Result<void> notify(Notify action);
  bool notifies(const std::string& address) const;
  void track(Tracked tracked);

  /// Is the implicit keep still to be done?
  bool keeps() const { return keeps_ == ImplicitKeep::kLeave; }
  /// All actions, with `implicit` last if it is to be done.
  std::vector<Action> finish(Keep implicit);
  std::vector<Tracked> take_tracked() { return std::move(tracked_); }

 private:
  Result<void> add(Action action);
  Result<void> deliver(Action action, ImplicitKeep implicit);

  const RunLimits& limits_;
  std::vector<Action> actions_;
  std::vector<Tracked> tracked_;
  ImplicitKeep keeps_ = ImplicitKeep::kLeave;
  size_t redirects_ = 0;
  size_t notifies_ = 0;
  size_t vacations_ = 0;
  enum class Delivers : uint8_t { kNo, kYes } delivers_ = Delivers::kNo;
  enum class Rejects : uint8_t { kNo, kYes } rejects_ = Rejects::kNo;
};

}  // namespace gemel::sieve
