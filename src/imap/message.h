// One message while a FETCH or SEARCH looks at it: reads no more of its body than what is asked.
//
// Owns     its summary, the header of a body and some more of it, and a piece. Memory: some times
//          kBodyChunkBytes.
// Threads  one at a time. Reads may wait for the disk.
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
  explicit Message(Body body) { body_.emplace(std::move(body)); }
  /// The body is opened by what can't do without. `mailbox` must outlive it.
  Message(const MailboxView& mailbox, const Guid& guid) : mailbox_(&mailbox), guid_(guid) {}
  /// Errors: as MailboxView::body.
  Result<void> open();

  /// Only once open() was called, or what reads the body.
  size_t size() const override { return body_->size(); }
  /// As of MessageBytes; what can't be read is told by failure().
  std::string_view from(size_t start) override;
  /// Why from() gave nothing, once it did. Errors: kIo, kCorrupt.
  Result<void> failure() const { return body_ ? body_->failure() : Result<void>(); }

  /// `count` bytes from `start`, at most kMessagePieceBytesMin, all there; valid until the next
  /// call. Errors: kIo, kCorrupt.
  Result<std::string_view> read(uint64_t start, uint64_t count);
  /// The header with its empty line, the first kHeaderBytesMax of a longer one. Cost: its size.
  /// Errors: kIo, kCorrupt.
  Result<std::string_view> header();
  /// The header, or at least all its fields that Summary::holds and its empty line. Cost: one row,
  /// where it has a summary. Errors: as header().
  Result<std::string_view> known_header();
  /// The values of the items. Cost: one row, where it has a summary. Errors: kIo, kCorrupt.
  Result<std::string> envelope(ImapDialect dialect);
  Result<std::string> bodystructure(ImapDialect dialect);
  /// Errors: kIo, kCorrupt.
  Result<const MimePart*> structure();
  /// Nothing if there is no such section. Errors: kIo, kCorrupt.
  Result<std::optional<SectionBytes>> resolve(const Section& section);

 private:
  Result<uint64_t> header_end();

  Result<const Summary*> summary();

  const MailboxView* mailbox_ = nullptr;
  Guid guid_;
  std::optional<BodyBytes> body_;
  bool has_asked_ = false;             // for its summary
  std::optional<Summary> summary_;     // nothing also where it has none
  std::string read_;                   // from the start: nothing, or the header and some more
  std::optional<size_t> header_size_;  // of what is in read_
  std::optional<MimePart> structure_;
};

}  // namespace gemel::imap
