// A mailbox or user that has changed on both sides, on its way to being one again: what the replica
// told of it, the merge in our own store, and what the replica must be told then.
//
// The merge is committed here first. A crash behind that leaves two sides that differ, and the same
// merge makes the same messages of them.
//
// Threads  one at a time. unite() waits for the disk.
// Source   doc/decisions/0006-terms-and-merge.md, doc/replication-protocol.md "Merging".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/mail_store.h"
#include "store/readers.h"
#include "sync/compare.h"
#include "sync/follow.h"
#include "sync/merge.h"
#include "sync/merge_keywords.h"
#include "sync/range_search.h"
#include "sync/values.h"

namespace gemel::sync {

/// What unite() came to.
struct United {
  enum class Next : uint8_t {
    kBodies,  // the replica has to tell more first, or to send bodies
    kMend,    // the replica is to be told `mend`, and is as `after` then
    kDone,    // the replica has it all
    kBehind,  // an ordinary update leads on from where the replica is
    kFolded,  // two mailboxes of one name are one now; both are to be sent, this one and `other`
    kNamed,   // all is there, but `other` has its name, and gives it up when it is merged itself
  } next = Next::kDone;
  std::optional<MailboxUpdate> mend = {};
  std::optional<ReplicaMailbox> after = {};
  UniqueId other = {};
  std::vector<UniqueId> changed = {};  // by the same transaction
};

/// How often a merge is made anew because our side moved meanwhile.
inline constexpr int kReunionTriesMax = 10;

/// A lineage as far as a state at `to` can have it.
Lineage up_to(Lineage lineage, ModSeq to);

class MailboxReunion;

/// What is known of a mailbox of ours that has the name which one of the replica's is to have.
struct Twin {
  enum class Is : uint8_t {
    kKnown,    // it keeps the name, and if the replica has changed it, it has told how
    kAsked,    // it is still to be told whether the replica has changed it, or how
    kGoes,     // the replica has deleted it or given it another name: it will be so here
    kUnknown,  // the replica has changed it, and the two can't be merged
  } is = Is::kKnown;
  const MailboxReunion* reunion = nullptr;  // where the replica has changed it, and told how
};
using TwinOf = std::function<Result<Twin>(const MailboxInfo&)>;

class MailboxReunion {
 public:
  /// `theirs`: where the replica is. Nothing of ours: a mailbox that only the replica has.
  MailboxReunion(MailboxState theirs, const std::optional<MailboxInfo>& ours);

  /// Whether the two are apart: the replica has changes of its own, or differs at the same numbers.
  static bool is_due(const MailboxState& theirs, const std::optional<MailboxInfo>& ours);

  const MailboxState& theirs() const { return theirs_; }
  /// RANGES, RECORDS, CHANGES or BODIES, without line ends; nothing: it can be united.
  std::vector<std::string> questions() const;
  /// The answers.
  void take(HeaderState header) { header_ = std::move(header); }
  void take(RecordUids uids) { uids_ = std::move(uids); }
  void take(ChangedRecord record);
  void take(StagedBody body);
  void take(const RangeRow& row);
  void take(const UserState& reader);
  void take(UserItem seen);
  /// All that was asked for has come, and more may have to be asked. Errors: those of reading the
  /// store.
  Result<void> told(MailStore& store);
  /// The end of CHANGES: 0, or the uid that the rest begins with.
  void page_over(Uid next) { next_ = next; }
  /// The end of READERS.
  void readers_over();

  /// The replica answers READERS.
  void may_ask_readers() { asks_readers_ = AsksReaders::kNotYet; }
  /// Users of whom it told what they have seen of the mailbox.
  std::vector<std::string> readers() const;

  /// The replica has a hold on it that is not the mailbox's own, and may not be known here.
  void hold() { is_held_there_ = true; }

  /// Whether the replica has expunged something that may still be there for our readers.
  bool expunges() const;
  /// Whether unite() would make the merge; else questions() says what has to come first. Cost: that
  /// of the merge, until it is once so. Errors: as of unite().
  Result<bool> has_all(MailStore& store, Clock& clock, const TwinOf& twin_of);
  /// Name, partition and deletion as the merge will have them; nothing: more has to be told first.
  /// Cost: that of the merge. Errors: as of unite().
  Result<std::optional<MailboxHeader>> merged_header(MailStore& store, Clock& clock);
  /// Errors: kLimit, no uids are left; kInvalid, the two can't be one mailbox; kCorrupt; those of
  /// MailStore::merge.
  Result<United> unite(
      MailStore& store, Clock& clock,
      const TwinOf& twin_of = [](const MailboxInfo&) { return Twin(); }) {
    return unite(store, clock, twin_of, Effect::kMerge);
  }

  /// The two are at equal numbers, and it looks for the records that differ.
  bool is_searching() const { return search_.has_value(); }
  /// When questions() has no more: the UIDs of records that one side lacks or has otherwise.
  /// Errors: those of reading the store.
  Result<UidSet> differing(const MailStore& store) const;

  /// Guids that the replica is known to hold in this mailbox.
  std::set<Guid> held() const;

