// The store: the only writer of mail, the only maker of uids and modseqs, the only publisher of
// changes.
//
// Owns     every durable byte under its directories.
// Threads  any, for every call. Writing calls wait for the disk; several at once share one fsync.
// Writing  one committer takes the waiting transactions in turn, prepares each on top of those
// before
//          it, writes them as one batch with one fsync, then answers them all. So a transaction is
//          atomic over any number of mailboxes and users, needs no locks, and sees all earlier
//          ones. A transaction that fails writes nothing, and leaves the others of its batch alone.
// Errors   of every writing call, besides its own: kReadOnly, this server is a replica (apply_*
// work);
//          kNoSpace, the disk is nearly full; kIo, the disk failed: the store takes no writes until
//          it is opened anew, for what a failed fsync left on disk is unknown.
// Source   doc/storage-format.md; RFC 9051 §2.3.1.1 (uid, uidvalidity), RFC 7162 §3.1 (modseq).
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "mail/change_set.h"
#include "mail/line_scan.h"
#include "mail/quota.h"
#include "mail/record.h"
#include "mail/summary.h"
#include "store/engine.h"
#include "store/user_memory.h"

namespace gemel {

class MailboxSets;
struct Page;

enum class Role : uint8_t { kPrimary, kReplica };

/// A body on its way in: hashed, counted and, where large, on disk, but in no mailbox yet. Copies
/// share it; when the last one goes and no transaction took it, its bytes are dropped.
class StagedBody {
 public:
  Guid guid() const;
  uint64_t size() const;
  const LineScan& lines() const;
  /// See RecordFacts.
  uint64_t crlf_growth() const;
  /// `count` bytes from `offset`, fewer at the end. Only before a transaction takes it. Errors:
  /// kIo, kCorrupt.
  Result<std::string> read(uint64_t offset, uint64_t count) const;

 private:
  friend class MailStore;
  friend class BodyWriter;
  friend class CommitBodies;
  friend class Committer;
  struct State;
  std::shared_ptr<State> state_;
};

/// Takes a body in pieces. Memory: at most kBodyChunkBytes, however large the body. One thread.
class BodyWriter {
 public:
  ~BodyWriter();
  BodyWriter(BodyWriter&&) noexcept;
  BodyWriter& operator=(BodyWriter&&) noexcept;
  /// Errors: kTooBig, above Options::message_bytes_max; kNoSpace, kIo. After one, only destroy it.
  Result<void> append(std::string_view bytes);
  Result<StagedBody> finish();

 private:
  friend class MailStore;
  struct State;
  explicit BodyWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A stored body. Reading part of a large one reads only the chunks that hold it. Any thread.
class Body {
 public:
  uint64_t size() const { return size_; }
  /// `count` bytes from `offset`, fewer at the end. Errors: kCorrupt, kIo; then it is noted as
  /// lost.
  Result<std::string> read(uint64_t offset, uint64_t count) const;
  /// All of it. Memory: its size.
  Result<std::string> read_all() const { return read(0, size_); }
  /// Is all of it read already, so that it stays whatever becomes of the stored one?
  bool is_in_memory() const { return chunk_prefix_.empty(); }

 private:
  friend class MailStore;
  friend class MailboxView;
  Body() = default;
  std::shared_ptr<Engine> engine_;
  std::shared_ptr<const EngineSnapshot> snapshot_;  // null: the newest
  std::function<void()> lost_;                      // notes that it is lost
  std::string inline_bytes_;                        // small bodies
  std::string chunk_prefix_;                        // large bodies
  uint64_t size_ = 0;
};
inline constexpr size_t kBodyChunkBytes = 1 << 20;

/// A record that holds a body.
struct BodyHolder {
  UniqueId mailbox;
  Uid uid;
  bool operator==(const BodyHolder&) const = default;
};

/// Flag bits that flipped on each message from `first` to `last`.
struct FlagFlips {
  Uid first;
  Uid last;
  Flags bits;
  bool operator==(const FlagFlips&) const = default;
};
inline constexpr uint64_t kFlagHistoryModSeqs = 4096;

/// One mailbox at one moment: everything it answers belongs to the same highestmodseq. Pins what it
/// shows, so keep it only for one command. Any thread.
///
/// Where it was made for a user with a seen set of his own (MailStore::view, `seen_by`), \Seen of
/// all that it answers is that user's; the counters of info() are always those of the records.
///
/// One made by MailStore::view_expunged shows the expunged messages that are kept as if they were
/// the live ones, and nothing else.
class MailboxView {
 public:
  const MailboxInfo& info() const { return info_; }
  bool shows_expunged() const { return shows_ == Shows::kExpunged; }

