#include "store/body_read.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/pack.h"
#include "store/keys.h"
#include "store/mail_store.h"

namespace gemel {

Result<std::string> read_chunk(const Engine& engine, const EngineSnapshot* snapshot,
                               const ChunkedBody& body, uint32_t number) {
  TRY(std::optional<std::string> chunk,
      engine.get(Table::kBody, key::chunk(body.stage_id, number), snapshot));
  const uint64_t size = std::min<uint64_t>(kBodyChunkBytes, body.size - number * kBodyChunkBytes);
  // One that is packed is shorter, always.
  if (chunk && chunk->size() < size) {
    TRY(chunk, unpacked(*chunk, size));
  }
  if (!chunk || chunk->size() != size)
    return fail(Code::kCorrupt, fmt::format("chunk {} of a stored body is missing or cut", number));
  return std::move(*chunk);
}

Result<std::optional<BodyRow>> read_body_row(const Engine& engine, const EngineSnapshot* snapshot,
                                             const Guid& guid) {
  TRY(std::optional<std::string> bytes, engine.get(Table::kBody, guid.view(), snapshot));
  if (bytes) return BodyRow::decode(std::move(*bytes));
  return read_archived_row(engine, snapshot, guid);
}

Result<std::optional<BodyRow>> read_archived_row(const Engine& engine,
                                                 const EngineSnapshot* snapshot, const Guid& guid) {
  TRY(const std::optional<std::string> bytes,
      engine.get(Table::kIndex, key::archived(guid), snapshot));
  if (!bytes) return std::nullopt;
  return BodyRow::decode_archived(*bytes);
}

Result<uint32_t> chunk_partition(const Partitions& partitions, const BodyPlace& place,
                                 const BodyRow& row) {
  if (row.archive.empty()) return place.partition;
  return partitions.find(row.archive);
}

bool is_intact(const Partitions& partitions, const BodyPlace& place, const BodyRow& row) {
  if (row.chunked.stage_id.empty()) return Guid{sha256(row.inline_bytes)} == place.guid;
  const Result<uint32_t> where = chunk_partition(partitions, place, row);
  if (!where) return false;
  Sha256Stream hash;
  for (uint32_t number = 0; number < row.chunked.chunks; ++number) {
    const Result<std::string> chunk =
        read_chunk(*partitions.at(*where).engine, nullptr, row.chunked, number);
    if (!chunk) return false;
    hash.update(*chunk);
  }
  return Guid{hash.finish()} == place.guid;
}

Result<std::string> read_chunks(const Engine& engine, const EngineSnapshot* snapshot,
                                const ChunkedBody& body, const ByteRange& range) {
  uint64_t offset = range.offset;
  if (offset >= body.size) return std::string();
  uint64_t count = std::min(range.count, body.size - offset);
  std::string out;
  out.reserve(count);
  while (count > 0) {
    const auto number = static_cast<uint32_t>(offset / kBodyChunkBytes);
    TRY(const std::string chunk, read_chunk(engine, snapshot, body, number));
    const size_t from = offset % kBodyChunkBytes;
    const size_t taken = std::min<uint64_t>(count, chunk.size() - from);
    out.append(chunk, from, taken);
    offset += taken;
    count -= taken;
  }
  return out;
}

Result<std::string> Body::read(uint64_t offset, uint64_t count) const {
  if (offset >= size_) return std::string();
  if (chunk_prefix_.empty()) return inline_bytes_.substr(offset, count);
  Result<std::string> bytes =
      read_chunks(*engine_, snapshot_.get(), {chunk_prefix_, size_, 0}, {offset, count});
  if (!bytes) lost_();
  return bytes;
}

}  // namespace gemel
