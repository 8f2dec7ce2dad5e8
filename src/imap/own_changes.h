// Which changes of mailboxes and of users' data a session made itself, so that its client is told
// of those of others alone.
//
// Owns     ranges of modseqs, from one look to the next. Memory: some 100 bytes for each mailbox
//          that the session changed since.
// Threads  any, for every call.
// Source   RFC 5465 §5.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <variant>
#include <vector>

#include "store/witness.h"

namespace gemel::imap {

class OwnChanges final : public CommitWitness {
 public:
  using Entity = std::variant<UniqueId, std::string>;  // as Published's

  /// `next` is asked and told too; null: nobody.
  explicit OwnChanges(std::shared_ptr<CommitWitness> next) : next_(std::move(next)) {}

  Result<void> admit() override { return next_ ? next_->admit() : Result<void>(); }
  void about_to_publish(std::span<const Published> changes) override;

  /// Notes them from now on.
  void start();
  void stop();
  /// The client was told of all until now. Also after what failed, for it may never have been
  /// written.
  void forget();
  /// Did others make any of the changes after `since` up to `now`?
  bool have_others_changed(const Entity& entity, ModSeq since, ModSeq now) const;

 private:
  struct Range {
    uint64_t first;
    uint64_t last;
  };
  const std::shared_ptr<CommitWitness> next_;
  mutable std::mutex mutex_;
  bool is_noting_ = false;                       // under mutex_
  std::map<Entity, std::vector<Range>> ranges_;  // under mutex_; ascending
};

}  // namespace gemel::imap
