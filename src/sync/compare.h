// Says what it takes to bring a replica's mailbox or user up to date: from what the replica is
// known to have and what the store has now, the updates in between.
//
// A difference too big for one update comes in chunks. Each leaves the mailbox in a state that lies
// to no reader: its highestmodseq B claims exactly what is there. A chunk brings all messages that
// came up to B, in uid order, and all changes up to B of messages that were there. A message that
// came before B and changed after it comes as if it had not changed, and its change in a later
// chunk.
//
// Owns     a view of the mailbox, which pins what it shows; so let go of it soon.
// Threads  one at a time. Reads the store, and so may wait for the disk.
// Source   doc/replication-protocol.md, "What the sender sends".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mail/change_set.h"
#include "store/mail_store.h"
#include "sync/values.h"

namespace gemel::sync {

/// What the replica is known to have of a mailbox.
struct ReplicaMailbox {
  MailboxName name;
  std::string partition;
  UidValidity uidvalidity;
  Uid last_uid;
  ModSeq highestmodseq;
  Term term;  // that wrote it; none: the same as ours, however it came there
  ModSeq purged_modseq;
  Digest digest;  // none: not known, or of a part of our changes
  bool is_deleted = false;
  uint64_t header = 0;  // header_hash() of what it was told last, 0: not known
  /// Surely what we had at highestmodseq. If not, a message that has changed since may lack what
  /// changed before.
  bool is_whole() const { return header != 0 && digest != Digest(); }
  bool operator==(const ReplicaMailbox&) const = default;
};
/// The same of a user's data; modseq 0: no such user.
struct ReplicaUser {
  ModSeq modseq;
  Term term;
  bool operator==(const ReplicaUser&) const = default;
};
/// Whether our history has passed through this state.
bool is_earlier(const UserInfo& info, const ReplicaUser& replica);
/// As a row of the replica says it.
ReplicaMailbox known_from(const MailboxState& state);
/// As it is once it is in step with `info`.
ReplicaMailbox known_from(const MailboxInfo& info);

/// Of all that a header says but the name and partition; never 0.
uint64_t header_hash(const MailboxInfo& info);

/// Both live, and the name or the partition is another: RENAME says so.
bool is_renamed(const MailboxInfo& info, const ReplicaMailbox& replica);

enum class Relation : uint8_t {
  kInStep,
  kBehind,    // an earlier state of this mailbox: updates lead on from there
  kDiffers,   // the same numbers, other content
  kConflict,  // it is ahead of us, or another mailbox under this id
};
/// Cost: O(1).
Relation relation(const MailboxInfo& info, const ReplicaMailbox& replica);

/// Whether the replica has what we have under `uid`, or had: it is in an earlier state of ours, or
/// in this one, that knows the uid. In another history the uid may be of another message. Cost:
/// O(1).
bool knows_uid(const MailboxInfo& info, const ReplicaMailbox& replica, Uid uid);

/// What is to be sent of new messages, about; in no case is it far below.
struct Remainder {
  uint64_t messages = 0;
  uint64_t bytes = 0;
};
/// `replica` none: it has no such mailbox. Cost: O(1).
Remainder remainder(const MailboxInfo& info, const std::optional<ReplicaMailbox>& replica);

/// How a message that the replica lacks gets there.
struct Route {
  enum class Kind : uint8_t {
    kInline,  // with its body
    kByGuid,  // the replica has the body
    kCopy,    // the replica has a message with this body and internaldate
  };
  Kind kind = Kind::kInline;
  UniqueId source = {};
  Uid source_uid = {};
  enum class Flags : uint8_t { kSaid, kAsSource } flags = Flags::kSaid;
};
class Routes {
 public:
  virtual ~Routes() = default;
  /// Asked once for each message that comes new, in order. Errors: those of reading the store.
  virtual Result<Route> route(const MailboxView& target, const RecordRow& message) = 0;
};

/// Whether what was expunged in a mailbox may be told of: not before the replica has the same
/// message wherever else it is now, or it could be nowhere there for a while.
class ExpungeGate {
 public:
  virtual ~ExpungeGate() = default;
  /// Errors: those of reading the store.
  virtual Result<bool> may_expunge(const Guid& guid) = 0;
  /// The same of messages of which no trace is left: which they were can't be said any more.
  virtual Result<bool> may_vanish() = 0;
};
/// For who does not wait.
class OpenGate final : public ExpungeGate {
 public:
  Result<bool> may_expunge(const Guid&) override { return true; }
  Result<bool> may_vanish() override { return true; }
};

/// One update ends where one of these is reached, though never inside a transaction.
struct ChunkLimits {
  uint64_t body_bytes = 4 << 20;
  size_t messages = 5000;
};

struct Chunk {
  MailboxUpdate update;
  UidSet inline_uids;  // the AppendItems whose bodies go along
  uint64_t inline_bytes = 0;
};

class Comparison {
 public:
  /// `replica` none: it has no such mailbox. Otherwise the mailbox must be kInStep or kBehind
  /// there.
  static Result<Comparison> start(MailboxView view, std::optional<ReplicaMailbox> replica);

  bool done() const { return done_; }
  /// Call while not done(). Nothing: what comes next has to wait, as `gate` says. Cost: O(messages
  /// in it), one read of the store each; the first time for a deleted mailbox, of all its messages.
  Result<std::optional<Chunk>> next(Routes& routes, const ChunkLimits& limits, ExpungeGate& gate);
  /// What the replica has after the chunks so far. The digest is right after the last one only.
  ReplicaMailbox after() const;
  const MailboxView& view() const { return view_; }

 private:
  struct Draft;

  Comparison(MailboxView view, std::optional<ReplicaMailbox> replica);
  Result<void> load();
  Result<const RecordFacts*> fresh_facts(size_t index);
  Result<bool> may_begin(ExpungeGate& gate) const;
  Result<bool> may_expunge(const UidSet& uids, ExpungeGate& gate) const;
  std::vector<RecordState> take_changes(ModSeq modseq);
  void put_back(const RecordState& change);
  Result<uint64_t> gather_fresh(ModSeq created, ExpungeGate& gate, Draft& draft);
  Result<Draft> gather(const ChunkLimits& limits, ExpungeGate& gate);
  Result<void> put_changes(const Draft& draft, Chunk& chunk) const;
  Result<void> put_fresh(const Draft& draft, Routes& routes, Chunk& chunk);
  Result<RecordRow> fresh_row(size_t index, ModSeq boundary);
  void put_header(const Draft& draft, Chunk& chunk);

  MailboxView view_;
  std::optional<ReplicaMailbox> replica_;
  bool done_ = false;
  ModSeq at_;     // where the chunks so far lead
  Uid last_uid_;  // the same
  enum class SaidLineage : uint8_t { kWhole, kInPart } lineage_ = SaidLineage::kWhole;
  std::optional<Flags> touched_;      // bits that may differ on messages that the replica has
  std::vector<RecordState> changes_;  // of messages that are there, a heap by modseq
  std::vector<RecordState> fresh_;    // messages that are not, by uid
  size_t next_fresh_ = 0;
  std::vector<RecordFacts> facts_;  // of fresh_ from facts_from_ on, some
  size_t facts_from_ = 0;
  UidSet vanished_;  // may be there, and are here no longer, not even as tombstones
};

/// The user's data; nothing when `known` is the state already. `known` 0: the replica has no such
/// user. Errors: kNotFound; kBusy, it changes faster than it can be read.
Result<std::optional<UserUpdate>> compare_user(const MailStore& store, std::string_view userid,
                                               const ReplicaUser& known);

}  // namespace gemel::sync
