// The message-id index: where an article is, whether it was here, and who is receiving it now.
//
// It holds nothing that the groups' mailboxes don't: each server makes its own, by following the
// journal, and reads again what a crash made it forget. Expunged articles that are kept count, so
// that what is gone is not taken a second time. See doc/decisions/0020-newsgroups.md.
//
// Owns     rows of the store's own memory; in memory, claims and ids lately refused.
// Threads  any. A call may read what came into groups since the last one.
// Source   RFC 5537 §3.6 (an agent keeps what it has seen), §3.3 (history).
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/mail_store.h"

namespace gemel::nntp {

/// Articles being received at the same time; one more gives kBusy.
inline constexpr size_t kClaimsMax = 100'000;
/// Ids of refused articles that are remembered, the newest ones.
inline constexpr size_t kRefusedMax = 100'000;
/// Places of one message id that are kept; IMAP can make as many copies as it likes.
inline constexpr size_t kPlacesMax = 128;
/// Articles that a lookup indexes before it says kBusy.
inline constexpr size_t kCatchUpMax = 2000;

class History {
 public:
  /// `prefix`: below it are the groups of the shared owner. `store` must outlive this.
  History(MailStore& store, std::string prefix);

  struct Place {
    UniqueId mailbox;
    Uid uid;
    bool operator==(const Place&) const = default;
  };
  /// Where articles of this id are or were, in no order; a record may be gone or its mailbox no
  /// group any more. Errors: kBusy, the index is not up to date yet; kIo, kCorrupt.
  Result<std::vector<Place>> places(std::string_view message_id);

  /// While it lives, nobody else can claim the same id.
  class Claim {
   public:
    Claim(Claim&&) noexcept = default;
    Claim& operator=(Claim&&) noexcept = default;

   private:
    friend class History;
    explicit Claim(std::shared_ptr<void> held) : held_(std::move(held)) {}
    std::shared_ptr<void> held_;
  };
  /// Errors: kExists, the article is or was here, or was refused; kBusy, somebody else sends it
  /// just now, or the index is not up to date yet; kIo, kCorrupt. The history must outlive the
  /// claim.
  Result<Claim> claim(std::string_view message_id);

  /// The article is not wanted: for a while claim() says kExists.
  void refuse(std::string_view message_id);

  enum class Progress : uint8_t { kMore, kDone };
  /// Indexes some of what is not indexed yet. For whoever has time.
  Result<Progress> follow();

  /// Looks at some rows from `*after` on, drops places whose records are gone, and gives where to
  /// go on; empty at the end.
  Result<std::string> sweep(std::string_view after);

 private:
  using Key = std::array<char, 16>;
  struct Claims;

  static Key key_of(std::string_view message_id);
  Result<void> start();
  Result<Progress> catch_up(size_t articles_max);
  Result<void> note_journal();
  Result<bool> is_group(const UniqueId& id) const;
  Result<size_t> index_piece(const UniqueId& id, size_t articles_max);
  Result<UidSet> next_uids(const MailboxView& view, Uid done, size_t count_max) const;
  Result<Uid> done_up_to(const UniqueId& id, UidValidity uidvalidity);
  Result<std::multimap<Key, Place>> places_of(const MailboxView& view, const UidSet& uids) const;
  Result<void> add_places(const MailboxView& view, const UidSet& uids, Uid done);
  Result<std::vector<Place>> read_places(const Key& key) const;

  MailStore& store_;
  const std::string prefix_;
  std::mutex mutex_;  // of what follows
  bool started_ = false;
  JournalSeq followed_;
  std::set<UniqueId> behind_;  // mailboxes that may have something new
  struct Done {
    UidValidity uidvalidity;
    Uid uid;  // all up to it are indexed
  };
  std::map<UniqueId, Done> done_;

  const std::shared_ptr<Claims> claims_;
};

}  // namespace gemel::nntp
