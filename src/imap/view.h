// The selected mailbox as its client knows it: message numbers, and what the client was told.
//
// A client's message numbers must not move under it, so what the store does shows here only when
// the session learns of it (learn) and tells (forget_gone), at command boundaries.
//
// Owns     the UIDs the client knows in order, which of them are \Recent, which are expunged in
//          the store but not yet told. Memory: about 2 bits to 4 bytes a message.
// Threads  one at a time.
// Source   RFC 3501 §2.3.1.2 (message numbers), §5.2 and §7.4.1 (when EXPUNGE may be sent), RFC
//          7162 §3.1 (what a modseq promises).
#pragma once

#include "imap/bitmap.h"
#include "imap/sequence.h"
#include "store/access.h"
#include "store/mail_store.h"

namespace gemel::imap {

enum class Access : uint8_t { kReadOnly, kReadWrite };
/// Without any of them a mailbox is read-only (RFC 4314 §5.2). The owner's \Seen counts too, for it
/// is a flag that others see.
inline constexpr Rights kWritingRights = {Right::kInsert, Right::kExpunge, Right::kWrite,
                                          Right::kDeleteMessages};

/// What the store did since the client was last told. Expunged messages are in View::gone().
struct News {
  Bitmap changed = {};  // flags, of messages that the client knows
  Bitmap touched = {};  // others of them: only the modseq, as when somebody else's \Seen changed
  ModSeq since = {};    // what came after it
  uint32_t arrived = 0;
  Uid first_arrived = {};  // none of those that arrived is below
  bool new_keywords = false;
  bool new_rights = false;
  // The mailbox was deleted or made anew, or may not be read any more: the session can't go on
  // with it.
  bool is_closed = false;
};

class View {
 public:
  /// As after SELECT: everything that `mailbox` shows is known. `user` must outlive the view.
  static Result<View> open(MailStore& store, const UserAccess& user, const MailboxView& mailbox,
                           Access access);

  const UniqueId& id() const { return id_; }
  UidValidity uidvalidity() const { return uidvalidity_; }
  /// By EXAMINE, or on a replica.
  bool is_read_only() const { return access_ == Access::kReadOnly; }
  /// What was expunged; always read-only, and there is never news of it.
  bool shows_expunged() const { return shows_expunged_; }
  /// The user's rights, as the client was last told.
  Rights rights() const { return rights_; }
  /// Read-only, or without any right to change what others see (RFC 4314 §5.2).
  bool changes_nothing() const;
  /// Whose seen set \Seen is; empty: it is a flag of the record.
  const std::string& seen_by() const { return seen_by_; }
  /// The mailbox as it is now, with the user's \Seen.
  Result<MailboxView> look(const MailStore& store) const {
    return shows_expunged_ ? store.view_expunged(id_, seen_by_) : store.view(id_, seen_by_);
  }
  /// As the client asked for it: by SELECT or EXAMINE. On a replica it may get less.
  Access asked() const { return asked_; }
  void set_asked(Access asked) { asked_ = asked; }
  /// The server has become a primary or a replica.
  void set_access(Access access) { access_ = access; }
  ModSeq synced() const { return synced_; }
  /// Up to which the client has been told all: less than synced() while an expunge is held back,
  /// and for good where changes were left out.
  ModSeq told() const;
  /// Of what came after `since` something was not told, and won't be.
  void leave_untold(ModSeq since);
  Uid last_uid() const { return last_uid_; }
  /// Messages up to it were there at `then`, as far as this session saw; 0: it saw nothing.
  Uid last_uid_at(ModSeq then) const;
  const std::vector<std::string>& keywords() const { return keywords_; }

  uint32_t exists() const { return exists_; }
  uint32_t recent_count() const { return static_cast<uint32_t>(recent_.cardinality()); }
  bool is_recent(Uid uid) const { return recent_.contains(uid.value); }
  const Bitmap& known() const { return known_; }
  const Bitmap& recent() const { return recent_; }
  const Bitmap& gone() const { return gone_; }

  /// `uid` must be known. Cost: O(log messages), about.
  uint32_t msn_of(Uid uid) const { return static_cast<uint32_t>(known_.rank(uid.value)); }
  /// `msn` must be from 1 to exists().
  Uid uid_of(uint32_t msn) const;

  /// The UIDs of message numbers. Numbers above exists() are an error (kSyntax), or pass where
  /// they are only searched for; "*" in an empty mailbox just names nothing.
  enum class Beyond : uint8_t { kError, kNothing };
  Result<Bitmap> by_msn(const Sequence& sequence, Beyond beyond = Beyond::kError) const;
  /// The known ones among UIDs; unknown ones are no error (RFC 3501 §6.4.8).
  Bitmap by_uid(const Sequence& sequence) const;
  /// All UIDs up to last_uid() that `sequence` names, known or not.
  Bitmap uids_in(const Sequence& sequence) const;
  /// The same, where "*" is `largest`.
  Bitmap uids_up_to(Uid largest, const Sequence& sequence) const;

  /// Can the session not go on with it (News::is_closed)?
  Result<bool> is_closed(const MailStore& store) const;
  /// Compares with the store. Cost: O(changes); O(messages) after tombstones were purged.
  Result<News> learn(MailStore& store);
  /// The client has been told of gone().
  void forget_gone();
  /// Takes over the mailbox's keyword table. True if it has grown: FLAGS must be told anew.
  bool take_keywords(const MailboxInfo& mailbox);
  /// After the session's own transaction: if nothing came between, there is no news in it beyond
  /// what the session tells itself. False if something did.
  bool skip_own(const MailStore& store, const MailStore::Stored& own);

 private:
  View() = default;
  bool is_closed_in(const MailboxInfo& now) const;
  Result<bool> is_up_to_date(const MailStore& store, const MailboxInfo& now) const;
  Result<News> learn_from(MailStore& store, const MailboxView& mailbox);
  void note_last_uid(const MailboxInfo& now);
  Result<void> sort_out_touched(const MailboxView& mailbox, News& news);
  Result<std::vector<RecordState>> changes_in(const MailboxView& mailbox) const;
  Result<void> claim_recent(MailStore& store, uint32_t first_new);

  const UserAccess* user_ = nullptr;
  UniqueId id_;
  UidValidity uidvalidity_;
  Access access_ = Access::kReadOnly;
  bool shows_expunged_ = false;
  Rights rights_;
  std::string seen_by_;
  UidSet seen_;  // the seen set, as the client was last told
  Access asked_ = Access::kReadOnly;
  ModSeq synced_;
  ModSeq held_since_;    // synced_ before gone_ got its first
  ModSeq untold_since_;  // 0: nothing was left out
  Uid last_uid_;
  struct Arrival {
    ModSeq modseq;
    Uid last_uid;
  };
  std::vector<Arrival> arrivals_;  // what last_uid_ was when, the latest ones
  std::vector<std::string> keywords_;
  Bitmap known_;  // gone ones too
  Bitmap recent_;
  Bitmap gone_;
  uint32_t exists_ = 0;  // cardinality of known_
};

/// Message numbers for many UIDs in ascending order, cheaper than msn_of for each.
class MsnCursor {
 public:
  /// `known` must outlive the cursor and not change.
  explicit MsnCursor(const Bitmap& known) : known_(known), at_(known.begin()) {}
  /// `uid` must be known.
  uint32_t msn_of(Uid uid);

 private:
  const Bitmap& known_;
  Bitmap::const_iterator at_;
  uint32_t msn_ = 0;  // of *at_, once started
};

}  // namespace gemel::imap