  /// Live messages without \Seen. Cost: O(1), or as uids() with a seen set.
  Result<uint32_t> unseen() const;
  /// The seen set, expunged UIDs too; empty without one.
  UidSet seen_set() const { return seen_.value_or(UidSet()); }

  /// UIDs of live messages. Cost: O(ranges and changes since) where somebody looked lately, else
  /// O(messages / 256).
  Result<UidSet> uids() const;
  /// The lowest UID of a live message; none if there is no message. Cost: O(pages before it).
  Result<Uid> first_uid() const;
  /// Live messages that have the flag bit. Cost: O(messages / 256); of \Seen as uids().
  Result<UidSet> uids_with(size_t flag_bit) const;
  /// The states of the messages of `uids` that exist, ascending; expunged ones that are kept only
  /// if asked for. Cost: O(pages of 256 UIDs touched).
  enum class Include : uint8_t { kLive, kExpungedToo };
  Result<std::vector<RecordState>> states(const UidSet& uids,
                                          Include include = Include::kLive) const;
  /// Errors: kNotFound, there is no record with this uid (expunged ones that are kept are found).
  Result<Record> record(Uid uid) const;
  /// Facts for many, in the order of `uids`; none is missing, or kNotFound.
  Result<std::vector<RecordFacts>> facts(const UidSet& uids) const;
  /// Those of all records, expunged ones that are kept too, ascending. Cost: O(records), no memory.
  Result<void> all_facts(const std::function<void(Uid, const RecordFacts&)>& visit) const;

  /// Records with modseq > `since`, live and expunged, ascending by uid; ModSeq{0} gives all.
  /// Cost: O(changes), in units of pages of 256 UIDs. Errors: kGone, `since` is below
  /// purged_modseq, so that some expunges can't be told: compare UIDs in full instead.
  Result<std::vector<RecordState>> changes_since(ModSeq since) const;

  /// Which flags of which messages are other than they were at `since`: ranges of uids, ascending,
  /// with the bits that flipped (an even number of times is none). The flags of a message that was
  /// there at `since`, with these flipped back, are those it had; for one that came later it says
  /// nothing of use. Nothing at all where the history does not reach back: it has the last
  /// kFlagHistoryModSeqs, and of an update from another server only the whole. Cost: O(transactions
  /// since that changed flags).
  Result<std::optional<std::vector<FlagFlips>>> flips_since(ModSeq since) const;

  /// Where else a body is: records, expunged ones too, with it in this partition, or in any. At
  /// most `count_max`.
  using Holder = BodyHolder;
  enum class Bodies : uint8_t { kOfPartition, kAnywhere };
  Result<std::vector<Holder>> holders(const Guid& guid, size_t count_max,
                                      Bodies bodies = Bodies::kOfPartition) const;

  /// The sum of the digests of the records of `uids`, expunged ones that are kept too: what two
  /// stores compare to find where they differ. Cost: O(records of `uids`).
  Result<Digest> digest_of(const UidSet& uids) const;

  /// The summary of a body; nothing where none is kept: of one that is large (mail/summary.h, and
  /// more than kBodyChunkBytes), or came before summaries were kept and was not scrubbed since.
  /// Errors: kIo.
  Result<std::optional<Summary>> summary(const Guid& guid) const;
  /// Errors: kNotFound, kCorrupt, kIo; if a record holds it, it is noted as lost then.
  Result<Body> body(const Guid& guid) const;
  /// Whether its bytes are in another partition than the mailbox (see MailStore::archive).
  Result<bool> is_archived(const Guid& guid) const;

 private:
  friend class MailStore;
  MailboxView() = default;
  enum class Shows : uint8_t { kLive, kExpunged };

  /// Of a record that is there.
  bool is_shown(const Page& page, uint32_t slot) const;
  RecordState shown(RecordState state) const;
  /// Of those that it shows, with the flag if one is given.
  Result<UidSet> uids_shown(std::optional<size_t> flag_bit) const;

