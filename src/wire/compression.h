// Streams that are compressed as they flow: zstd for the sync link, raw deflate for IMAP (RFC
// 4978). kZstdWords is zstd with a dictionary of the sync link's words, begun anew now and then, so
// that a short line is short whatever went before it.
//
// A context lives as long as its connection, so what was said before makes what follows short.
// Threads  one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/session.h"

namespace gemel::wire {

class Compressor {
 public:
  virtual ~Compressor() = default;
  /// kFlush: the peer can read all of it at once; kHold: some may wait for what follows.
  enum class Flush : uint8_t { kFlush, kHold };
  /// Appends compressed bytes to `out`.
  virtual void write(std::string_view bytes, Flush flush, std::string& out) = 0;
};

/// A few bytes can stand for very many: so output comes in pieces, on request.
class Decompressor {
 public:
  virtual ~Decompressor() = default;
  /// Takes input; memory grows with what is fed and not yet read.
  virtual void feed(std::string_view bytes) = 0;
  /// Appends at most `bytes_max` to `out`, and returns how many; 0 when more input is needed.
  /// Errors: kCorrupt, the input is no such stream, or needs a larger window than the limit.
  virtual Result<size_t> read(std::string& out, size_t bytes_max) = 0;
};

/// log2 of the bytes that a zstd stream may look back. Memory: about twice that for each direction.
inline constexpr int kZstdWindowLog = 23;

/// Ends with other words don't understand each other: see doc/replication-protocol.md before a
/// change of a single byte.
extern const std::string_view kSyncWords;
/// A frame of kZstdWords ends behind so many bytes, which is less than the window, before what is
/// as short as this and flushed; so the words are in the window for what is short.
inline constexpr uint64_t kWordsFrameBytes = uint64_t{4} << 20;
inline constexpr size_t kWordsShortBytes = 1024;

/// `kind` must not be kNone.
std::unique_ptr<Compressor> make_compressor(Compression kind);
std::unique_ptr<Decompressor> make_decompressor(Compression kind);

}  // namespace gemel::wire
