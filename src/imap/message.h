// One message while a FETCH or SEARCH looks at it: reads no more of its body than what is asked.
//
// Owns     the header of a body and some more of it, and a piece. Memory: some times
// kBodyChunkBytes. Threads  one at a time. Reads may wait for the disk.
#pragma once

#include <optional>
#include <string>

#include "mail/message_bytes.h"
#include "mail/mime_section.h"
#include "mail/mime_structure.h"
#include "store/body_bytes.h"

namespace gemel::imap {

class Message final : public MessageBytes {
 public:
  explicit Message(Body body) : body_(std::move(body)) {}

  size_t size() const override { return body_.size(); }
  /// As of MessageBytes; what can't be read is told by failure().
  std::string_view from(size_t start) override;
  /// Why from() gave nothing, once it did. Errors: kIo, kCorrupt.
  Result<void> failure() const { return body_.failure(); }

  /// `count` bytes from `start`, at most kMessagePieceBytesMin, all there; valid until the next
  /// call. Errors: kIo, kCorrupt.
  Result<std::string_view> read(uint64_t start, uint64_t count);
  /// The header with its empty line, the first kHeaderBytesMax of a longer one. Cost: its size.
  /// Errors: kIo, kCorrupt.
  Result<std::string_view> header();
  /// Errors: kIo, kCorrupt.
  Result<const MimePart*> structure();
  /// Nothing if there is no such section. Errors: kIo, kCorrupt.
  Result<std::optional<SectionBytes>> resolve(const Section& section);

 private:
  Result<uint64_t> header_end();

  BodyBytes body_;
  std::string read_;                   // from the start: nothing, or the header and some more
  std::optional<size_t> header_size_;  // of what is in read_
  std::optional<MimePart> structure_;
};

}  // namespace gemel::imap
