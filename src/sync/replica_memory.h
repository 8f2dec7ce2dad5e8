// What a channel remembers of its replica: the state of each mailbox and user there after the last
// acknowledged update, and how far the journal has been sent.
//
// Owns     the channel's rows in the store, and a cache of them. Rows are written at the end of a
//          batch and may lag after a crash: the replica then says its real state, at the cost of a
//          round trip.
// Threads  one at a time.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/mail_store.h"
#include "sync/compare.h"
#include "sync/entity.h"

namespace gemel::sync {

/// Entries in memory beyond which clean ones are let go of.
inline constexpr size_t kRememberedMax = 200'000;

class ReplicaMemory {
 public:
  ReplicaMemory(MailStore& store, std::string channel);

  /// How far the replica has the journal; nothing before it was compared in whole for once.
  std::optional<JournalSeq> position() const { return position_; }
  void set_position(JournalSeq position);

  /// What the replica has, or will have once the batch under way has been applied. Nothing: it has
  /// no such mailbox.
  std::optional<ReplicaMailbox> mailbox(const UniqueId& id);
  void expect(const UniqueId& id, ReplicaMailbox state) { expected_[id] = std::move(state); }
  /// The replica said so.
  void know(const UniqueId& id, std::optional<ReplicaMailbox> state);
  /// It has changes of its own there. Until know() again, nothing is copied from it.
  void know_apart(const UniqueId& id) { apart_.insert(id); }
  /// kUnsure: what is remembered from before may be no longer so.
  enum class Belief : uint8_t { kSure, kUnsure };
  void set_belief(Belief belief);
  /// The same as mailbox(), if its messages are surely ours: others can be copies of them.
  std::optional<ReplicaMailbox> source(const UniqueId& id);
  /// What the replica has said, whatever is under way.
  std::optional<ReplicaMailbox> known_mailbox(const UniqueId& id);

  ReplicaUser user(const std::string& userid);
  void know_user(const std::string& userid, const ReplicaUser& state);

  /// The digest that both stores had when all had been sent last; nothing if that can't be said.
  std::optional<Digest> in_step() const { return in_step_; }
  void set_in_step(std::optional<Digest> digest);

  /// What was set aside, by a name for each ("m"/"u" and the key), for the time after a restart.
  const std::set<std::string>& set_aside() const { return set_aside_; }
  void set_aside(std::set<std::string> entities);

  /// The replica has the same as we at this position, though nothing was sent to it: of a mailbox
  /// or user of which nothing is remembered it may have any state.
  void adopt(JournalSeq position, const Digest& in_step);
  /// Whether what is remembered says where it is there, or that it isn't there.
  bool knows(const Entity& entity) const;

  /// The replica has nothing, whatever is remembered. Errors: kIo.
  Result<void> forget();

  /// The batch is over: what was expected and did not come is forgotten, what was said is written.
  Result<void> settle();

 private:
  std::optional<std::string> row(const std::string& key) const;

  MailStore& store_;
  std::string channel_;
  std::optional<JournalSeq> position_;
  std::optional<Digest> in_step_;
  bool is_adopted_ = false;
  std::set<std::string> set_aside_;
  std::map<UniqueId, std::optional<ReplicaMailbox>> mailboxes_;
  std::map<std::string, ReplicaUser> users_;
  std::map<UniqueId, ReplicaMailbox> expected_;
  std::set<UniqueId> apart_;
  Belief belief_ = Belief::kSure;
  std::set<UniqueId> sure_;                   // said since, while unsure
  std::map<std::string, std::string> dirty_;  // rows to write
};

}  // namespace gemel::sync
