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

/// Gives `found` the bytes from `start` to `end`, at most kMessagePieceBytesMin at a time, until it
/// says true. They end early where they can't be read.
template <class Found>
bool any_piece(MessageBytes& message, size_t start, size_t end, const Found& found) {
  while (start < end) {
    std::string_view bytes = message.from(start).substr(0, end - start);
    if (bytes.empty()) return false;
    start += bytes.size();
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kMessagePieceBytesMin)))
      if (found(bytes.substr(0, kMessagePieceBytesMin))) return true;
  }
  return false;
}

/// The bytes from `start` to `end`, fewer where they can't be read. Memory: their number.
inline std::string copy_of(MessageBytes& message, size_t start, size_t end) {
  std::string out;
  any_piece(message, start, end, [&](std::string_view piece) {
    out += piece;
    return false;
  });
  return out;
}

}  // namespace gemel
