// Reading stored bodies by their rows.
#pragma once

#include <optional>

#include "store/engine.h"
#include "store/rows.h"

namespace gemel {

/// Chunk `number` of a chunked body. Errors: kCorrupt, it is not there or has another size.
Result<std::string> read_chunk(const Engine& engine, const EngineSnapshot* snapshot,
                               const ChunkedBody& body, uint32_t number);
/// The row of a body, or nothing.
Result<std::optional<BodyRow>> read_body_row(const Engine& engine, const EngineSnapshot* snapshot,
                                             const Guid& guid);

}  // namespace gemel
