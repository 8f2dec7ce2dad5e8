#include "sync/send_queue.h"

#include <utility>

namespace gemel::sync {
namespace {

template <class T>
std::optional<T> take_front(std::deque<T>& queue) {
  if (queue.empty()) return std::nullopt;
  T front = std::move(queue.front());
  queue.pop_front();
  return front;
}

}  // namespace

void SendQueue::add_large(const UniqueId& id, uint64_t bytes) {
  drop_large(id);
  large_[id] = {.bytes = bytes, .turn = turns_};
  by_bytes_.emplace(bytes, id);
  by_turn_.emplace(turns_, id);
}

void SendQueue::drop_large(const UniqueId& id) {
  const auto found = large_.find(id);
  if (found == large_.end()) return;
  by_bytes_.erase({found->second.bytes, id});
  by_turn_.erase({found->second.turn, id});
  large_.erase(found);
}

std::optional<Entity> SendQueue::take_first() {
  if (auto userid = take_front(users_)) return *std::move(userid);
  if (const auto id = take_front(deleted_)) return *id;
  return std::nullopt;
}

std::optional<UniqueId> SendQueue::take_changed() { return take_front(changed_); }

std::optional<UniqueId> SendQueue::take_small() {
  if (small_.empty()) return std::nullopt;
  return small_.extract(small_.begin()).value().second;
}

std::optional<UniqueId> SendQueue::next_large() {
  if (large_.empty()) return std::nullopt;
  return ++turns_ % 2 == 1 ? by_bytes_.begin()->second : by_turn_.begin()->second;
}

std::optional<std::string> SendQueue::take_user_gone() { return take_front(users_gone_); }

}  // namespace gemel::sync