 private:
  void search_no_more();
  void ask_all_over();
  void begin_anew(const MailboxInfo& ours);
  Result<MailboxSide> own_side(const MailboxView& view) const;
  Result<bool> take_uids(const std::optional<MailboxView>& ours, MailboxSide& own,
                         MailboxSide& theirs);
  enum class Effect : uint8_t { kLook, kMerge };
  /// A merge, as far as it is known without the bodies.
  struct Merging {
    MailboxSide own = {};
    MailboxSide theirs = {};
    MergedMailbox merged = {};
    bool is_behind = false;  // the replica has nothing of its own
    bool is_held = false;
    KeywordSet given_up = {};
  };
  Result<std::optional<Merging>> begin_merge(MailStore& store,
                                             const std::optional<MailboxView>& ours, Clock& clock);
  Result<United> unite(MailStore& store, Clock& clock, const TwinOf& twin_of, Effect effect);
  Result<United> unite_with(MailStore& store, const std::optional<MailboxView>& ours, Clock& clock,
                            const TwinOf& twin_of, Effect effect);
  Result<bool> is_held(const MailStore& store, const MailboxView& ours, Clock& clock) const;
  bool asks_for_kept(const UidSet& uids);
  Result<United> mend_theirs(const MailStore& store, const MergedMailbox& merged,
                             const MailboxSide& theirs) const;
  /// A mailbox that only the replica has, as it would be here, and what is changed beside it.
  struct Arriving {
    MailboxUpdate update;
    const std::vector<RecordRow>& rows;
    std::vector<MailboxUpdate> followed;
  };
  Result<United> fold_into(MailStore& store, Arriving theirs, const MailboxInfo& twin_info,
                           const Twin& twin, Clock& clock);
  Result<Following::Gone> gone_by(const Folds& folds, const std::optional<MailboxView>& ours,
                                  const MergedMailbox& merged) const;
  Result<std::vector<MailboxUpdate>> followed(const MailStore& store,
                                              const std::optional<MailboxView>& ours,
                                              const MergedMailbox& merged,
                                              std::set<UniqueId> not_to) const;
  void expunge_as_told(std::vector<RecordRow>& ours) const;
  bool asks_for_readers();
  Result<std::vector<AlsoSeen>> seen_along_with(const MailStore& store,
                                                const std::optional<MailboxView>& ours,
                                                const Merging& merging) const;
  Result<bool> has_bodies(MailStore& store, const MailboxUpdate& update, const MailboxSide& own);
  std::vector<StagedBody> bodies() const;

  MailboxState theirs_;
  ModSeq common_;
  ModSeq since_;             // records above it are asked for
  bool is_damaged_ = false;  // they differed at equal numbers: it is not known since when
  enum class Uids : uint8_t { kNone, kAll } asks_uids_ = Uids::kNone;
  std::optional<RangeSearch> search_;  // the two are at equal numbers
  HeaderState header_;
  std::optional<RecordUids> uids_;
  std::vector<ChangedRecord> changed_;
  bool is_held_there_ = false;
  bool has_all_ = false;
  std::optional<UidSet> asked_kept_;  // behind what has changed: the uids of these records
  std::vector<RecordRow> kept_;
  Uid next_ = Uid(1);
  enum class AsksReaders : uint8_t { kNever, kNotYet, kNow, kNoMore };
  AsksReaders asks_readers_ = AsksReaders::kNever;
  std::vector<Reader> readers_;
  size_t readers_in_page_ = 0;
  std::set<Guid> wanted_;
  std::map<Guid, StagedBody> bodies_;
  std::shared_ptr<void> pin_;  // bodies of ours that it counts on
};

class UserReunion {
 public:
  UserReunion(UserState theirs, const std::optional<UserInfo>& ours);
  static bool is_due(const UserState& theirs, const std::optional<UserInfo>& ours);

  const UserState& theirs() const { return theirs_; }
  std::vector<std::string> questions() const;
  void take(UserItem item);
  void page_over() { is_told_ = true; }
  bool is_told() const { return is_told_; }
  /// Whether the replica's data of the user has a hold that is on at this unix time. Of what it
  /// told.
  bool has_hold(int64_t now_s) const;

  /// Whether ours has come to share more with the replica's, by way of a third server: then all is
  /// asked for again.
  bool begins_anew(const std::optional<UserInfo>& ours);
  /// Mailboxes of which the replica told what the user has seen. Where we have one that is still to
  /// be merged, its uids mean something else here.
  std::vector<UniqueId> seen_mailboxes() const;
  /// A user that was not ours is now, but for what was seen in mailboxes that are: that is told and
  /// merged behind these, so the user is to be asked for anew.
  bool is_partial() const { return is_partial_; }
  /// What the replica must be told; nothing: it has it all, or questions() says what it has to tell
  /// first. Call when the user's mailboxes are united. Errors: those of MailStore::merge;
  /// kModified, ours keeps changing.
  Result<std::optional<UserUpdate>> unite(MailStore& store);

 private:
  bool asks_for(const std::string& key);
  Result<std::vector<UserItem>> without_seen_in_ours(const MailStore& store) const;

  UserState theirs_;
  ModSeq common_;
  ModSeq since_;
  std::vector<UserItem> changed_;
  std::optional<std::string> asked_key_;  // behind what has changed: of an item that has not
  std::optional<UserItem> kept_;          // that one
  bool is_told_ = false;
  bool is_partial_ = false;
};

}  // namespace gemel::sync
