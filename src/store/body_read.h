// Reading stored bodies by their rows.
#pragma once

#include <optional>

#include "store/engine.h"
#include "store/rows.h"

namespace gemel {

/// Chunk `number` of a chunked body. Errors: kCorrupt, it is not there or has another size.
Result<std::string> read_chunk(const Engine& engine, const EngineSnapshot* snapshot,
                               const ChunkedBody& body, uint32_t number);
struct ByteRange {
  uint64_t offset = 0;
  uint64_t count = 0;
};
/// Fewer bytes at the end, none behind it. Errors: as read_chunk.
Result<std::string> read_chunks(const Engine& engine, const EngineSnapshot* snapshot,
                                const ChunkedBody& body, const ByteRange& range);
/// Whether the body's bytes, inline or in chunks, can be read and hash to `guid`. Cost: it is read.
bool is_intact(const Engine& engine, const EngineSnapshot* snapshot, const BodyRow& row,
               const Guid& guid);
/// The row of a body, or nothing.
Result<std::optional<BodyRow>> read_body_row(const Engine& engine, const EngineSnapshot* snapshot,
                                             const Guid& guid);

}  // namespace gemel