  MailboxInfo info_;
  Shows shows_ = Shows::kLive;
  std::optional<UidSet> seen_;
  std::shared_ptr<MailboxSets> sets_;
  std::shared_ptr<Engine> index_;
  std::shared_ptr<Engine> bodies_;  // of the mailbox's partition; may be index_
  std::shared_ptr<const EnginesByName> engines_;
  std::function<void(const Guid&)> lost_;
  std::shared_ptr<const EngineSnapshot> snapshot_;
  std::shared_ptr<const EngineSnapshot> bodies_snapshot_;
};

/// A change that is durable: what waits for it may look now. Given by the committer's thread.
struct Published {
  std::variant<UniqueId, std::string> entity;  // a mailbox, or a user's data by userid
  ModSeq highestmodseq;
  JournalSeq journal;
  /// Of a mailbox that was made, has come back, has another name or another ACL: who may see it
  /// from now on and perhaps did not before, its owner and the identifiers of its ACL. Else empty.
  std::vector<std::string> appeared_to = {};
};

/// Ends the subscription when destroyed; after that no call is under way.
class Watch {
 public:
  Watch() = default;
  explicit Watch(std::shared_ptr<void> registration) : registration_(std::move(registration)) {}

 private:
  std::shared_ptr<void> registration_;
};

/// How flags are stored or copied. `seen_by`: as MailStore::Append's.
struct StoreTerms {
  /// A message with a higher modseq is left as it is (Stored::modified). But one up to
  /// `there_up_to`, which was there at `unchanged_since`, may be given a flag or lose one where
  /// only others changed since (RFC 7162 §3.1.12).
  std::optional<ModSeq> unchanged_since = {};
  Uid there_up_to = {};
  std::string seen_by = {};
  FlagScope scope = {};
};
struct CopyTerms {
  std::string source_seen_by = {};
  std::string target_seen_by = {};
  FlagScope scope = {};  // flags out of scope are not copied (RFC 4314 §4)
};

struct ExpungeTerms {
  std::optional<ModSeq> unchanged_since = {};  // messages with a higher modseq are passed over
  /// What a client expunges is only hidden by it, hold or not; a rule hides nothing that is held.
  enum class Holds : uint8_t { kHide, kSpare } holds = Holds::kHide;
};

class MailStore {
 public:
  struct Options {
    std::string path;  // index, journal and the bodies of "default"
    std::map<std::string, std::string> partitions =
        {};                      // further ones: name -> directory, bodies only
    Role role = Role::kPrimary;  // of a new store; later promote() and demote() decide
    uint64_t message_bytes_max = 50 << 20;
    uint64_t user_mailboxes_max = 0;     // of each owner but kSharedOwner; 0: any number
    uint64_t free_bytes_min = 64 << 20;  // below it, kNoSpace; more room and it takes writes again
    bool read_only = false;              // for verify and dump of a stopped store: no write at all
    bool inline_commits = false;         // commit on the caller's thread, for deterministic worlds
    /// Called before an update that mends a mailbox is looked at, with the digest that it starts
    /// from: at a uid there may be another body then. An error refuses the update. On the
    /// committer's thread.
    std::function<Result<void>(const UniqueId&, const Digest&)> before_mend = {};
    Clock* clock = &system_clock();
    Random* random = &system_random();
    EngineOpener* opener = &rocksdb_opener();
  };
  /// Opens, or makes a new store in an empty or missing directory. Errors: kBusy, another process
  /// has it open; kUnsupported, its format version is not ours (both named); kCorrupt; kIo.
  static Result<std::unique_ptr<MailStore>> open(Options options);
  /// Waits for the transactions under way.
  ~MailStore();

  // --- role and term: durable, and never more than one of these calls at work ---
  /// From the moment that demote() is called, kReplica.
  Role role() const;
  /// The term that this store writes in, or follows; Term{} for a new replica, which follows any.
  Term term() const;
  /// The highest term that it knows of; at least term().
  Term heard() const;
  /// Begins a term of its own, above all it has heard of and above `above`; on disk, behind all
  /// transactions before it, when it returns. A primary may begin one too. Cost: O(users and what
  /// they have seen of others). Errors: kNoSpace, kIo.
  Result<Term> promote(Term above = {});
  /// Takes no writes from now on, not even those that wait; those under way are done when it
  /// returns, and it is on disk that this is a replica. `heard` is remembered. Errors: kNoSpace,
  /// kIo: it takes no writes, but would when opened anew.
  Result<void> demote(std::optional<Term> heard = {});
  /// A replica takes over its sender's term. Cost: nothing if it has it. Errors: kReadOnly, on a
  /// primary; kInvalid, `term` is lower than the one it follows.
  Result<void> follow(Term term);
  /// This store's own random number: the origin of the ids it makes.
  uint64_t origin() const;

