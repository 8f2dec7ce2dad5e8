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
  TRY(std::optional<std::string> bytes,
      rows_->get_in({place.partition, Table::kBody}, place.guid.view()));
  if (!bytes) return std::nullopt;
  TRY(const BodyRow row, BodyRow::decode(std::move(*bytes)));
  return size_of(row);
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
  if (state->is_chunked()) {
    if (state->taken.load())
      return fail(Code::kNotFound, fmt::format("body {} was freed since", body.guid().text()));
    if (state->partition == partition) return adopt(place, state);
    return copy_row(place, state->size, *state->engine, BodyRow{{}, state->chunked});
  }
  std::string row(1, kBodyInline);
  row += state->inline_bytes;
  rows_->put_in({partition, Table::kBody}, std::string(place.guid.view()), std::move(row));
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
  TRY(std::optional<std::string> bytes, rows_->get_in({from, Table::kBody}, guid.view()));
  if (!bytes) return fail(Code::kNotFound, fmt::format("no body {}", guid.text()));
  TRY(BodyRow row, BodyRow::decode(std::move(*bytes)));
  return copy_row(place, size, *partitions_->at(from).engine, std::move(row));
}

Result<void> CommitBodies::copy_row(const BodyPlace& to, uint64_t size, const Engine& source,
                                    BodyRow row) {
  const std::shared_ptr<Engine>& target = partitions_->at(to.partition).engine;
  EngineBatch batch;
  std::string value(1, kBodyInline);
  if (row.chunked.stage_id.empty()) {
    value += row.inline_bytes;
  } else {
    StageWriter stage(target, random_->bytes(kStageIdBytes));
    for (uint32_t number = 0; number < row.chunked.chunks; ++number) {
      TRY(std::string chunk, read_chunk(source, nullptr, row.chunked, number));
      TRY_OK(stage.put(std::move(chunk)));
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
  if (!linked) put_unlinked(place, size);
  return {};
}

Result<void> settle_body(const Partitions& partitions, const BodyPins& pins,
                         const BodyPlace& place) {
  Engine& engine = *partitions.at(place.partition).engine;
  TRY(const auto unlinked, engine.get(Table::kIndex, key::unlinked(place.guid)));
  if (!unlinked) return {};
  EngineBatch batch;
  const SnapshotReader index(partitions.index().engine);
  TRY(const bool linked, index.any_with_prefix(links_of(partitions, place)));
  if (!linked) {
    if (pins.has(place)) return {};
    if (Decoder(*unlinked).varint() > kBodyChunkBytes) {
      TRY(const auto row, read_body_row(engine, nullptr, place.guid));
      if (row) erase_stage(batch, row->chunked.stage_id, row->chunked.chunks);
    }
    batch.push_back({Table::kBody, std::string(place.guid.view()), std::nullopt});
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
  const BodyPins no_pins;
  for (uint32_t number = 0; number < partitions.count(); ++number) {
    const std::shared_ptr<Engine>& engine = partitions.at(number).engine;
    TRY(const auto stages, rows_of(engine, key::kStages));
    for (const auto& [stage_id, count] : stages) {
      EngineBatch batch;
      erase_stage(batch, stage_id, static_cast<uint32_t>(Decoder(count).varint()));
      TRY_OK(engine->write(batch, Engine::Durability::kLazy));
    }
    TRY(const auto bodies, rows_of(engine, key::kUnlinked));
    for (const auto& [guid, size] : bodies)
      TRY_OK(settle_body(partitions, no_pins, {number, Guid::from_view(guid)}));
  }
  return {};
}

}  // namespace gemel
