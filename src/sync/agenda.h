// What a channel has to send, and how far it is.
//
// Work comes from four places: what was set aside and is due, the journal, the whole where nothing
// is known of the replica (user by user), and users of whom a survey found that the replica has
// something else. Each mailbox or user is under way once, however often it is wanted meanwhile;
// then once more.
//
// The position moves up to the first journal entry that is not over yet, so nothing that is under
// way is forgotten by a restart; what was finished behind it is known to be so by what is
// remembered of the replica.
//
// Memory   bounded by kPendingMax, kAsideMax and kDifferingMax, however much the replica lacks.
// Threads  one at a time: the session's.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "store/mail_store.h"
#include "sync/cycle.h"
#include "sync/entity.h"
#include "sync/replica_memory.h"

namespace gemel::sync {

/// Mailboxes and users under way at once, and how many of them may come from the whole.
inline constexpr size_t kPendingMax = 20'000;
inline constexpr size_t kPendingOfWholeMax = 10'000;
/// More that can't be sent than this, and the fault is not with them.
inline constexpr size_t kAsideMax = 10'000;

class Agenda {
 public:
  struct Aside {
    std::string name;
    std::string reason;
    int tries = 0;
    int64_t due_ms = 0;
  };

  Agenda(const MailStore& store, ReplicaMemory& memory, Clock& clock);

  /// A connection begins. kInStep: the replica is where it was left; kEmpty: it has nothing at all.
  enum class Replica : uint8_t { kInStep, kUnsure, kEmpty };
  void begin(Replica replica);

  /// Wants `entity` as it is now. Returns a ticket: once what is_over() says of it is true, that is
  /// on the replica, or was set aside.
  uint64_t want(const Entity& entity, Cycle::Trust trust);
  bool is_over(const Entity& entity, uint64_t ticket) const;

  /// Adds to `cycle` what is due, and says whether that was anything. Call before each batch.
  /// kHold: only what was wanted by name.
  enum class Flow : uint8_t { kRoll, kHold };
  Result<bool> fill(Cycle& cycle, Flow flow);

  /// The replica is to be asked about all users once more.
  void survey_again() { is_surveyed_ = false; }

  /// What the cycle says (see CycleEvents).
  void over(const Entity& entity, Result<void> result);
  void differs(const std::string& userid);
  void reached() { is_taking_ = true; }

  /// The answers of a batch have come: moves the position, in memory. Errors: kUnavailable, the
  /// replica takes nothing now, or too much: the link must rest.
  Result<void> batch_over();

  /// Nothing is left to do, as the journal stands.
  bool is_idle(const Cycle& cycle) const;
  /// The journal up to here is on the replica, or set aside; and, where a survey was due, it is
  /// done with.
  bool has_sent(JournalSeq seq, const Cycle& cycle) const;
  /// Up to where the journal is on the replica, or set aside.
  JournalSeq sent() const;
  size_t pending() const { return pending_.size() + differing_.size(); }
  /// What is under way, and its place in the journal; 0: it is not from there.
  std::vector<std::pair<Entity, JournalSeq>> under_way() const;
  /// How far the journal was read.
  JournalSeq cursor() const { return cursor_; }
  const std::map<Entity, Aside>& aside() const { return aside_; }
  /// Of what is set aside; nothing: there is none.
  std::optional<int64_t> next_due_ms() const;
  std::string name_of(const Entity& entity) const;

 private:
  /// A user of the whole whose mailboxes are under way.
  struct WholeUser {
    std::string userid;
    size_t open = 0;
  };
  struct Whole {
    std::string done;                 // all users up to it are over
    std::string read;                 // the last that was taken
    bool is_read = false;             // there is no user behind it
    std::list<WholeUser> users = {};  // under way, in order
  };
  struct Pending {
    uint64_t ticket = 0;
    JournalSeq seq;  // 0: not from the journal
    Cycle::Trust trust = Cycle::Trust::kRemembered;
    std::optional<std::list<WholeUser>::iterator> of_whole = {};
    uint64_t ticket_again = 0;  // 0: not wanted again
    JournalSeq seq_again = {};
    Cycle::Trust trust_again = Cycle::Trust::kRemembered;
  };

  uint64_t want(const Entity& entity, Cycle::Trust trust, JournalSeq seq);
  void want_due_asides();
  Result<void> read_journal();
  Result<bool> is_left_to_whole(const Entity& entity) const;
  Result<void> read_whole();
  Result<void> want_user_of_whole(const std::string& userid);
  void close_whole_users();
  void read_differing();
  void forget_seq(JournalSeq seq);
  void set_aside(const Entity& entity, const Error& why);
  bool is_survey_due() const;
  void remember();

  const MailStore& store_;
  ReplicaMemory& memory_;
  Clock& clock_;

  std::map<Entity, Pending> pending_;
  std::multiset<JournalSeq> seqs_;  // of pending_, those that are not 0
  size_t unjournaled_ = 0;          // of pending_, those without
  std::deque<Entity> queued_;       // of pending_, not in the cycle yet
  uint64_t tickets_ = 0;
  JournalSeq cursor_;
  std::optional<Whole> whole_;
  JournalSeq whole_start_;  // what came behind it is in the journal
  std::deque<std::string> differing_;
  std::map<Entity, Aside> aside_;
  bool is_aside_written_ = true;
  // In this batch.
  std::vector<std::pair<Entity, Error>> failed_;
  bool is_taking_ = false;  // the replica has taken something

  // On this connection: memory can be trusted, and the replica as a whole was looked at.
  bool is_trusted_ = false;
  bool is_surveyed_ = false;
  bool is_empty_ = false;
};

}  // namespace gemel::sync
