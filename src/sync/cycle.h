// The sending end's engine: takes mailboxes and users and brings them up to date on the replica, in
// as few batches as it can. Usually that is one: the updates, from what is remembered of the
// replica. Where that can't be trusted, it asks first.
//
// Work may be added before each batch, so that what is new does not wait for what is large; see
// sync/send_queue.h for the order, sync/batch_budget.h for how much goes at once.
//
// Owns     the work under way on one connection; not what is remembered of the replica. Memory:
//          some 100 bytes for each entity, and a view of at most kComparisonsMax mailboxes.
// Threads  one at a time. Reads the store.
// Source   doc/replication-protocol.md, "What the sender sends".
#pragma once

#include <array>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/mail_store.h"
#include "sync/answers.h"
#include "sync/batch_budget.h"
#include "sync/codec.h"
#include "sync/compare.h"
#include "sync/entity.h"
#include "sync/expunge_order.h"
#include "sync/replica_memory.h"
#include "sync/replica_routes.h"
#include "sync/reunion.h"
#include "sync/send_queue.h"

namespace gemel::sync {

/// Commands of one batch.
inline constexpr size_t kBatchCommandsMax = 20'000;
/// How often one entity is tried anew after the replica said what was wrong; then it is given up.
inline constexpr int kTriesMax = 6;
/// Large mailboxes whose views are kept from one of their turns to the next.
inline constexpr size_t kComparisonsMax = 4;

/// More users than this that a survey finds to differ, and all are to be looked at.
inline constexpr size_t kDifferingMax = 10'000;

/// A stretch of a command, and the body that follows it.
struct OutgoingPiece {
  std::string text;
  std::optional<Body> body;
};

/// What a cycle tells of as it goes.
class CycleEvents {
 public:
  virtual ~CycleEvents() = default;
  /// The replica has `entity` as it was when its turn came, or later; or why it can't have it. It
  /// is no longer in the cycle.
  virtual void over(const Entity& entity, Result<void> result) = 0;
  /// Something of `entity` is about to be sent (in a dry run: would be); for people.
  virtual void sending(const Entity& entity, const std::string& action) = 0;
  /// The replica has the entity up to this modseq: on its way to the disk, or on the disk.
  enum class Held : uint8_t { kReceived, kDurable };
  virtual void reached(const Entity& entity, ModSeq modseq, Held held) = 0;
  /// A survey found that the replica has something else of this user.
  virtual void differs(const std::string& userid) = 0;
  /// The replica is in this later term.
  virtual void stale(const Term& term) = 0;
  /// A mailbox or user that only the replica has.
  virtual void stranger(const std::string& name) = 0;
  /// Somebody waits for the batch under way to end: for its answers, or for what comes next.
  virtual bool is_waited_for() const = 0;
};

class Cycle {
 public:
  enum class Effect : uint8_t { kSend, kDryRun };
  struct Options {
    Effect effect = Effect::kSend;
    ChunkLimits chunks = {};
    Clock* clock = &system_clock();
  };
  /// `context` is the connection's. All that is named must outlive the cycle.
  Cycle(MailStore& store, ReplicaMemory& memory, CodecContext& context, CycleEvents& events,
        Options options);

  /// kAskFirst: what is remembered can't be trusted. Between batches; an entity that is in the
  /// cycle already stays as it is. Errors: kIo.
  enum class Trust : uint8_t { kRemembered, kAskFirst };
  Result<void> add(const Entity& entity, Trust trust);
  /// See ExpungeOrder.
  void may_say_after() { order_.may_say_after(); }
  /// The replica answers READERS.
  void may_ask_readers() { asks_readers_ = true; }
  /// Asks for all users in short; see CycleEvents::differs.
  void add_survey() { survey_ = Survey(); }
  bool is_surveying() const { return survey_ || wants_lost_ || !to_restore_.empty(); }
  /// The replica says that it has lost bodies: it is asked which, now and then.
  void note_lost();
  bool contains(const Entity& entity) const { return items_.contains(entity); }
  size_t size() const { return items_.size(); }
  /// Of those, the ones that are to be sent and of which not all has been said. Cost: O(size()).
  size_t unsaid() const;

