#include "store/body_bytes.h"

#include <algorithm>
#include <utility>

#include "base/give_back.h"

namespace gemel {

BodyBytes::BodyBytes(Body body) : size_(body.size()) {
  read_ = [body = std::move(body)](uint64_t offset, uint64_t count) {
    return body.read(offset, count);
  };
}

BodyBytes::BodyBytes(StagedBody body, uint64_t start) : size_(body.size() - start) {
  read_ = [body = std::move(body), start](uint64_t offset, uint64_t count) {
    return body.read(start + offset, count);
  };
}

std::string_view BodyBytes::from(size_t start) {
  if (start >= size_ || !failure_) return {};
  const uint64_t wanted = std::min<uint64_t>(kMessagePieceBytesMin, size_ - start);
  if (start < window_start_ || start + wanted > window_start_ + window_.size()) {
    // Up to the end of a chunk: who goes on from there reads each chunk once.
    uint64_t count = kBodyChunkBytes - start % kBodyChunkBytes;
    if (count < wanted) count += kBodyChunkBytes;
    window_start_ = start;
    give_back(window_);
    Result<std::string> piece = read_(start, count);
    if (piece && piece->size() < wanted)
      piece = fail(Code::kCorrupt, "a stored body is shorter than it says");
    if (!piece) {
      failure_ = std::unexpected(piece.error());
      return {};
    }
    window_ = *std::move(piece);
  }
  return std::string_view(window_).substr(start - window_start_);
}

}  // namespace gemel
