#include "store/commit_bodies.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "store/body_read.h"

namespace gemel {

std::string links_of(const Partitions& partitions, const BodyPlace& place) {
  return key::links(place.guid, partitions.at(place.partition).name);
}

Result<std::optional<uint64_t>> CommitBodies::find(const BodyPlace& place) const {
  // A body that nothing holds, not even an unlinked row, is no more: so the row itself tells. For a
  // new body, which is the common case, a Bloom filter answers.
  const std::optional<BodyRow> row = row_of(place);
  if (!row) return std::nullopt;
  TRY(const bool lost, is_lost(place));
  return lost ? std::nullopt : std::optional(size_of(*row));
}

/// Nothing also where there is one that can't be read: its bytes are as good as gone.
std::optional<BodyRow> CommitBodies::row_of(const BodyPlace& place) const {
  auto bytes = rows_->get_in({place.partition, Table::kBody}, place.guid.view());
  if (!bytes) return std::nullopt;
  const bool is_archived = !*bytes;
  if (is_archived)
    bytes = rows_->get_in({place.partition, Table::kIndex}, key::archived(place.guid));
  if (!bytes || !*bytes) return std::nullopt;
  Result<BodyRow> row =
      is_archived ? BodyRow::decode_archived(**bytes) : BodyRow::decode(std::move(**bytes));
  if (!row) return std::nullopt;
  return std::move(*row);
}

Result<bool> CommitBodies::is_linked(const BodyPlace& place) const {
  return rows_->any_with_prefix(links_of(*partitions_, place));
}

Result<bool> CommitBodies::is_lost(const BodyPlace& place) const {
  TRY(const auto mark, rows_->get_in({place.partition, Table::kIndex}, key::lost(place.guid)));
  return mark.has_value();
}

bool CommitBodies::is_intact(const BodyPlace& place) const {
  const std::optional<BodyRow> row = row_of(place);
  return row && gemel::is_intact(*partitions_, place, *row);
}

void CommitBodies::mark_lost(const BodyPlace& place) {
  rows_->put_in({place.partition, Table::kIndex}, key::lost(place.guid), "");
}

void CommitBodies::unmark(const BodyPlace& place) {
  rows_->erase_in({place.partition, Table::kIndex}, key::lost(place.guid));
}

/// What is left of a lost body makes room for it.
Result<void> CommitBodies::clear_lost(const BodyPlace& place) {
  TRY(const bool lost, is_lost(place));
  if (lost) unmark(place);
  const std::optional<BodyRow> row = row_of(place);
  return row ? erase_bytes(place, *row) : Result<void>();
}

/// The chunks that a row names, and an archived body's row; another body's row is to be replaced.
Result<void> CommitBodies::erase_bytes(const BodyPlace& place, const BodyRow& row) {
  if (!row.archive.empty())
    rows_->erase_in({place.partition, Table::kIndex}, key::archived(place.guid));
  const auto where = chunk_partition(*partitions_, place, row);
  if (!where) return {};  // that disk is not here any more
  for (uint32_t number = 0; number < row.chunked.chunks; ++number)
    rows_->erase_in({*where, Table::kBody}, key::chunk(row.chunked.stage_id, number));
  return {};
}

void CommitBodies::put_summary(const BodyPlace& place, std::string summary) {
  rows_->put_in({place.partition, Table::kIndex}, key::summary(place.guid), std::move(summary));
}

void CommitBodies::put_unlinked(const BodyPlace& place, uint64_t size) {
  std::string value;
  put_varint(value, size);
  rows_->put_in({place.partition, Table::kIndex}, key::unlinked(place.guid), std::move(value));
  touched_.insert(place);
}

Result<void> CommitBodies::store(uint32_t partition, const StagedBody& body) {
  const BodyPlace place{partition, body.guid()};
  TRY(const auto there, find(place));
  if (there) return {};
  const std::shared_ptr<StagedBody::State>& state = body.state_;
  TRY_OK(partitions_->at(partition).space->check(state->size));
  TRY_OK(clear_lost(place));
  if (state->is_chunked()) {
    if (state->taken.load())
      return fail(Code::kNotFound, fmt::format("body {} was freed since", body.guid().text()));
    if (state->partition == partition) return adopt(place, state);
    return copy_row(place, state->size, *state->engine,
                    {.inline_bytes = {}, .chunked = state->chunked});
  }
  rows_->put_in({partition, Table::kBody}, std::string(place.guid.view()), state->row);
  if (state->summary) put_summary(place, *state->summary);
  if (partition != kIndexEngine) put_unlinked(place, state->size);
  return {};
}

Result<void> CommitBodies::adopt(const BodyPlace& place,
                                 const std::shared_ptr<StagedBody::State>& body) {
  rows_->put_in({place.partition, Table::kBody}, std::string(place.guid.view()),
                body->chunked.encode());
  rows_->erase_in({place.partition, Table::kIndex}, key::stage(body->chunked.stage_id));
  if (place.partition != kIndexEngine) put_unlinked(place, body->size);
  adopted_.push_back(body);
  return {};
}

Result<void> CommitBodies::copy(const Guid& guid, uint64_t size, uint32_t from, uint32_t to) {
  const BodyPlace place{to, guid};
  TRY(const auto there, find(place));
  if (there) return {};
  TRY_OK(partitions_->at(to).space->check(size));
  TRY_OK(clear_lost(place));
  const Result<void> copied = copy_there(place, size, from);
  if (copied || copied.error().code != Code::kCorrupt) return copied;
  // A body that is lost must not hold up all others of a move: it is lost here too from now on.
  const BodyPlace source{from, guid};
  TRY(const bool linked, is_linked(source));
  if (!linked) return fail(Code::kNotFound, fmt::format("no body {}", guid.text()));
  mark_lost(source);
  mark_lost(place);
  put_unlinked(place, size);
  return {};
}

/// Errors: kCorrupt, it is lost.
Result<void> CommitBodies::copy_there(const BodyPlace& to, uint64_t size, uint32_t from) {
  std::optional<BodyRow> row = row_of({from, to.guid});
  if (!row) return fail(Code::kCorrupt, fmt::format("no body {}", to.guid.text()));
  const auto where = chunk_partition(*partitions_, {from, to.guid}, *row);
  if (!where) return fail(Code::kCorrupt, where.error().text);
  const Engine& source = *partitions_->at(*where).engine;
  TRY(const auto summary, partitions_->at(from).engine->get(Table::kIndex, key::summary(to.guid)));
  if (summary) put_summary(to, *summary);
  if (!row->archive.empty() && size <= kBodyChunkBytes) {  // a small one has no chunks there
    TRY(row->inline_bytes, read_chunk(source, nullptr, row->chunked, 0));
    row->chunked = {};
  }
  return copy_row(to, size, source, std::move(*row));
}

Result<void> CommitBodies::copy_row(const BodyPlace& to, uint64_t size, const Engine& source,
                                    BodyRow row) {
  const std::shared_ptr<Engine>& target = partitions_->at(to.partition).engine;
  EngineBatch batch;
  std::string value;
  if (row.chunked.stage_id.empty()) {
    value = BodyRow::encode_inline(row.inline_bytes);
  } else {
    StageWriter stage(target, random_->bytes(kStageIdBytes));
    for (uint32_t number = 0; number < row.chunked.chunks; ++number) {
      Result<std::string> chunk = read_chunk(source, nullptr, row.chunked, number);
      if (!chunk) {
        erase_stage(batch, stage.stage_id(), stage.chunks());
        TRY_OK(target->write(batch, Engine::Durability::kLazy));
        return std::unexpected(std::move(chunk).error());
      }
      TRY_OK(stage.put(std::move(*chunk)));
    }
    value = ChunkedBody{stage.stage_id(), size, stage.chunks()}.encode();
    batch.push_back({Table::kIndex, key::stage(stage.stage_id()), std::nullopt});
  }
  batch.push_back({Table::kBody, std::string(to.guid.view()), std::move(value)});
  std::string unlinked;
  put_varint(unlinked, size);
  batch.push_back({Table::kIndex, key::unlinked(to.guid), std::move(unlinked)});
  TRY_OK(target->write(batch, Engine::Durability::kLazy));
  put_unlinked(to, size);  // once more, so that the target has something to sync with the batch
  return {};
}

void CommitBodies::link(const BodyPlace& place, const key::Holder& holder) {
  rows_->put_once(key::link(place.guid, partitions_->at(place.partition).name, holder), "");
}

Result<void> CommitBodies::unlink(const BodyPlace& place, uint64_t size,
                                  const key::Holder& holder) {
  rows_->erase_once(key::link(place.guid, partitions_->at(place.partition).name, holder));
  TRY(const bool linked, rows_->any_with_prefix(links_of(*partitions_, place)));
  if (linked) return {};
  put_unlinked(place, size);
  return disown_archived(place);
}

namespace {

/// The chunks of a body that nothing holds.
Result<void> erase_archived(const Partitions& partitions, const BodyRow& row) {
  const auto where = partitions.find(row.archive);
  if (!where) return {};  // that disk is not here any more
  EngineBatch batch;
  erase_stage(batch, row.chunked.stage_id, row.chunked.chunks);
  return partitions.at(*where).engine->write(batch, Engine::Durability::kLazy);
}

/// What says that its chunks may have no owner goes: it has them for good.
Result<void> settle_archived(const Partitions& partitions, const BodyPlace& place) {
  TRY(const auto row,
      read_archived_row(*partitions.at(place.partition).engine, nullptr, place.guid));
  const auto where = row ? partitions.find(row->archive) : place.partition;
  if (!row || !where) return {};
  EngineBatch batch;
  erase_stage(batch, row->chunked.stage_id, 0);
  return partitions.at(*where).engine->write(batch, Engine::Durability::kLazy);
}

/// Whether an archived body's row names this stage. A body whose partition is not here may.
Result<bool> is_owned(const Partitions& partitions, std::string_view stage_id,
                      const StageRow& stage) {
  if (stage.partition.empty()) return false;
  const auto number = partitions.find(stage.partition);
  if (!number) return true;
  TRY(const auto row, read_archived_row(*partitions.at(*number).engine, nullptr, stage.guid));
  return row && row->chunked.stage_id == stage_id;
}

}  // namespace

Result<void> settle_body(const Partitions& partitions, BodyPins& pins, const BodyPlace& place) {
  Engine& engine = *partitions.at(place.partition).engine;
  TRY(const auto unlinked, engine.get(Table::kIndex, key::unlinked(place.guid)));
  if (!unlinked || pins.holds_back(place)) return {};
  EngineBatch batch;
  const SnapshotReader index(partitions.index().engine);
  TRY(const bool linked, index.any_with_prefix(links_of(partitions, place)));
  if (!linked) {
    if (pins.has(place)) return {};
    TRY(const auto archived, read_archived_row(engine, nullptr, place.guid));
    if (archived) {
      TRY_OK(erase_archived(partitions, *archived));
      batch.push_back({Table::kIndex, key::archived(place.guid), std::nullopt});
    } else if (Decoder(*unlinked).varint() > kBodyChunkBytes) {
      TRY(const auto row, unless_corrupt(read_body_row(engine, nullptr, place.guid)));
      if (row) erase_stage(batch, row->chunked.stage_id, row->chunked.chunks);
    }
    TRY(const auto lost, engine.get(Table::kIndex, key::lost(place.guid)));
    if (lost) batch.push_back({Table::kIndex, key::lost(place.guid), std::nullopt});
    batch.push_back({Table::kIndex, key::summary(place.guid), std::nullopt});
    batch.push_back({Table::kBody, std::string(place.guid.view()), std::nullopt});
  } else {
    TRY_OK(settle_archived(partitions, place));
  }
  batch.push_back({Table::kIndex, key::unlinked(place.guid), std::nullopt});
  return engine.write(batch, Engine::Durability::kLazy);
}

namespace {

/// Keys and values of the rows that start with `prefix`, in the index table of `engine`.
Result<std::vector<std::pair<std::string, std::string>>> rows_of(
    const std::shared_ptr<Engine>& engine, std::string_view prefix) {
  std::vector<std::pair<std::string, std::string>> out;
  TRY_OK(SnapshotReader(engine).scan_prefix(
      std::string(prefix), [&](std::string_view key, std::string_view value) -> Result<bool> {
        out.emplace_back(key.substr(prefix.size()), value);
        return true;
      }));
  return out;
}

}  // namespace

Result<void> sweep_bodies(const Partitions& partitions) {
  BodyPins no_pins;
  for (uint32_t number = 0; number < partitions.count(); ++number) {
    const std::shared_ptr<Engine>& engine = partitions.at(number).engine;
    TRY(const auto bodies, rows_of(engine, key::kUnlinked));
    for (const auto& [guid, size] : bodies)
      TRY_OK(settle_body(partitions, no_pins, {number, Guid::from_view(guid)}));
  }
  // Only then: what is freed of archived bodies may be freed again by their stages' rows.
  for (uint32_t number = 0; number < partitions.count(); ++number) {
    const std::shared_ptr<Engine>& engine = partitions.at(number).engine;
    TRY(const auto stages, rows_of(engine, key::kStages));
    for (const auto& [stage_id, value] : stages) {
      TRY(const StageRow row, StageRow::decode(value));
      TRY(const bool owned, is_owned(partitions, stage_id, row));
      EngineBatch batch;
      erase_stage(batch, stage_id, owned ? 0 : row.chunks);
      TRY_OK(engine->write(batch, Engine::Durability::kLazy));
    }
  }
  return {};
}

}  // namespace gemel