  /// The next command of this batch, without its line end. Nothing: the batch is complete; if it
  /// had commands, say SYNC, give the answers to on_answer() and call batch_over(); otherwise there
  /// is nothing to do until add(). Errors: kIo and kCorrupt of the store; the connection must end
  /// if a command was begun.
  Result<std::optional<std::vector<OutgoingPiece>>> next_command();
  /// Answers in order, without that of SYNC. Errors: kSyntax, not an answer to what was said.
  Result<void> on_answer(const Answer& answer);
  /// A body that the replica sends: where its bytes go, before its answer. Errors: those of
  /// MailStore::stage; kSyntax, none was asked for.
  Result<BodyWriter> begin_body();
  void take_body(StagedBody body) { staged_.emplace(std::move(body)); }
  /// The replica has all of the batch in memory.
  void on_received();
  /// Errors: kIo of the store.
  Result<void> batch_over(int64_t elapsed_ms);
  /// Something short was said apart from batches, and answered after so long.
  void learn_way(int64_t elapsed_ms) { budget_.learn_way(elapsed_ms); }

 private:
  using Command = std::vector<OutgoingPiece>;
  /// Where one entity stands.
  struct Item {
    enum class Stage : uint8_t { kAsk, kReserve, kUnite, kSend } stage = Stage::kSend;
    int tries = 0;
    size_t under_way = 0;  // commands said and not answered
    bool is_said = false;  // all that there was to say
    bool is_asked = false;
    bool is_renamed = false;     // apart from all else that it needs
    bool waits_no_more = false;  // those that it waited for waited for it
  };
  /// What an answer will be about.
  struct Expected {
    std::string command;
    Work about = {};                           // asked for, or renamed, or the one updated
    std::optional<ReplicaMailbox> after = {};  // of an UPDATE
    std::optional<uint64_t> check = {};        // that OK UPDATE must give
    ReplicaUser user_after = {};               // of a USERDATA
    enum class Copies : uint8_t { kNone, kSome } copies = Copies::kNone;
  };
  /// Of all users: the replica's come in pages, ours in blocks, both by userid.
  struct Survey {
    std::string after = {};          // the last userid of the replica's
    size_t rows = 0;                 // in this page
    std::deque<UserInfo> ours = {};  // not yet met
    std::string last_read = {};      // of ours
    bool is_at_end = false;          // no more of ours to be read
  };
  /// What becomes of an entity whose command was refused.
  struct Verdict {
    Error error;
    enum class Then : uint8_t { kRetry, kGiveUp } then = Then::kRetry;
  };
  /// What the replica is told of a merge.
  struct Mend {
    MailboxUpdate update;
    ReplicaMailbox after;
    std::set<Guid> held;  // bodies that the replica has
  };

  // cycle.cc
  Result<std::optional<Command>> next_job();
  Result<std::optional<Command>> quick_job();
  Result<std::optional<Command>> message_job();
  std::optional<Command> send(std::string text, Expected expected);
  Result<void> hold(const UniqueId& id, const UniqueId& waits_for);
  void give_up_for(const UniqueId& id, const UniqueId& waits_for);
  Result<void> resume(const UniqueId& id);
  Result<bool> resume_held();
  Result<void> release_held();
  Result<void> enqueue(const Entity& entity);
  bool ask_first(const Entity& entity);
  bool rename_first(const MailboxInfo& info, const ReplicaMailbox& there);
  Result<void> enqueue_mailbox(const MailboxInfo& info);
  bool has_room() const;
  void count_command();
  Result<void> settle_items();
  Result<void> settle(const Entity& entity);
  void finish(const Entity& entity, Result<void> result);
  void retry(const Entity& entity, Error why);
  void give_up(const Entity& entity, Error why);

