// Bodies that a read found missing or damaged, on their way to the committer, which marks in the
// store those that really are lost.
//
// Owns     nothing durable: what a crash forgets is found again by the next read or scrub.
// Threads  any.
#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <vector>

#include "store/body_pins.h"

namespace gemel {

class LostNotes {
 public:
  /// Notes beyond these are dropped; a later read finds the body again.
  static constexpr size_t kNotesMax = 1000;

  void add(const BodyPlace& place);
  bool any() const;
  /// What was noted since the last call, at most `count_max`.
  std::vector<BodyPlace> take(size_t count_max);
  /// Called for each note that is new, without a lock that add() needs; nullptr ends that, and
  /// waits for a call under way.
  void on_note(std::function<void()> listener);

 private:
  mutable std::mutex mutex_;
  std::set<BodyPlace> noted_;  // guarded by mutex_
  std::mutex listener_mutex_;
  std::function<void()> listener_;  // guarded by listener_mutex_
};

}  // namespace gemel
