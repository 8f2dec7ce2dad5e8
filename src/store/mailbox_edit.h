// One mailbox while a transaction changes it: header, counters, digest and pages, kept in step.
//
// Owns     nothing durable: flush() and put_row() write it into the overlay. Threads  one: the
//          committer's.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>

#include "store/digest.h"
#include "store/overlay.h"
#include "store/page.h"

namespace gemel {

class MailboxEdit {
 public:
  /// A mailbox that exists.
  MailboxEdit(Overlay& rows, MailboxRow row)
      : rows_(&rows), before_(row.info), row_(std::move(row)) {}
  /// A new one; nothing is written unless raise_to() is called.
  MailboxEdit(Overlay& rows, MailboxInfo info) : rows_(&rows) { row_.info = std::move(info); }

  const MailboxInfo& info() const { return row_.info; }
  const MailboxRow& row() const { return row_; }
  /// Absent for a new one.
  const std::optional<MailboxInfo>& before() const { return before_; }
  bool changed() const { return changed_; }

  /// As primary: the modseq of this transaction here; the first call makes it.
  ModSeq modseq();
  /// As replica, or for a new mailbox: the state after this transaction.
  void raise_to(ModSeq to);

  /// To change what the header says. Call modseq() or raise_to() too.
  MailboxInfo& header() { return row_.info; }

  /// Bits for `names`; keywords that are new here get theirs while the mailbox has fewer than
  /// kMailboxKeywordsMax, if need be without those that prune_keywords() takes out. Errors: kLimit.
  Result<Flags> bits_for(const FlagNames& names);
  /// The same, but keywords without room are left out.
  Result<Flags> bits_that_fit(const FlagNames& names);
  /// Of an update, which may fill the table: keywords that are new here get theirs if a place is
  /// free. The others, which bits_known() doesn't know then, are for add_late().
  Flags bits_at_once(const FlagNames& names);
  /// Gives those of `uids` that exist a keyword of an update, behind all else that it does: then
  /// nothing keeps a place but what a record has. Where flag history does, that is forgotten.
  /// Errors: kLimit, records have all places.
  Result<void> add_late(const std::string& keyword, const UidSet& uids);
  /// Keywords that no record has, nor the flag history, but for `names`, are taken out of the
  /// table; returns them. The others keep their bits. Call modseq() or raise_to() too.
  Result<std::vector<std::string>> prune_keywords(const FlagNames& names);
  /// Bits of those names that are known here.
  Flags bits_known(const FlagNames& names) const;

  /// Records of `uids`, expunged ones too, ascending.
  Result<std::vector<RecordState>> states(const UidSet& uids);
  Result<std::optional<RecordState>> state(Uid uid);

  /// `now` replaces the state of a record that exists and is as much expunged as it was.
  Result<void> change(const RecordState& now);
  /// A live record becomes a tombstone; `size` is its body's.
  Result<void> expunge(Uid uid, ModSeq modseq, uint64_t size);
  /// As change(), but a live record may become a tombstone, and a tombstone live.
  Result<void> revise(const RecordState& now, uint64_t size);
  /// A record that does not exist. Its link and body are the caller's.
  Result<void> add(const RecordState& state, const RecordFacts& facts);
  /// A record goes without a trace. Its link and body are the caller's.
  Result<void> forget(Uid uid, const RecordFacts& facts);

  /// The state before this transaction; 0 for a new mailbox.
  ModSeq modseq_before() const { return before_ ? before_->highestmodseq : ModSeq(); }

  /// Writes all that changed, with the digest, except its row.
  Result<void> flush();
  /// Writes its row, after flush(). `journal` is where its entry is.
  void put_row(JournalSeq journal);

 private:
  struct LoadedPage {
    Page page;
    ModSeq stored_max;  // 0: no row yet
    bool dirty = false;
    PageBits other;  // came or went in this transaction
    struct Before {
      PageBits present;
      std::array<Flags, kPageUids> flags;
    };
    std::unique_ptr<Before> before;  // made by the first change of a state
  };

  Result<LoadedPage*> page_for(Uid uid);
  Result<Flags> flags_in_use();
  Result<void> place_keyword(const std::string& keyword, const FlagNames& names);
  Result<void> place_late(const std::string& keyword);
  bool take_place(const std::string& keyword);
  size_t keyword_count() const;
  Result<void> load(const UidSet& uids);
  void count(const RecordState& state, uint64_t size, int sign);
  void count_flags(const Flags& flags, int sign);
  Digest digest_of(const RecordState& state);
  void change_state(LoadedPage& loaded, const RecordState& now);
  void flush_page(LoadedPage& loaded);
  Result<void> index_pages();
  void index_page(const LoadedPage& loaded);
  Result<void> note_flips();
  void note_header();

  Overlay* rows_;
  std::optional<MailboxInfo> before_;
  MailboxRow row_;
  bool changed_ = false;
  std::map<uint32_t, LoadedPage> pages_;
  bool changed_states_ = false;  // of messages that came in earlier transactions
  bool forgot_flips_ = false;    // bits may stand for other keywords than they did
  FlagsDigests flags_digests_;
};

}  // namespace gemel
