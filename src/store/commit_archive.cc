// Bodies whose bytes go to another partition, while the records that hold them stay.
//
// The chunks are written there under a stage of their own and synced, with a stage row that names
// the body; the transaction then puts the archived row in the place of the bytes. So after a crash
// either row tells whose the chunks are. See doc/storage-format.md, "Bodies".
#include "store/body_read.h"
#include "store/commit_bodies.h"

namespace gemel {

Result<std::vector<BodyPlace>> CommitBodies::archive(const std::vector<BodyPlace>& places,
                                                     uint32_t to) {
  std::vector<BodyPlace> out;
  EngineBatch owners;
  for (const BodyPlace& place : places) {
    const auto row = copy_to_archive(place, to);
    if (!row && row.error().code == Code::kNoSpace && !out.empty()) break;
    TRY_OK(row);
    if (!*row) continue;
    const StageRow owned{(*row)->chunked.chunks, partitions_->at(place.partition).name, place.guid};
    owners.push_back({Table::kIndex, key::stage((*row)->chunked.stage_id), owned.encode()});
    TRY_OK(point_to(place, **row));
    out.push_back(place);
  }
  if (!owners.empty())
    TRY_OK(partitions_->at(to).engine->write(owners, Engine::Durability::kSynced));
  return out;
}

/// Writes its chunks there, not synced. Nothing: there is nothing to be done.
Result<std::optional<BodyRow>> CommitBodies::copy_to_archive(const BodyPlace& place, uint32_t to) {
  const std::optional<BodyRow> row = row_of(place);
  TRY(const bool lost, is_lost(place));
  if (!row || lost || !row->archive.empty() || place.partition == to || size_of(*row) == 0)
    return std::nullopt;
  // What has rotted must not become the only copy of what the scrub would find.
  if (!gemel::is_intact(*partitions_, place, *row)) return std::nullopt;
  const Partition& target = partitions_->at(to);
  TRY_OK(target.space->check(size_of(*row)));
  StageWriter stage(target.engine, random_->bytes(kStageIdBytes));
  const auto copied = [&]() -> Result<void> {
    if (row->chunked.chunks == 0) return stage.put(row->inline_bytes);
    const Engine& source = *partitions_->at(place.partition).engine;
    for (uint32_t number = 0; number < row->chunked.chunks; ++number) {
      TRY(std::string chunk, read_chunk(source, nullptr, row->chunked, number));
      TRY_OK(stage.put(std::move(chunk)));
    }
    return {};
  }();
  if (copied)
    return BodyRow{.inline_bytes = {},
                   .chunked = {stage.stage_id(), size_of(*row), stage.chunks()},
                   .archive = target.name};
  EngineBatch batch;
  erase_stage(batch, stage.stage_id(), stage.chunks());
  TRY_OK(target.engine->write(batch, Engine::Durability::kLazy));
  return std::unexpected(copied.error());
}

Result<void> CommitBodies::point_to(const BodyPlace& place, const BodyRow& archived) {
  const std::optional<BodyRow> row = row_of(place);
  if (row) TRY_OK(erase_bytes(place, *row));
  rows_->erase_in({place.partition, Table::kBody}, std::string(place.guid.view()));
  rows_->put_in({place.partition, Table::kIndex}, key::archived(place.guid),
                archived.encode_archived());
  // So that the stage's row is looked at when all is durable.
  put_unlinked(place, archived.chunked.size);
  return {};
}

/// Before the last link goes: else a crash could leave chunks that nothing names.
Result<void> CommitBodies::disown_archived(const BodyPlace& place) {
  TRY(const auto bytes, rows_->get_in({place.partition, Table::kIndex}, key::archived(place.guid)));
  const auto row = bytes ? BodyRow::decode_archived(*bytes) : BodyRow();
  const auto where = row ? partitions_->find(row->archive) : place.partition;
  if (!bytes || !row || !where) return {};
  const StageRow owned{row->chunked.chunks, partitions_->at(place.partition).name, place.guid};
  rows_->put_in({*where, Table::kIndex}, key::stage(row->chunked.stage_id), owned.encode());
  return {};
}

}  // namespace gemel
