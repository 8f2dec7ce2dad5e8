// One cycle of a channel: takes some mailboxes and users, and brings them up to date on the replica
// in as few batches as it can. Usually that is one: the updates, from what is remembered of the
// replica. Where that can't be trusted, it asks first.
//
// Order of one batch, so that names never clash: users that live, deleted mailboxes (their names
// are free then), one RENAME for all that have other names or partitions, the rest, those that got
// messages last (their messages may be copies of others), users that are gone.
//
// Owns     the plan; not the connection, nor what is remembered of the replica.
// Threads  one at a time. Reads the store.
// Source   doc/replication-protocol.md, "What the sender sends".
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "store/mail_store.h"
#include "sync/answers.h"
#include "sync/codec.h"
#include "sync/compare.h"
#include "sync/replica_memory.h"
#include "sync/replica_routes.h"

namespace gemel::sync {

/// A mailbox or a user's data.
using Entity = std::variant<UniqueId, std::string>;
using Work = std::set<Entity>;
/// For keeping: "m" and 16 bytes, or "u" and the userid.
std::string key_of(const Entity& entity);
std::optional<Entity> entity_of(std::string_view key);

/// A batch ends at one of these, if its work does not end before.
inline constexpr uint64_t kBatchBodyBytesMax = 256 << 20;
inline constexpr size_t kBatchCommandsMax = 20'000;
/// How often a cycle tries one entity anew, after the replica said what was wrong.
inline constexpr int kTriesMax = 6;
/// What a report lists; more are counted.
inline constexpr size_t kActionsMax = 10'000;

/// A stretch of a command, and the body that follows it.
struct OutgoingPiece {
  std::string text;
  std::optional<Body> body;
};

class Cycle {
 public:
  /// kAskFirst: for the state of all in the work; kSurveyFirst: for all users in short, to add
  /// those to the work that differ.
  enum class Trust : uint8_t { kRemembered, kAskFirst, kSurveyFirst };
  enum class Effect : uint8_t { kSend, kDryRun };
  struct Options {
    Work work;
    Trust trust = Trust::kRemembered;
    Effect effect = Effect::kSend;
    ChunkLimits chunks = {};
  };
  /// `context` is the connection's.
  Cycle(const MailStore& store, ReplicaMemory& memory, CodecContext& context, Options options);

  /// The next command of this batch, without its line end. Nothing: the batch is complete; if it
  /// had commands, say SYNC, give the answers to on_answer() and call batch_over(); otherwise the
  /// cycle is done. Errors: kIo and kCorrupt of the store; the connection must end if a command was
  /// begun.
  Result<std::optional<std::vector<OutgoingPiece>>> next_command();
  /// Answers in order, without that of SYNC. Errors: kSyntax, not an answer to what was said.
  Result<void> on_answer(const Answer& answer);
  /// Errors: kIo, what is remembered of the replica can't be written.
  Result<void> batch_over();

  /// What could not be brought over, and why.
  const std::map<Entity, std::string>& failures() const { return failures_; }
  /// For people, in the order of sending.
  const std::vector<std::string>& actions() const { return actions_; }
  /// Mailboxes and users that only the replica has.
  const std::set<std::string>& strangers() const { return strangers_; }

 private:
  enum class Phase : uint8_t { kSurvey, kAsk, kReserve, kUpdate, kDone };
  struct RenameAll {
    std::vector<UniqueId> ids;
  };
  using Job = std::variant<UniqueId, std::string, RenameAll>;

  // What an answer will be about.
  struct Expected {
    std::string command;
    Work about = {};                           // asked for, or renamed, or the one updated
    std::optional<ReplicaMailbox> after = {};  // of an UPDATE
    std::optional<uint64_t> check = {};        // that OK UPDATE must give
    ModSeq user_modseq = {};                   // of a USERDATA
    enum class Copies : uint8_t { kNone, kSome } copies = Copies::kNone;
  };
  using Command = std::vector<OutgoingPiece>;

  Result<void> plan_survey();
  void plan_ask();
  Result<void> plan_reserve();
  Result<void> plan_updates(const Work& work);
  void sort_mailbox(const MailboxInfo& info, struct Order& order);
  Result<std::optional<Command>> next_job();
  Result<std::optional<Command>> user_command(const std::string& userid);
  Result<std::optional<Command>> rename_command(const RenameAll& renames);
  Result<void> start_mailbox(const UniqueId& id);
  Result<std::optional<Command>> chunk_command();
  Result<std::optional<Command>> send_chunk(const Chunk& chunk, Expected expected);
  std::optional<Command> send(std::string text, Expected expected);
  bool next_phase();

  void on_row(const MailboxState& row);
  void on_row(const UserState& row);
  Result<void> on_ending(const Ending& ending);
  void accepted(const Expected& expected, const Ending& ending);
  void refused(const Expected& expected, const Ending& ending);
  void answered(const Expected& expected);
  void retry(const Entity& entity, std::string_view why);
  void give_up(const Entity& entity, std::string_view why);
  void note(std::string action);

  const MailStore& store_;
  ReplicaMemory& memory_;
  CodecContext& context_;
  Options options_;
  ReplicaRoutes routes_;

  Phase phase_ = Phase::kSurvey;
  std::deque<Job> jobs_;
  std::deque<std::pair<std::string, Expected>> questions_;  // of kAsk and kReserve
  std::optional<Comparison> comparison_;
  std::deque<Expected> expected_;
  size_t batch_commands_ = 0;
  uint64_t batch_bytes_ = 0;

  std::set<Entity> rows_;    // seen since the last ending, or while asking
  std::set<Entity> failed_;  // in this batch
  Work retry_;
  std::map<Entity, int> tries_;
  std::map<Entity, std::string> failures_;
  std::vector<std::string> actions_;
  std::set<std::string> strangers_;
  std::map<std::string, Digest> surveyed_;
  enum class ReplicaHas : uint8_t { kNothing, kMail } replica_has_ = ReplicaHas::kNothing;
};

}  // namespace gemel::sync
