// Who wants to know which mailboxes and users the transactions of a thread change: so an answer can
// wait for what was done for it, and for nothing else, whichever calls of the store did it.
//
// Threads  as said for each call.
#pragma once

#include <memory>
#include <span>

#include "store/mail_store.h"

namespace gemel {

class CommitWitness {
 public:
  virtual ~CommitWitness() = default;
  /// Before each transaction that a primary makes, on the thread that asks for it. An error refuses
  /// it.
  virtual Result<void> admit() = 0;
  /// The transaction is prepared and about to be written, so nobody knows of it yet; should the
  /// write fail, the caller is told as ever. On the committer's thread: be quick, don't write.
  virtual void about_to_publish(std::span<const Published> changes) = 0;
};

/// Transactions that this thread asks for while it lives, also those of which it has a future, are
/// seen by `witness`. Scopes nest.
class WitnessScope {
 public:
  explicit WitnessScope(std::shared_ptr<CommitWitness> witness);
  ~WitnessScope();
  WitnessScope(const WitnessScope&) = delete;
  WitnessScope& operator=(const WitnessScope&) = delete;

 private:
  std::shared_ptr<CommitWitness> before_;
};

/// This thread's; none: null.
std::shared_ptr<CommitWitness> current_witness();

}  // namespace gemel
