// What a MailStore is made of, and how its methods reach the committer.
#pragma once

#include <memory>
#include <mutex>

#include "store/committer.h"
#include "store/lost_notes.h"
#include "store/mailbox_sets.h"

namespace gemel {

struct MailStore::Impl {
  Options options;
  Partitions partitions;
  std::shared_ptr<const EnginesByName> engines;  // views may outlive us
  SharedRandom random;
  std::shared_ptr<BodyPins> shared_pins = std::make_shared<BodyPins>();   // pins may outlive us
  std::shared_ptr<LostNotes> lost_notes = std::make_shared<LostNotes>();  // and so may views
  std::shared_ptr<MailboxSets> sets = std::make_shared<MailboxSets>();    // and so may views
  Watches watches;
  RecentClaims recent;
  uint64_t origin = 0;
  std::mutex role_mutex;                 // held through a change of role or term
  std::unique_ptr<Committer> committer;  // last: it uses the others

  Impl(Options given, Partitions opened)
      : options(std::move(given)),
        partitions(std::move(opened)),
        engines(std::make_shared<const EnginesByName>(partitions.by_name())),
        random(*options.random) {}
  /// Ends the notes: what waits for the committer after that would find none.
  ~Impl() { lost_notes->on_note(nullptr); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Has the committer mark what readers noted.
  std::future<Result<bool>> mark_noted();

  SnapshotReader now() const { return SnapshotReader(partitions.index().engine); }

  template <class T>
  std::future<Result<T>> submit(Purpose purpose, typename TypedRequest<T>::Prepare prepare) {
    return committer->submit<T>(purpose, std::move(prepare));
  }
  /// Waits until it is durable.
  template <class T>
  Result<T> commit(Purpose purpose, typename TypedRequest<T>::Prepare prepare) {
    return committer->commit<T>(purpose, std::move(prepare));
  }

  /// The bodies of `uids` of `source` are in `partition` afterwards and stay while what it gives
  /// lives. In portions, so that others commit in between. For a copy or move that follows.
  Result<std::shared_ptr<void>> import_bodies(const MailboxView& source, const UidSet& uids,
                                              std::string_view partition);
};

}  // namespace gemel
