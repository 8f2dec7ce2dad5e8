// What is still to be sent, in the order in which it goes.
//
// So that names never clash: users that live, deleted mailboxes (their names are free then), one
// RENAME for all that have other names or partitions, what else changed, mailboxes with new
// messages (which may be copies of others), users that are gone.
//
// So that nobody waits behind a mailbox that has much: of those with new messages the ones with
// little go first, and those that need more than one update take turns, the one with the least left
// and the one that has waited longest alternating.
//
// Threads  one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sync/entity.h"

namespace gemel::sync {

class SendQueue {
 public:
  void add_user(std::string userid) { users_.push_back(std::move(userid)); }
  void add_user_gone(std::string userid) { users_gone_.push_back(std::move(userid)); }
  void add_deleted(const UniqueId& id) { deleted_.push_back(id); }
  void add_renamed(const UniqueId& id) { renamed_.push_back(id); }
  void add_changed(const UniqueId& id) { changed_.push_back(id); }
  /// `bytes` to be sent, about, in one update.
  void add_small(const UniqueId& id, uint64_t bytes) { small_.emplace(bytes, id); }
  /// Needs more than one update. Again, once it had a turn, with what is left.
  void add_large(const UniqueId& id, uint64_t bytes);
  /// It needs no more turns as a large one.
  void drop_large(const UniqueId& id);

  /// What is quickly said: a user or a mailbox. Nothing: call take_renamed(), then this again.
  std::optional<Entity> take_first();
  /// All of them.
  std::vector<UniqueId> take_renamed() { return std::exchange(renamed_, {}); }
  std::optional<UniqueId> take_changed();
  std::optional<UniqueId> take_small();
  /// Whose turn it is; it stays.
  std::optional<UniqueId> next_large();
  std::optional<std::string> take_user_gone();

 private:
  struct Large {
    uint64_t bytes = 0;
    uint64_t turn = 0;  // in which it was last
  };
  std::deque<std::string> users_;
  std::deque<UniqueId> deleted_;
  std::vector<UniqueId> renamed_;
  std::deque<UniqueId> changed_;
  std::set<std::pair<uint64_t, UniqueId>> small_;
  std::map<UniqueId, Large> large_;
  std::set<std::pair<uint64_t, UniqueId>> by_bytes_;  // of large_
  std::set<std::pair<uint64_t, UniqueId>> by_turn_;   // of large_
  uint64_t turns_ = 0;
  std::deque<std::string> users_gone_;
};

}  // namespace gemel::sync