  // --- bodies ---
  /// `partition`: of the mailbox it will most likely go to; it may go to any. Errors: kNotFound.
  Result<BodyWriter> stage(std::string_view partition);
  /// Those of `guids` that `partition` holds. They are not deleted while the pin lives, even if
  /// their last record goes.
  struct Pinned {
    std::vector<Guid> held;
    std::shared_ptr<void> pin;
  };
  Result<Pinned> reserve(std::string_view partition, std::span<const Guid> guids);

  // --- reading ---
  /// Errors: kNotFound. A deleted mailbox that is kept is found by id, not by name. `seen_by`: the
  /// userid whose seen set \Seen comes from (UserAccess::seen_by); empty: the record's flag.
  Result<MailboxView> view(const UniqueId& id, std::string_view seen_by = {}) const;
  /// What was expunged of a live mailbox and is kept. Of its info, name and id are the mailbox's;
  /// the counters are of what is shown. Its uidvalidity is expunged_uidvalidity(). Errors: as view.
  Result<MailboxView> view_expunged(const UniqueId& id, std::string_view seen_by = {}) const;
  Result<MailboxInfo> find(const MailboxName& name) const;
  Result<MailboxInfo> find(const UniqueId& id) const;
  /// Live mailboxes of a user, by path; deleted ones that are kept too if asked for. Cost:
  /// O(mailboxes).
  enum class Which : uint8_t { kLive, kDeletedToo };
  Result<std::vector<MailboxInfo>> mailboxes(std::string_view owner,
                                             Which which = Which::kLive) const;

  /// Live mailboxes whose ACL has an entry for `identifier` (RFC 4314 §2), whatever it says. Cost:
  /// O(those mailboxes).
  Result<std::vector<UniqueId>> granted_to(std::string_view identifier) const;

  /// Errors: kNotFound; a deleted user is found only with kDeletedToo.
  Result<UserInfo> user(std::string_view userid, Which which = Which::kLive) const;
  Result<std::vector<UserInfo>> users(Which which = Which::kLive) const;
  /// At most `count_max` of those behind `userid`, by userid. Cost: O(users given and passed over).
  Result<std::vector<UserInfo>> users_after(std::string_view userid, size_t count_max,
                                            Which which = Which::kLive) const;
  /// Live items whose key starts with `prefix`, by key.
  Result<std::vector<UserItem>> user_items(std::string_view userid, std::string_view prefix) const;
  Result<std::optional<std::string>> user_item(std::string_view userid, std::string_view key) const;
  /// All resources in the order of QuotaResource, of one moment. Errors: kNotFound.
  Result<std::vector<Quota>> quotas(std::string_view userid) const;
  /// Items with modseq > `since`, tombstones too.
  Result<std::vector<UserItem>> user_changes_since(std::string_view userid, ModSeq since) const;

  /// Of all users and mailboxes: equal on two servers that are in step.
  Digest digest() const;

  // --- writing, as the primary: makes uids and modseqs ---
  struct Committed {
    ModSeq modseq;  // of the transaction in the mailbox or user; the old one if nothing changed
    JournalSeq journal;  // wait for a replica by this
  };

  struct Append {
    UniqueId mailbox;
    StagedBody body;
    FlagNames flags;
    int64_t internaldate_s = 0;
    std::string uidl = {};     // see RecordFacts; is_uidl(), and in no other message of the mailbox
    std::string seen_by = {};  // whose seen set takes \Seen; empty: it is a flag of the record
    std::optional<BodyHolder> replaces = {};  // expunged in the same transaction
  };
  struct Appended {
    UidValidity uidvalidity;
    Uid uid;
    Committed committed;
  };
  /// All or none, to any number of mailboxes; a body is stored once in each partition. Several to
  /// one mailbox share one modseq and get ascending uids in this order. Errors: kNotFound, a
  /// mailbox is gone; kLimit, keywords; kOverQuota; kInvalid, a uidl that is none;
  /// kGone, what it replaces is expunged already.
  Result<std::vector<Appended>> append(std::vector<Append> messages);

