#include "store/watches.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

namespace gemel {

struct Watches::Entry {
  explicit Entry(OnChange callback) : on_change(std::move(callback)) {}
  OnChange on_change;
  std::recursive_mutex calling;  // held through a call; recursive, for a call may end its own watch
  bool ended = false;            // guarded by calling
};

struct Watches::State {
  using Entries = std::vector<std::shared_ptr<Entry>>;
  std::mutex mutex;
  // Guarded by mutex.
  Entries all;
  std::unordered_map<UniqueId, Entries> by_mailbox;

  void remove(const std::optional<UniqueId>& mailbox, const std::shared_ptr<Entry>& entry) {
    const std::lock_guard lock(mutex);
    if (!mailbox) {
      std::erase(all, entry);
      return;
    }
    const auto found = by_mailbox.find(*mailbox);
    std::erase(found->second, entry);
    if (found->second.empty()) by_mailbox.erase(found);
  }
};

Watches::Watches() : state_(std::make_shared<State>()) {}

std::shared_ptr<void> Watches::add(std::optional<UniqueId> mailbox, OnChange on_change) {
  auto entry = std::make_shared<Entry>(std::move(on_change));
  {
    const std::lock_guard lock(state_->mutex);
    (mailbox ? state_->by_mailbox[*mailbox] : state_->all).push_back(entry);
  }
  Entry* const raw = entry.get();
  return {static_cast<void*>(raw), [state = state_, mailbox, entry](void*) {
            state->remove(mailbox, entry);
            const std::lock_guard lock(entry->calling);
            entry->ended = true;
          }};
}

void Watches::notify(const Published& published) {
  State::Entries entries;
  {
    const std::lock_guard lock(state_->mutex);
    entries = state_->all;
    if (const auto* id = std::get_if<UniqueId>(&published.entity))
      if (const auto found = state_->by_mailbox.find(*id); found != state_->by_mailbox.end())
        entries.insert(entries.end(), found->second.begin(), found->second.end());
  }
  for (const std::shared_ptr<Entry>& entry : entries) {
    const std::lock_guard lock(entry->calling);
    if (!entry->ended) entry->on_change(published);
  }
}

}  // namespace gemel
