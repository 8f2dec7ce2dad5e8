#include "store/staging.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "base/pack.h"
#include "mail/summary.h"
#include "store/body_read.h"
#include "store/keys.h"

namespace gemel {
namespace {

void drop_stage(Engine& engine, std::string_view stage_id, uint32_t chunks) {
  EngineBatch batch;
  erase_stage(batch, stage_id, chunks);
  // When it fails, the stage row stays, and the next open frees the chunks.
  if (const auto done = engine.write(batch, Engine::Durability::kLazy); !done)
    log::warn("stage not freed error=\"{}\"", done.error().text);
}

}  // namespace

Result<void> StageWriter::put(std::string chunk) {
  EngineBatch batch;
  if (std::string frame = packed(chunk); !frame.empty()) chunk = std::move(frame);
  batch.push_back({Table::kBody, key::chunk(stage_id_, chunks_), std::move(chunk)});
  std::string count;
  put_varint(count, chunks_ + 1);
  batch.push_back({Table::kIndex, key::stage(stage_id_), std::move(count)});
  TRY_OK(engine_->write(batch, Engine::Durability::kLazy));
  ++chunks_;
  return {};
}

void erase_stage(EngineBatch& batch, std::string_view stage_id, uint32_t chunks) {
  for (uint32_t number = 0; number < chunks; ++number)
    batch.push_back({Table::kBody, key::chunk(stage_id, number), std::nullopt});
  batch.push_back({Table::kIndex, key::stage(stage_id), std::nullopt});
}

StagedBody::State::~State() {
  if (is_chunked() && !taken.load()) drop_stage(*engine, chunked.stage_id, chunked.chunks);
}

Guid StagedBody::guid() const { return state_->guid; }
uint64_t StagedBody::size() const { return state_->size; }
const LineScan& StagedBody::lines() const { return state_->lines; }
uint64_t StagedBody::crlf_growth() const { return lines().crlf_growth(); }

Result<std::string> StagedBody::read(uint64_t offset, uint64_t count) const {
  if (offset >= state_->size) return std::string();
  if (!state_->is_chunked()) return state_->inline_bytes.substr(offset, count);
  return read_chunks(*state_->engine, nullptr, state_->chunked, {offset, count});
}

BodyWriter::State::~State() {
  if (!handed_on && chunks.chunks() > 0)
    drop_stage(*partition.engine, chunks.stage_id(), chunks.chunks());
}

BodyWriter::BodyWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
BodyWriter::~BodyWriter() = default;
BodyWriter::BodyWriter(BodyWriter&&) noexcept = default;
BodyWriter& BodyWriter::operator=(BodyWriter&&) noexcept = default;

Result<void> BodyWriter::append(std::string_view bytes) {
  State& state = *state_;
  if (bytes.size() > state.bytes_max - state.size)
    return fail(Code::kTooBig, fmt::format("a message may have {} bytes", state.bytes_max));
  state.size += bytes.size();
  state.hash.update(bytes);
  state.lines.add(bytes);
  while (!bytes.empty()) {
    // Written only when more comes: a body of exactly one chunk stays inline.
    if (state.buffer.size() == kBodyChunkBytes) {
      TRY_OK(state.partition.space->check(kBodyChunkBytes));
      TRY_OK(state.chunks.put(std::exchange(state.buffer, {})));
    }
    const size_t taken = std::min(bytes.size(), kBodyChunkBytes - state.buffer.size());
    state.buffer += bytes.substr(0, taken);
    bytes.remove_prefix(taken);
  }
  return {};
}

Result<StagedBody> BodyWriter::finish() {
  State& state = *state_;
  auto staged = std::make_shared<StagedBody::State>();
  staged->guid = Guid{state.hash.finish()};
  staged->size = state.size;
  staged->lines = state.lines;
  staged->partition = state.partition_number;
  staged->engine = state.partition.engine;
  if (state.chunks.chunks() == 0) {
    staged->inline_bytes = std::move(state.buffer);
    staged->row = BodyRow::encode_inline(staged->inline_bytes);
    staged->summary = summarize(staged->inline_bytes);
  } else {
    TRY_OK(state.chunks.put(std::move(state.buffer)));
    staged->chunked = {state.chunks.stage_id(), state.size, state.chunks.chunks()};
    state.handed_on = true;
  }
  StagedBody out;
  out.state_ = std::move(staged);
  return out;
}

}  // namespace gemel