  /// One step of a delivery: a message for a mailbox, something to remember, or both; then the
  /// message is left out if that is remembered already.
  struct Filing {
    std::optional<Append> append = {};
    std::optional<Remembrance> once = {};
    /// kIgnored: this transaction may take the mailbox's owner beyond the quota.
    enum class Quota : uint8_t { kChecked, kIgnored } quota = Quota::kChecked;
  };
  using Filed = std::vector<std::optional<Appended>>;
  /// All or none, as append, but keywords without room are left out (RFC 5232 §5). For each filing
  /// what was appended, nothing where nothing was. Errors: as append; kNotFound, a user who shall
  /// remember is gone.
  Result<Filed> deliver(std::vector<Filing> filings);
  /// The same, ready when durable, so that several can be under way and share an fsync.
  std::future<Result<Filed>> begin_delivery(std::vector<Filing> filings);

  /// What deliveries to the user remember goes where it has lapsed, and duplicates also where the
  /// slot had no new one for `age_s`; returns how many. Cost: O(the user's slots). Errors:
  /// kNotFound.
  Result<uint64_t> forget_remembered(std::string_view userid, int64_t age_s);

  struct Stored {
    Committed committed;
    bool has_changed = false;  // else `committed` may be what another transaction did
    UidSet modified;  // left alone, for their modseq is above `unchanged_since` (RFC 7162 §3.1.3)
  };
  /// UIDs that don't exist are skipped. A message whose flags don't change keeps its modseq; \Seen
  /// in a seen set counts as a flag, so a change of it raises the message's modseq, for all who
  /// look (doc/decisions/0015-seen-of-ones-own.md). Errors: kNotFound, also for the user of
  /// `seen_by`.
  Result<Stored> store_flags(const UniqueId& mailbox, const UidSet& uids, FlagOp op,
                             const FlagNames& flags, const StoreTerms& terms = {});

  struct Expunged {
    Committed committed;
    UidSet uids;         // those that are gone now
    uint64_t bytes = 0;  // of those
  };
  /// The live ones of `uids` become tombstones, whatever their flags.
  Result<Expunged> expunge(const UniqueId& mailbox, const UidSet& uids,
                           const ExpungeTerms& terms = {});

  enum class Keep : uint8_t { kCopy, kMove };
  struct Copied {
    Committed committed;  // in the target
    Committed source;     // in the source, for kMove
    UidValidity uidvalidity;
    UidSet source_uids;  // pairwise, ascending, with target_uids (RFC 4315 §3)
    UidSet target_uids;
  };
  /// Copies the live ones of `uids`, with flags and internaldate, without their bodies unless the
  /// partitions differ; kMove also expunges them in the source, in the same transaction.
  Result<Copied> copy(const UniqueId& source, const UidSet& uids, const UniqueId& target, Keep keep,
                      const CopyTerms& terms = {});