  // cycle_questions.cc
  Result<void> plan_questions();
  void ask_survey();
  Result<void> ask_states();
  Result<void> ask_bodies();
  Result<std::set<Guid>> wanted_of(const MailboxView& view);
  Result<const UserInfo*> next_of_ours();
  Result<void> survey_row(const UserState& row);
  Result<void> survey_page_over();

  // cycle_commands.cc
  ReplicaUser after(const UserUpdate& update);
  Result<std::optional<Command>> user_command(const std::string& userid);
  std::vector<UniqueId> with_holders(std::vector<UniqueId> ids);
  Result<std::optional<Command>> rename_command(const std::vector<UniqueId>& ids);
  Result<std::optional<Command>> mailbox_command(const UniqueId& id);
  Result<Comparison*> comparison_of(const UniqueId& id);
  Result<std::optional<Command>> chunk_command(const UniqueId& id, Comparison& comparison);
  Result<Command> send_chunk(const Comparison& comparison, const Chunk& chunk, Expected expected);
  void keep_or_drop(const UniqueId& id);
  void drop_comparison(const UniqueId& id);

  // cycle_reunions.cc
  bool may_unite() const;
  void would_unite(const Entity& entity, const std::string& action);
  Result<void> tell_differing(const UniqueId& id, const MailboxReunion& reunion);
  bool is_apart(const Entity& entity) const;
  std::optional<MailboxInfo> ours(const UniqueId& id) const;
  std::optional<UserInfo> ours(const std::string& userid) const;
  void look(const MailboxState& row);
  void look(const UserState& row);
  void go_on(const Entity& entity);
  void ask_for_reunions();
  MailboxReunion* reunion_of(const UniqueId& id);
  UserReunion* reunion_of(const std::string& userid);
  Result<void> on_reunion_row(const Answer& answer);
  Result<void> on_row_of(const UniqueId& id, const Answer& answer);
  Result<void> on_row_of(const std::string& userid, const Answer& answer);
  void told_changes(const UniqueId& id, Uid next);
  void told_changes(const std::string& userid);
  void told_readers(const UniqueId& id);
  Result<void> on_body(const BodyRow& row);
  Result<void> unite();
  Result<void> unite_mailboxes();
  Result<void> unite_named();
  std::vector<UniqueId> ring_of_names() const;
  Result<void> exchange_names(const std::vector<UniqueId>& ring);
  bool is_left(const UniqueId& id) const;
  Result<bool> is_told(const UniqueId& id);
  Result<bool> has_all(const UniqueId& id);
  Result<void> unite(const UniqueId& id);
  Result<Twin> twin_of(const MailboxInfo& info);
  bool asks_for_twin(const UniqueId& id);
  TwinOf twins() {
    return [this](const MailboxInfo& info) { return twin_of(info); };
  }
  bool waits_for_owner(const std::string& userid);
  bool waits_for_readers(const MailboxReunion& reunion);
  enum class SeenIn : uint8_t { kUnited, kWaiting, kUndecided };
  SeenIn seen_in(const std::string& userid);
  bool may_free_what_is_held(const MailboxState& row, const MailboxInfo& info) const;
  static std::array<std::string, 2> holders_of(const std::string& owner);
  void begin_reunion(MailboxReunion reunion, const std::optional<MailboxInfo>& info);
  void forget_holders();
  void ask_for_holders();
  enum class Holds : uint8_t { kUntold, kNone, kSome };
  Holds holds_there(const std::string& owner) const;
  Result<void> unite_user(const std::string& userid);
  Result<std::optional<Command>> mend_command();
  Result<bool> may_mend(Mend& mend);
  Result<std::optional<Command>> send_mend(const Mend& mend);

  // cycle_restores.cc
  Result<void> ask_for_lost();
  Result<std::optional<Command>> restore_command();
  Result<void> on_restore_row(const Answer& answer);
  Result<Body> body_of(const LostRow& row) const;

