// The engine on RocksDB over a file system of the caller's: how a test cuts the power.
#pragma once

#include <memory>

#include "store/engine.h"

namespace rocksdb {
class FileSystem;
}

namespace gemel {

/// As rocksdb_opener(), which is on the machine's file system.
std::unique_ptr<EngineOpener> rocksdb_opener_on(std::shared_ptr<rocksdb::FileSystem> file_system);

}  // namespace gemel
