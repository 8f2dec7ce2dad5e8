// The bodies of one transaction: stored once in each partition, linked by every record that has
// them, and freed when nothing links or pins them.
//
// A body that no link names has an "unlinked" row beside it, so that a sweep at open finds it. The
// row is written with or before the body (or with the delete of the last link) and is deleted after
// the links are durable. See doc/storage-format.md, "Bodies".
// Threads  one: the committer's.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "store/body_pins.h"
#include "store/keys.h"
#include "store/overlay.h"
#include "store/staging.h"

namespace gemel {

class CommitBodies {
 public:
  CommitBodies(Overlay& rows, const Partitions& partitions, SharedRandom& random)
      : rows_(&rows), partitions_(&partitions), random_(&random) {}

  /// Its size, or nothing if it is not there, can't be read, or is marked as lost.
  Result<std::optional<uint64_t>> find(const BodyPlace& place) const;
  /// The body is in `partition` afterwards: it was, or `body` gives it, and then it is not lost any
  /// more. Errors: kNoSpace; kNotFound, `body` was taken before and has been freed since.
  Result<void> store(uint32_t partition, const StagedBody& body);
  /// The body is in `to` afterwards: it was, or it is copied there from partition `from`, straight
  /// to the engine without a sync, so that memory stays small. One that is lost in `from` is lost
  /// in `to`. Errors: kNotFound, no record of `from` holds it; kNoSpace, kIo.
  Result<void> copy(const Guid& guid, uint64_t size, uint32_t from, uint32_t to);

  /// The bytes of these bodies are in partition `to` afterwards, and on disk there; those that are
  /// there, or can't be read, are passed over. Where there is no room for all, fewer. Gives those
  /// that went. Errors: kNoSpace, there is no room for one; kIo.
  Result<std::vector<BodyPlace>> archive(const std::vector<BodyPlace>& places, uint32_t to);

  /// Whether any record holds it.
  Result<bool> is_linked(const BodyPlace& place) const;
  Result<bool> is_lost(const BodyPlace& place) const;
  /// Whether it is there and hashes to its guid. Cost: it is read.
  bool is_intact(const BodyPlace& place) const;
  /// What mail/summary.h makes of it is kept beside it.
  void put_summary(const BodyPlace& place, std::string summary);
  void mark_lost(const BodyPlace& place);
  void unmark(const BodyPlace& place);

  void link(const BodyPlace& place, const key::Holder& holder);
  /// Cost: one row more is read than the link.
  Result<void> unlink(const BodyPlace& place, uint64_t size, const key::Holder& holder);

  /// Bodies that lost or got links: to look at again when the batch is durable.
  const std::set<BodyPlace>& touched() const { return touched_; }
  /// Owned by the store once the batch is durable.
  const std::vector<std::shared_ptr<StagedBody::State>>& adopted() const { return adopted_; }

 private:
  Result<void> adopt(const BodyPlace& place, const std::shared_ptr<StagedBody::State>& body);
  std::optional<BodyRow> row_of(const BodyPlace& place) const;
  Result<void> clear_lost(const BodyPlace& place);
  Result<void> copy_there(const BodyPlace& to, uint64_t size, uint32_t from);
  Result<void> copy_row(const BodyPlace& to, uint64_t size, const Engine& source, BodyRow row);
  void put_unlinked(const BodyPlace& place, uint64_t size);
  Result<void> erase_bytes(const BodyPlace& place, const BodyRow& row);
  Result<std::optional<BodyRow>> copy_to_archive(const BodyPlace& place, uint32_t to);
  Result<void> point_to(const BodyPlace& place, const BodyRow& archived);
  Result<void> disown_archived(const BodyPlace& place);

  Overlay* rows_;
  const Partitions* partitions_;
  SharedRandom* random_;
  std::set<BodyPlace> touched_;
  std::vector<std::shared_ptr<StagedBody::State>> adopted_;
};

/// What a link names the partition by.
std::string links_of(const Partitions& partitions, const BodyPlace& place);

/// Frees a body that has no link and no pin; forgets that it had none if it has one now. Not
/// synced: a crash leaves the unlinked row, and the next open does it again.
Result<void> settle_body(const Partitions& partitions, BodyPins& pins, const BodyPlace& place);

/// At open: settles every body that may be without a link, and frees the chunks of stages that no
/// transaction took. Cost: O(those).
Result<void> sweep_bodies(const Partitions& partitions);

}  // namespace gemel