  // cycle_answers.cc
  void on_row(const MailboxState& row);
  Result<void> on_row(const UserState& row);
  Result<void> on_ending(const Ending& ending);
  Result<void> accepted(const Expected& expected, const Ending& ending);
  void updated(const Expected& expected, const Ending& ending);
  void renamed(const Expected& expected);
  void refused(const Expected& expected, const Ending& ending);
  void refused(const Entity& entity, const Expected& expected, const Ending& ending);
  void answered(const Work& about);

  MailStore& store_;
  ReplicaMemory& memory_;
  CodecContext& context_;
  CycleEvents& events_;
  Options options_;
  ReplicaRoutes routes_;

  std::map<Entity, Item> items_;
  std::deque<Entity> to_ask_;      // items in kAsk that no question names yet
  std::deque<Entity> to_reserve_;  // items in kReserve
  std::optional<Survey> survey_;
  SendQueue queue_;
  struct Open {
    UniqueId id;
    Comparison comparison;
  };
  std::list<Open> open_;  // used last in front
  ExpungeOrder order_;
  std::map<UniqueId, UniqueId> held_;  // in kSend and not due: wait for the other one
  enum class Progress : uint8_t { kNone, kSome } since_held_ = Progress::kNone;

  // Who has, on the replica, the name that the first is to have.
  std::map<UniqueId, UniqueId> name_holders_;

  bool asks_readers_ = false;
  // What both sides have changed; an entity in kUnite has one.
  std::map<UniqueId, MailboxReunion> mailbox_reunions_;
  bool is_reunion_over_ = false;  // of one that others may have waited for
  std::map<std::string, UserReunion> user_reunions_;
  // Of those, some that are to have the name of another one, which gives it up.
  std::map<UniqueId, UniqueId> wait_for_name_;
  // Until there is no reunion any more: asked for, whether they still have a name on the replica
  // that others have there; and those that were merged here.
  std::set<UniqueId> twins_asked_;
  std::set<UniqueId> united_;
  // Mailboxes that could not be united, by user: whether that one lives can't be said.
  std::map<std::string, std::set<UniqueId>> undecided_;
  // Of those, other states than they were asked for.
  std::map<UniqueId, MailboxState> moved_;
  std::map<std::string, UserState> users_moved_;
  std::map<UniqueId, Mend> mends_;
  std::deque<UniqueId> mends_due_;  // of those; the others are in held_
  std::deque<UserUpdate> user_mends_;
  std::set<std::string> owners_asked_;  // of mailboxes that only the replica has
  // Users whose holds on the replica may matter: asked for; told, or not there.
  std::set<std::string> holders_asked_;
  std::set<std::string> holders_known_;
  std::vector<std::string> holders_to_ask_;
  std::optional<StagedBody> staged_;  // has come, its answer not yet

  // Bodies that one of the two has lost.
  bool wants_lost_ = false;
  int64_t next_lost_ms_ = 0;
  std::deque<LostRow> to_restore_;           // on the replica
  std::map<Guid, std::string> wanted_back_;  // here, with the partition; asked for in this batch
  std::set<Guid> not_there_;                 // were asked for already

  // Of the batch under way.
  BatchBudget budget_;
  bool is_planned_ = false;
  size_t batch_commands_ = 0;
  int64_t batch_began_ms_ = 0;  // its first command
  uint64_t batch_bytes_ = 0;
  enum class LargeTurn : uint8_t { kDue, kHad } large_turn_ = LargeTurn::kDue;
  std::deque<std::pair<std::string, Expected>> questions_;
  std::vector<Entity> asked_;     // go on when the batch is over
  std::vector<Entity> reserved_;  // the same
  std::deque<Expected> expected_;
  std::set<Entity> rows_;  // seen since the last ending
  std::map<Entity, Verdict> verdicts_;
  Work touched_;  // to be looked at by settle_items()

  size_t guids_reserved_ = 0;  // on this connection
  enum class ReplicaHas : uint8_t { kNothing, kMail } replica_has_ = ReplicaHas::kNothing;
};

}  // namespace gemel::sync