  struct NewMailbox {
    MailboxName name;
    std::string partition = {};  // empty: its parent's or INBOX's, else "default"
    std::map<std::string, std::string> attributes = {};
  };
  /// Levels above that don't exist are made too (RFC 9051 §6.3.4). What is made begins with the ACL
  /// of the nearest level above it, under `attributes`. Errors: kExists; kNotFound, the
  /// user or partition.
  Result<MailboxInfo> create(const NewMailbox& mailbox);
  /// The mailbox is hidden and its name free at once; content is kept until purged. Children stay.
  Result<Committed> remove(const UniqueId& mailbox);
  /// A deleted mailbox that is kept comes back under `name`, as it was. Errors: kExists, kNotFound.
  Result<Committed> restore(const UniqueId& mailbox, const MailboxName& name);
  struct Restored {
    Committed committed = {};  // in the target
    UidSet source_uids = {};   // pairwise, ascending, with target_uids
    UidSet target_uids = {};
    UidSet there_already = {};  // of the source
    uint64_t bytes = 0;
  };
  /// The expunged ones of `uids` that are kept come back as new messages of `target`, with flags
  /// but \Deleted, and internaldate; the tombstones stay. Where a live message of the target has
  /// the same body and internaldate it is there already. `source` may be the target, or deleted.
  /// Errors: as append.
  Result<Restored> restore_expunged(const UniqueId& source, const UidSet& uids,
                                    const UniqueId& target, const CopyTerms& terms = {});
  /// With all below it, and into another partition unless `partition` is empty; missing levels
  /// above the new name are made. Renaming INBOX moves its messages to a new mailbox and leaves
  /// INBOX empty (RFC 9051 §6.3.6); it has copies of INBOX's annotations. Errors: kExists;
  /// kNotFound; kInvalid, a name within itself; kOverQuota, by those copies.
  Result<void> rename(const MailboxName& from, const MailboxName& to,
                      std::string_view partition = {});
  /// One mailbox alone, not those below it. Errors: kNotFound, also for the partition.
  Result<Committed> move(const UniqueId& mailbox, std::string_view partition);
  /// The bytes of these messages, expunged ones too, lie in `partition` from now on, while the
  /// mailbox stays where it is, and nothing that is told of it changes. This server's own matter:
  /// it does not replicate, and a replica may do it too. Other records of the mailbox's partition
  /// with the same bytes share in it. A move of the mailbox to another partition ends it. What is
  /// there already, is empty or can't be read is passed over. Returns the messages whose bytes
  /// went: fewer than there are where the room ends. Errors: kNotFound; kBusy, a checkpoint is
  /// under way; kNoSpace, kIo.
  Result<UidSet> archive(const UniqueId& mailbox, const UidSet& uids, std::string_view partition);
  /// Keywords that no message has lose their place in the mailbox's table, expunged messages and
  /// the flag history counted; returns their names. This is done by itself where a keyword needs
  /// the place. Cost: O(messages / 256).
  Result<std::vector<std::string>> prune_keywords(const UniqueId& mailbox);
  /// Sets, or removes where the value is nullopt.
  Result<Committed> set_attributes(
      const UniqueId& mailbox,
      const std::vector<std::pair<std::string, std::optional<std::string>>>& attributes);
  /// Told to a session as \Recent: kept in memory, made durable with the mailbox's next
  /// transaction. Returns the UIDs above it before, which are \Recent for this session.
  Result<UidSet> claim_recent(const UniqueId& mailbox);
  /// Messages above it have been told to no session as \Recent. Cost: O(1).
  Uid recent_uid(const MailboxInfo& mailbox) const;

  static constexpr size_t kUserItemKeyBytesMax = 512;
  /// Makes the user and an INBOX. Errors: kExists; kInvalid.
  struct NewItem {
    std::string key;
    std::optional<std::string> value;  // nullopt deletes
  };
  Result<UserInfo> create_user(std::string_view userid, const std::vector<NewItem>& items,
                               std::string_view partition = {});
  /// Deletes all mailboxes too (they are kept until purged).
  Result<Committed> delete_user(std::string_view userid);
  Result<Committed> put_user_items(std::string_view userid, const std::vector<NewItem>& items);
  /// What one command changes of a mailbox and of users' data: all of it or nothing.
  struct MetadataChange {
    std::optional<UniqueId> mailbox = {};
    std::vector<std::pair<std::string, std::optional<std::string>>> attributes = {};
    bool raises_modseq = false;  // the mailbox's, whether or not its attributes change
    std::map<std::string, std::vector<NewItem>> items = {};  // by userid
  };
  Result<void> change_metadata(MetadataChange change);

  struct Purged {
    Committed committed = {};
    uint64_t messages = 0;
    uint64_t bytes = 0;   // of those messages, though other records may hold the same bodies
    bool is_done = true;  // false: there is more, for another call
    std::optional<int64_t> held_until_s = {};  // there is a hold: nothing was freed
  };
  /// Frees tombstones with modseq <= `up_to`, and bodies that nothing holds any more: the oldest,
  /// about `messages_max` of them, but whole transactions of expunges. Nothing that is held.
  Result<Purged> purge_expunged(const UniqueId& mailbox, ModSeq up_to,
                                uint64_t messages_max = UINT64_MAX);
  /// Frees content of a deleted mailbox; its header stays as a tombstone. Where it has more than
  /// `messages_max` records, some of them. Nothing that is held.
  Result<Purged> purge_deleted(const UniqueId& mailbox, uint64_t messages_max = UINT64_MAX);

