// Bodies that must stay although no record may hold them: those a sync session has reserved.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "mail/ids.h"

namespace gemel {

/// A body in a partition, by the partition's number.
struct BodyPlace {
  uint32_t partition = 0;
  Guid guid;
  auto operator<=>(const BodyPlace&) const = default;
};

/// Any thread.
class BodyPins {
 public:
  void add(const BodyPlace& place);
  /// One pin less for each; those with none left go to take_released().
  void release(const std::vector<BodyPlace>& places);
  bool has(const BodyPlace& place) const;
  /// Nothing is settled until what it gives goes: bodies stay, and what says that they may have no
  /// record too. What holds_back() was asked of meanwhile goes to take_released() then.
  std::shared_ptr<void> hold_all();
  bool holds_back(const BodyPlace& place);
  bool holds_all() const;
  /// Each place whose last pin went since the last call.
  std::vector<BodyPlace> take_released();
  /// Takes no lock, so that it may be asked under any.
  bool any_released() const { return any_released_.load(); }
  /// Called after a release that left some without a pin; nullptr ends that, and waits for a call
  /// under way.
  void on_release(std::function<void()> listener);

 private:
  void end_hold();

  mutable std::mutex mutex_;
  std::atomic<bool> any_released_ = false;
  // Guarded by mutex_.
  std::map<BodyPlace, uint32_t> pins_;
  std::vector<BodyPlace> released_;
  uint32_t holds_ = 0;
  std::set<BodyPlace> held_back_;
  std::function<void()> listener_;
};

}  // namespace gemel
