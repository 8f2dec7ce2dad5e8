// Reading stored bodies by their rows.
#pragma once

#include <optional>

#include "store/body_pins.h"
#include "store/partitions.h"
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
/// The number of the partition that has the chunks of the body at `place`. Errors: kNotFound, it is
/// no partition any more.
Result<uint32_t> chunk_partition(const Partitions& partitions, const BodyPlace& place,
                                 const BodyRow& row);
/// Whether the bytes of the body at `place`, inline or in chunks, can be read now and hash to its
/// guid. Cost: it is read.
bool is_intact(const Partitions& partitions, const BodyPlace& place, const BodyRow& row);
/// The row of a body, also of an archived one, or nothing. `engine`: of the body's partition.
Result<std::optional<BodyRow>> read_body_row(const Engine& engine, const EngineSnapshot* snapshot,
                                             const Guid& guid);
/// The same of an archived body alone.
Result<std::optional<BodyRow>> read_archived_row(const Engine& engine,
                                                 const EngineSnapshot* snapshot, const Guid& guid);

}  // namespace gemel
