// Bytes made shorter for the disk: one zstd frame each, or one block of LZ4, which is longer by a
// third or so for text, and read and made in a fraction of the time.
//
// Threads  any. Each thread keeps what zstd works with, some 1 MB where it packs 1 MB.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel {

/// `bytes` as a frame that says how many they are; empty unless that is shorter than they.
std::string packed(std::string_view bytes);

/// What was packed. Errors: kCorrupt, no such frame, or more than `bytes_max` come out, which is
/// found before memory is taken.
Result<std::string> unpacked(std::string_view frame, size_t bytes_max);

/// `bytes`, at most 1 GiB, as their number (a varint) and a block of LZ4; empty unless that is
/// shorter than they.
std::string packed_lightly(std::string_view bytes);

/// What was packed lightly. Errors: as of unpacked().
Result<std::string> unpacked_lightly(std::string_view block, size_t bytes_max);

}  // namespace gemel
