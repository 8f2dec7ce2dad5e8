// The bytes of a message for who walks through them, of which not all need be in memory.
//
// Threads  one at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace gemel {

/// from() gives at least so many, where there are.
inline constexpr size_t kMessagePieceBytesMin = 64 << 10;

class MessageBytes {
 public:
  virtual ~MessageBytes() = default;
  virtual size_t size() const = 0;
  /// What comes from offset `start` on: kMessagePieceBytesMin or more, or all up to the end;
  /// nothing at the end, or where it can't be read, which the owner knows of. Valid until the next
  /// call.
  virtual std::string_view from(size_t start) = 0;
};

/// One that is in memory. The bytes must outlive it.
class WholeMessage final : public MessageBytes {
 public:
  explicit WholeMessage(std::string_view bytes) : bytes_(bytes) {}
  size_t size() const override { return bytes_.size(); }
  std::string_view from(size_t start) override {
    return bytes_.substr(std::min(start, bytes_.size()));
  }

 private:
  std::string_view bytes_;
};

/// The bytes from `start` to `end`, fewer where they can't be read. Memory: their number.
inline std::string copy_of(MessageBytes& message, size_t start, size_t end) {
  std::string out;
  while (start + out.size() < end) {
    const size_t at = start + out.size();
    const std::string_view piece = message.from(at).substr(0, end - at);
    if (piece.empty()) break;
    out += piece;
  }
  return out;
}

}  // namespace gemel
