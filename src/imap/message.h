// One message while a FETCH or SEARCH looks at it: reads no more of its body than what is asked.
//
// Owns     the start of a body, the whole of one of at most kBodyChunkBytes, and a piece of a
//          larger one. Memory: some times kBodyChunkBytes, until whole() is called.
// Threads  one at a time. Reads may wait for the disk.
#pragma once

#include <optional>
#include <string>

#include "mail/message_bytes.h"
#include "mail/mime_section.h"
#include "mail/mime_structure.h"
#include "store/mail_store.h"

namespace gemel::imap {

class Message final : public MessageBytes {
 public:
  explicit Message(Body body) : body_(std::move(body)) {}

  size_t size() const override { return body_.size(); }
  /// As of MessageBytes; what can't be read is told by failure().
  std::string_view from(size_t start) override;
  /// Why from() gave nothing, once it did. Errors: kIo, kCorrupt.
  Result<void> failure() const { return failure_; }

  /// `count` bytes from `start`, at most kMessagePieceBytesMin, all there; valid until the next
  /// call. Errors: kIo, kCorrupt.
  Result<std::string_view> read(uint64_t start, uint64_t count);
  /// The header with its empty line, the first kHeaderBytesMax of a longer one. Valid until whole()
  /// or structure() is called. Cost: its size. Errors: kIo, kCorrupt.
  Result<std::string_view> header();
  /// All of it. Memory: its size. Errors: kIo, kCorrupt.
  Result<std::string_view> whole();
  /// Errors: kIo, kCorrupt.
  Result<const MimePart*> structure();
  /// Nothing if there is no such section. Errors: kIo, kCorrupt.
  Result<std::optional<SectionBytes>> resolve(const Section& section);

 private:
  Result<uint64_t> header_end();

  Body body_;
  std::string read_;    // from the start: nothing, the header and some more, or everything
  std::string window_;  // a piece of a large body
  uint64_t window_start_ = 0;
  std::optional<size_t> header_size_;  // of what is in read_
  std::optional<MimePart> structure_;
  Result<void> failure_;
};

}  // namespace gemel::imap
