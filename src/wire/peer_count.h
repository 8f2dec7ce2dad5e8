// How many sessions one address has at once: so that one peer can't take all places.
//
// Threads  any.
// Source   doc/operations.md, `connections_per_address`.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace gemel::wire {

/// One count, shared by the sessions of a listener. What enter() gives is held as long as the
/// session lives.
class PeerCount {
 public:
  /// `per_address_max`: 0 for no limit.
  explicit PeerCount(size_t per_address_max) : state_(std::make_shared<State>(per_address_max)) {}

  /// Null if `address` has as many as it may. Sessions on unix sockets are not counted.
  std::shared_ptr<void> enter(const std::string& address) {
    const auto nothing = [](void*) {};
    if (state_->per_address_max == 0 || address == "unix")
      return std::shared_ptr<void>(state_.get(), nothing);
    const std::scoped_lock lock(state_->mutex);
    size_t& count = state_->counts[address];
    if (count >= state_->per_address_max) return nullptr;
    ++count;
    return std::shared_ptr<void>(state_.get(), [state = state_, address](void*) {
      const std::scoped_lock leaving(state->mutex);
      if (--state->counts[address] == 0) state->counts.erase(address);
    });
  }

 private:
  struct State {
    explicit State(size_t max) : per_address_max(max) {}
    const size_t per_address_max;
    std::mutex mutex;
    std::map<std::string, size_t> counts;  // under mutex
  };
  std::shared_ptr<State> state_;  // what enter() gave may outlive this
};

}  // namespace gemel::wire
