// One transaction while the committer prepares it: the mailboxes and users it changes, on top of
// all that were prepared before it.
//
// Owns     nothing durable. Threads  one: the committer's.
#pragma once

#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "store/commit_bodies.h"
#include "store/mailbox_edit.h"
#include "store/recent_claims.h"
#include "store/seen_edit.h"
#include "store/user_edit.h"

namespace gemel {

/// What the committer keeps from one transaction to the next.
struct CommitState {
  CommitState(const Partitions& all, SharedRandom& source, Clock& time, RecentClaims& claims)
      : partitions(&all), random(&source), clock(&time), recent(&claims), rows(all.engines()) {}

  const Partitions* partitions;
  SharedRandom* random;
  Clock* clock;
  RecentClaims* recent;
  uint64_t user_mailboxes_max = 0;
  Overlay rows;
  MetaRow meta;
  // Rows as `rows` has them, decoded; emptied when there are many, or a batch fails.
  std::unordered_map<UniqueId, MailboxRow> mailboxes;
  std::map<std::string, UserRow> users;
  static constexpr size_t kCachedMax = 8192;  // of each kind

  void forget_rows();
  void trim_rows();
};

/// kCommit makes uids and modseqs; the others take them as given: kApply in the term of another
/// server, kMerge in this one's.
enum class Making : uint8_t { kCommit, kApply, kMerge };

class Commit {
 public:
  Commit(CommitState& state, Making making)
      : state_(&state),
        making_(making),
        meta_(state.meta),
        bodies_(state.rows, *state.partitions, *state.random) {}

  Overlay& rows() { return state_->rows; }
  CommitBodies& bodies() { return bodies_; }
  MetaRow& meta() { return meta_; }
  void put_meta() { rows().put(std::string(key::kMeta), meta_.encode()); }
  const Partitions& partitions() const { return *state_->partitions; }
  int64_t now_s() const { return state_->clock->unix_s(); }

  /// Errors: kNotFound.
  Result<MailboxEdit*> mailbox(const UniqueId& id);
  /// Not a deleted one.
  Result<MailboxEdit*> live_mailbox(const UniqueId& id);
  /// Nothing if there is none.
  Result<MailboxEdit*> find_mailbox(const UniqueId& id);
  /// A new one with the next id and uidvalidity.
  Result<MailboxEdit*> make_mailbox(const MailboxName& name, std::string partition);
  /// The same with a given header.
  Result<MailboxEdit*> add_mailbox(MailboxInfo info);

  Result<UserEdit*> user(std::string_view userid);
  /// What the user has seen of a mailbox of others. Errors: kNotFound, no such user.
  Result<SeenEdit*> seen(std::string_view userid, const UniqueId& mailbox);
  /// In this transaction the user's quota does not count.
  void ignore_quota(std::string_view userid) { without_quota_.emplace(userid); }

  /// Rows of the name. take_name: kExists.
  Result<void> take_name(const MailboxName& name, const UniqueId& id);
  void free_name(const MailboxInfo& mailbox);
  Result<std::optional<UniqueId>> find_name(const MailboxName& name) {
    return read_name(rows(), name);
  }

  /// Adds a record to `mailbox`, with its link. Its body must be in the partition.
  Result<void> add_record(MailboxEdit& mailbox, const RecordState& state, const RecordFacts& facts);
  /// A record goes, with its link, and with its body unless something else holds it.
  Result<void> forget_record(MailboxEdit& mailbox, Uid uid, const RecordFacts& facts);

  /// Writes all edits into the overlay, with digests and journal.
  Result<void> finish();

  // After finish().
  MailStore::Committed committed(const UniqueId& id);
  MailStore::Committed committed_user(std::string_view userid);
  const std::vector<Published>& published() const { return published_; }
  /// Makes this transaction what the next one starts from.
  void accept();

 private:
  Result<void> finish_seen();
  Result<void> finish_mailbox(MailboxEdit& mailbox);
  void index_grants(const MailboxInfo* before, const MailboxInfo& after);
  Result<void> finish_user(UserEdit& user);
  Result<JournalSeq> publish(key::Entity entity, ModSeq modseq, JournalSeq last,
                             std::vector<std::string> appeared_to = {});

  CommitState* state_;
  Making making_;
  MetaRow meta_;
  CommitBodies bodies_;
  std::map<UniqueId, MailboxEdit> mailboxes_;
  std::map<std::string, UserEdit, std::less<>> users_;
  std::map<std::pair<std::string, UniqueId>, SeenEdit> seen_;
  std::set<std::string, std::less<>> without_quota_;
  std::vector<Published> published_;
};

}  // namespace gemel