  // --- holds (store/hold.h) ---
  struct WholeServer {};
  /// A mailbox by id, deleted or not; all that a user owns, by userid; everything.
  using HoldPlace = std::variant<WholeServer, std::string, UniqueId>;
  /// Until a unix time, or kHoldForever; nullopt lifts it. The last word counts, be it shorter.
  /// Errors: kNotFound.
  Result<Committed> hold(const HoldPlace& place, std::optional<int64_t> until_s);
  /// The end of the longest hold that is on the mailbox now, if one is.
  Result<std::optional<int64_t>> held_until(const MailboxInfo& mailbox) const;

  // --- writing, as a replica: uids and modseqs as given (invariant I8) ---
  struct Applied {
    ModSeq highestmodseq;
    Digest digest;  // of the mailbox or user data afterwards
    JournalSeq journal;
  };
  /// `bodies`: staged for the AppendItems, looked up by guid. The future is ready when durable;
  /// calls made one after another take effect in that order, so many may be under way. Errors:
  /// kModified, the state is not `from` and nothing was written (ask find() for the real one);
  /// kNotFound, bodies are missing, and the text lists their guids; kExists, the name is taken;
  /// kInvalid, uids or modseqs out of range (I1 to I4 would break); kLimit, it mends, and there are
  /// more keywords than places. One that doesn't mend leaves those out that have none: no state of
  /// a primary has, but one on the way to it may, and its digest tells.
  std::future<Result<Applied>> apply(MailboxUpdate update, std::vector<StagedBody> bodies);
  std::future<Result<Applied>> apply(UserUpdate update);
  /// All together, so that names may be swapped. The digest is that of the last mailbox. A rename's
  /// `to` may equal its `from` where an update right behind it brings the state.
  std::future<Result<Applied>> apply(std::vector<RenameItem> renames);

  // --- writing, as the primary, what comes from another server: a merge ---
  /// As apply(), on a primary. The term of this store becomes part of the lineage. Several are one
  /// transaction, and take effect in order, so that one may give up a name for the next. The digest
  /// is that of the last one. `seen`: in the same transaction; passed over where there is no such
  /// live user. Errors: kReadOnly, on a replica; kInvalid, a lineage knows a term above this
  /// store's.
  std::future<Result<Applied>> merge(std::vector<MailboxUpdate> updates,
                                     std::vector<StagedBody> bodies,
                                     std::vector<AlsoSeen> seen = {});
  std::future<Result<Applied>> merge(UserUpdate update);
  std::future<Result<Applied>> merge(std::vector<RenameItem> renames);

  // --- bodies that were lost ---
  struct LostBody {
    Guid guid;
    std::string partition;
    bool operator==(const LostBody&) const = default;
  };
  static constexpr size_t kLostBodiesMax = 10'000;
  /// Bodies that records hold and that a read, verify or scrub() found missing or damaged, until
  /// they are restored or nothing holds them: by partition and guid, those behind `after`, at most
  /// `count_max`. It is on disk that they are lost. Cost: O(those given). Errors: kIo.
  Result<std::vector<LostBody>> lost_bodies(const std::optional<LostBody>& after = {},
                                            size_t count_max = kLostBodiesMax) const;
  /// Whether lost_bodies() has any, but for what is being marked right now: for who asks often. It
  /// waits for nobody. Cost: a seek in each partition. Errors: kIo.
  Result<bool> has_lost_bodies() const;
  /// Records that hold the body, expunged ones too, at most `count_max`. Errors: kNotFound, no such
  /// partition.
  Result<std::vector<BodyHolder>> holders(const LostBody& body, size_t count_max) const;
  /// The bytes of a body that records of `partition` hold are there again, and on disk; nothing is
  /// written if they were there. On a primary or replica. Errors: kNotFound, no record holds it, or
  /// there is no such partition; kNoSpace, kIo.
  Result<void> restore_body(const StagedBody& body, std::string_view partition);
  /// Reads bodies again, in the order of their guids from `cursor` on ("" at the start), until
  /// `bytes_max` are read, one body at least and kScrubBodiesMax at most, and checks that each
  /// hashes to its guid. What is missing or damaged is marked as lost; what was marked and is well
  /// is not any more. What has no summary gets one. Memory: a chunk. Errors: kInvalid, no such
  /// cursor; kReadOnly, kIo.
  struct Scrubbed {
    std::vector<LostBody> lost;
    uint64_t bodies = 0;
    uint64_t bytes = 0;
    std::string next;  // the cursor to go on from, any bytes; empty: all were read
    double done = 1;   // how much of the whole, from 0 to 1
  };
  static constexpr uint64_t kScrubBodiesMax = 1000;
  Result<Scrubbed> scrub(std::string_view cursor, uint64_t bytes_max);

