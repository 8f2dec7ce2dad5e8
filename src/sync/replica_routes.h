// Decides how each new message gets to the replica: with its body, by its guid, or as a copy of a
// message that is there.
//
// A body is on the replica when a message that holds it is: one below the last uid that the mailbox
// has there, or will have once the batch under way has been applied.
//
// Threads  one at a time. Reads the store.
#pragma once

#include <map>
#include <set>

#include "sync/compare.h"
#include "sync/replica_memory.h"

namespace gemel::sync {

class ReplicaRoutes final : public Routes {
 public:
  ReplicaRoutes(const MailStore& store, ReplicaMemory& memory) : store_(store), memory_(memory) {}

  Result<Route> route(const MailboxView& target, const RecordRow& message) override;

  /// Whether a message that the replica is known to have has this body.
  Result<bool> is_held(const MailboxView& target, const Guid& guid);

  /// The replica said so (RESERVE, MISSING).
  void has(const Guid& guid) { held_.insert(guid); }
  void lacks(const Guid& guid);
  /// A copy into this mailbox failed: messages for it go by guid from now on.
  void no_copies_to(const UniqueId& mailbox);
  /// Nothing of the batch under way can be counted on any more.
  void forget_sent() { sent_.clear(); }
  /// Views kept for looking at sources are let go of.
  void release() { sources_.clear(); }

 private:
  Result<std::optional<Route>> copy_of(const MailboxView::Holder& holder,
                                       const ReplicaMailbox& there, const RecordRow& message);
  struct Source {
    MailboxView view;
    ModSeq since = {};  // of flips
    std::optional<std::vector<FlagFlips>> flips = {};
  };
  Result<Source*> source(const UniqueId& id, ModSeq at_least);
  static Result<bool> is_as_there(Source& source, const ReplicaMailbox& there,
                                  const RecordState& state);

  const MailStore& store_;
  ReplicaMemory& memory_;
  std::set<std::pair<std::string, Guid>> sent_;  // by partition
  std::set<Guid> held_;
  std::set<Guid> missing_;
  std::set<UniqueId> no_copies_;
  std::map<UniqueId, Source> sources_;
};

}  // namespace gemel::sync
