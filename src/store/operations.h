// Steps that more than one transaction is made of.
#pragma once

#include "store/commit.h"

namespace gemel {

/// Of keywords that a message comes with.
enum class Keywords : uint8_t {
  kAll,      // or kLimit
  kThatFit,  // those without room are left out
};
/// The message gets the mailbox's next uid. Errors: as MailStore::append.
Result<void> append_message(Commit& commit, const MailStore::Append& message,
                            Keywords keywords = Keywords::kAll);

/// Live records become tombstones at the transaction's modseq.
Result<void> expunge_records(Commit& commit, MailboxEdit& mailbox, const UidSet& uids);

/// The live records of `uids` of `source`, with new uids, in `target`, which may be `source`.
/// Returns the UIDs of both, pairwise.
struct CopiedUids {
  UidSet source;
  UidSet target;
};
Result<CopiedUids> copy_records(Commit& commit, const UniqueId& source, const UidSet& uids,
                                const UniqueId& target, const CopyTerms& terms = {});

/// Flags of one mailbox as bits of another, which gets the keywords it lacks. One transaction.
class FlagsTranslation {
 public:
  FlagsTranslation(const MailboxEdit& from, MailboxEdit& to) : from_(&from), to_(&to) {}
  Result<Flags> of(const Flags& flags);

 private:
  const MailboxEdit* from_;
  MailboxEdit* to_;
  std::map<Flags, Flags> known_;
};

/// Makes records of one mailbox anew in another, which may be the same one. One transaction.
class RecordCopier {
 public:
  static Result<RecordCopier> make(Commit& commit, const UniqueId& source, const UniqueId& target,
                                   const CopyTerms& terms);
  MailboxEdit& source() { return *source_; }
  MailboxEdit& target() { return *target_; }
  /// A record of the target with the next uid, which it returns. The body is copied where the
  /// partitions differ. Errors: kLimit, uids or keywords are used up; of the body.
  Result<Uid> add(const RecordState& state, RecordFacts facts);

 private:
  RecordCopier(Commit& commit, MailboxEdit& source, MailboxEdit& target, FlagScope scope)
      : commit_(&commit),
        source_(&source),
        target_(&target),
        scope_(scope),
        translation_(source, target) {}
  Flags in_scope(const RecordState& state) const;

  Commit* commit_;
  MailboxEdit* source_;
  MailboxEdit* target_;
  FlagScope scope_;
  FlagsTranslation translation_;
  uint32_t from_ = 0;  // partitions
  uint32_t to_ = 0;
  SeenEdit* source_seen_ = nullptr;
  SeenEdit* target_seen_ = nullptr;
};

/// A live mailbox; levels above that don't exist are made too.
struct MakeMailbox {
  MailboxName name;
  std::string partition;  // empty: that of the nearest level above, else INBOX's, else "default"
};
Result<MailboxEdit*> make_with_parents(Commit& commit, const MakeMailbox& make);
Result<void> make_parents(Commit& commit, const MakeMailbox& make);

/// The user, who must live. Errors: kNotFound.
Result<UserEdit*> live_user(Commit& commit, std::string_view userid);
/// What stays as it is is no change. Errors: kInvalid, a key.
Result<void> put_items(UserEdit& user, const std::vector<MailStore::NewItem>& items);
/// The header's name, and to whom it belongs; name rows are the caller's.
void rename_header(Commit& commit, MailboxEdit& mailbox, const MailboxName& name);
/// Hides a live mailbox at the transaction's modseq.
void delete_mailbox(Commit& commit, MailboxEdit& mailbox);
/// Every body that `mailbox` holds is also in `partition`, linked there instead.
Result<void> move_bodies(Commit& commit, MailboxEdit& mailbox, const std::string& partition);
/// Frees the records of `uids`, which exist.
Result<void> forget_records(Commit& commit, MailboxEdit& mailbox, const UidSet& uids);
Result<void> forget_all_records(Commit& commit, MailboxEdit& mailbox);

}  // namespace gemel
