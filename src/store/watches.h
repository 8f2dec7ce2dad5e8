// Who wants to know of changes, and telling them.
#pragma once

#include <functional>
#include <memory>

#include "store/mail_store.h"

namespace gemel {

/// Any thread; notify() is the committer's.
class Watches {
 public:
  using OnChange = std::function<void(const Published&)>;

  Watches();
  /// `mailbox` is nothing to be told of everything. Ends when what it gives is destroyed; then no
  /// call is under way, unless that is done inside the call.
  std::shared_ptr<void> add(std::optional<UniqueId> mailbox, OnChange on_change);
  void notify(const Published& published);

 private:
  struct State;
  struct Entry;
  std::shared_ptr<State> state_;  // shared with what add() gives, which may outlive this
};

}  // namespace gemel
