// How many sessions one user or one address has at once: so that none can take all places.
//
// Threads  any.
// Source   doc/operations.md, `sessions_per_user` and `connections_per_address`.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/network_range.h"

namespace gemel::wire {

class SessionCount {
  struct State {
    explicit State(size_t max) : count_max(max) {}
    const size_t count_max;
    std::mutex mutex;
    std::map<std::string, size_t> counts;  // never 0; under mutex
  };

 public:
  /// `count_max` for each; 0: any number.
  explicit SessionCount(size_t count_max) : state_(std::make_shared<State>(count_max)) {}

  /// Counts while it lives, and may outlive the SessionCount. One of nobody counts nothing.
  class Slot {
   public:
    Slot() = default;
    Slot(Slot&&) noexcept = default;
    Slot& operator=(Slot&& other) noexcept {
      std::swap(state_, other.state_);
      std::swap(key_, other.key_);
      return *this;
    }
    ~Slot() {
      if (state_ == nullptr) return;
      const std::scoped_lock lock(state_->mutex);
      const auto at = state_->counts.find(key_);
      if (--at->second == 0) state_->counts.erase(at);
    }

   private:
    friend class SessionCount;
    Slot(std::shared_ptr<State> state, std::string key)
        : state_(std::move(state)), key_(std::move(key)) {}
    std::shared_ptr<State> state_;
    std::string key_;
  };

  /// Nothing: `key` has as many as there may be.
  std::optional<Slot> enter(const std::string& key) {
    if (state_->count_max == 0) return Slot();
    const std::scoped_lock lock(state_->mutex);
    size_t& count = state_->counts[key];
    if (count >= state_->count_max) return std::nullopt;
    ++count;
    return Slot(state_, key);
  }

 private:
  std::shared_ptr<State> state_;
};

/// By address (network_of), for the sessions of a listener. Those on unix sockets are not counted.
class PeerCount {
 public:
  explicit PeerCount(size_t per_address_max) : count_(per_address_max) {}
  /// Nothing: `address` has as many as it may.
  std::optional<SessionCount::Slot> enter(const std::string& address) {
    return address == "unix" ? SessionCount::Slot() : count_.enter(network_of(address));
  }

 private:
  SessionCount count_;
};

}  // namespace gemel::wire