  // --- a copy of the running store ---
  /// Makes the directory, with a store in it that has all that was durable when it was called:
  /// "index", and "partition-NAME" for each further one (bytes of NAME other than letters, digits,
  /// "-", "_" and "." as "%XX"). Files are linked where they can be, so it costs little on the same
  /// file system. It is on disk when it returns; on an error the directory is not there. Opened for
  /// writing, the copy is a new replica with an origin of its own that follows this store's term
  /// and knows of no channel; each further copy of the copy another one. Errors: kExists, the
  /// directory is there; kNoSpace, kIo; kReadOnly, this store was opened to read only.
  Result<void> checkpoint(const std::string& directory) const;
  /// Gives the disks the room of bodies that were freed, where that is more than must be written
  /// anew for it. Blocks for long, while other calls go on; ends early when `stop` is set. Errors:
  /// kReadOnly, kNoSpace, kIo.
  Result<void> reclaim(std::atomic<bool>& stop) const;

  // --- changes ---
  /// `on_change` runs on the committer's thread after each durable change of the mailbox: be quick,
  /// don't write.
  Watch watch(const UniqueId& mailbox, std::function<void(const Published&)> on_change);
  Watch watch_all(std::function<void(const Published&)> on_change);

  struct JournalEntry {
    JournalSeq seq;
    std::variant<UniqueId, std::string> entity;
  };
  JournalSeq journal_head() const;
  /// Mailboxes and users changed after `since`, each once, at its last change. Cost: O(entries
  /// given).
  Result<std::vector<JournalEntry>> journal_since(JournalSeq since, size_t count_max) const;

  // --- what a channel remembers of its replica, and this server of its own: it does not replicate,
  // and is durable, but a crash may forget the latest puts and erasures ---
  Result<std::optional<std::string>> channel_get(std::string_view channel,
                                                 std::string_view key) const;
  Result<void> channel_put(std::string_view channel,
                           const std::vector<std::pair<std::string, std::string>>& values);
  Result<void> channel_forget(std::string_view channel);
  Result<void> channel_erase(std::string_view channel, const std::vector<std::string>& keys);
  /// Keys that start with `prefix` and come after `after`, in order, with their values.
  Result<std::vector<std::pair<std::string, std::string>>> channel_scan(std::string_view channel,
                                                                        std::string_view prefix,
                                                                        std::string_view after,
                                                                        size_t count_max) const;

  // --- verify ---
  struct Problem {
    std::string invariant;  // "I9"
    std::string where;      // "alice/INBOX uid 7"
    std::string what;
  };
  struct VerifyOptions {
    std::string userid = {};  // empty: all
    enum class Depth : uint8_t { kIndex, kBodiesToo } depth = Depth::kBodiesToo;
  };
  struct VerifyReport {
    std::vector<Problem> problems;  // at most kProblemsMax
    uint64_t mailboxes = 0;
    uint64_t records = 0;
    uint64_t bodies = 0;
  };
  static constexpr size_t kProblemsMax = 1000;
  /// A verify under way, in steps of some thousand rows or some megabytes of bodies, each looked at
  /// as the store is then. The store must outlive it. Memory: the uids of one mailbox, and 64 bytes
  /// for each body of more than kBodyChunkBytes. One thread.
  class Verification {
   public:
    virtual ~Verification() = default;
    /// False after the last step. Errors: kIo.
    virtual Result<bool> step() = 0;
    /// So far.
    virtual const VerifyReport& report() const = 0;
    /// What the next step looks at, for people.
    virtual std::string where() const = 0;
  };
  /// Checks I1 to I4, I9, I10, digests, links and orphaned bodies by a scan. A body that it finds
  /// missing or damaged is noted as lost.
  std::unique_ptr<Verification> begin_verify(VerifyOptions options) const;
  /// All of it.
  Result<VerifyReport> verify(const VerifyOptions& options) const;

 private:
  struct Impl;
  explicit MailStore(std::unique_ptr<Impl> impl);
  /// Before a mailbox goes to another owner: the hold on all of the old one's becomes its own.
  Result<void> take_hold_along(const UniqueId& mailbox, std::string_view new_owner);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gemel
