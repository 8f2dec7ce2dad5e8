// Whether a mailbox may tell the replica of what was expunged in it.
//
// A client that moves a message, or copies it and expunges it, changes two mailboxes, and they
// cross the wire apart. Were the expunge there first, and this server then lost, the message would
// be nowhere on the replica but among what is expunged. So a mailbox waits until the replica has
// each of its expunged messages wherever it lives on here; and its update names the mailboxes that
// are on their way in the same batch, so that it fails where they do.
//
// It does not wait for a mailbox that the replica refuses for longer than kRefusalWaitMs, for then
// everything that mail is moved from would stand still. What the replica never had needs no order:
// a mailbox that is new to it comes at once with its tombstones.
//
// Threads  one at a time. Reads the store.
// Source   doc/decisions/0052-expunges-come-last.md.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "store/mail_store.h"
#include "sync/compare.h"
#include "sync/replica_memory.h"

namespace gemel::sync {

inline constexpr int64_t kRefusalWaitMs = 60'000;
/// Other places of one body that are looked at. Where a body is in more, a message may be told of
/// as expunged before it is elsewhere.
inline constexpr size_t kPlacesMax = 1000;

class ExpungeOrder final : public ExpungeGate {
 public:
  /// All must outlive it.
  ExpungeOrder(const MailStore& store, ReplicaMemory& memory, Clock& clock)
      : store_(store), memory_(memory), clock_(clock) {}

  /// The replica understands AFTER. If not, a mailbox waits for the answer about the other one.
  void may_say_after() { says_after_ = true; }

  /// What is asked from now on is about this view.
  void begin(const MailboxView& view);
  /// Cost: O(records that hold the body), and of the journal that is not sent, once for begin().
  Result<bool> may_expunge(const Guid& guid) override;
  /// Waits for all other mailboxes that are known to be behind. Cost: O(those), at most some 1,000.
  Result<bool> may_vanish() override;
  /// Since begin(): what an update must come after.
  std::vector<NeededMailbox> needs() const;
  /// Since begin(): for what it waits; nothing: for nothing.
  std::optional<UniqueId> waits_for() const { return waits_for_; }

  /// The replica refused the mailbox; it has taken it.
  void refused(const UniqueId& id) { refused_at_ms_.try_emplace(id, clock_.monotonic_ms()); }
  void taken(const UniqueId& id) { refused_at_ms_.erase(id); }
  bool is_refused(const UniqueId& id) const { return refused_at_ms_.contains(id); }

 private:
  Result<bool> is_any_behind();
  std::optional<MailboxInfo> lacking(const UniqueId& id);
  bool is_refused_for_long(const UniqueId& id) const;
  bool is_on_its_way(const MailboxInfo& info, Uid last_uid);
  Result<bool> lives(const MailboxView::Holder& holder);

  const MailStore& store_;
  ReplicaMemory& memory_;
  Clock& clock_;
  bool says_after_ = false;
  std::map<UniqueId, int64_t> refused_at_ms_;
  // Since begin().
  const MailboxView* view_ = nullptr;
  std::optional<bool> is_any_behind_;
  std::map<UniqueId, MailboxView> views_;
  std::map<UniqueId, Uid> needs_;
  std::optional<UniqueId> waits_for_;
};

}  // namespace gemel::sync
