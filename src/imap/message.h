// One message while a FETCH or SEARCH looks at it: reads no more of its body than what is asked.
//
// Owns     the header, or the whole body, once read. Memory: at most the body's size; a section
//          that is a range is read in pieces by whoever sends it.
// Threads  one at a time. Reads may wait for the disk.
#pragma once

#include <optional>
#include <string>

#include "mail/mime_section.h"
#include "mail/mime_structure.h"
#include "store/mail_store.h"

namespace gemel::imap {

class Message {
 public:
  explicit Message(Body body) : body_(std::move(body)) {}

  /// `count` bytes from `start`, at most kBodyChunkBytes, all there; valid until the next call.
  /// Errors: kIo, kCorrupt.
  Result<std::string_view> read(uint64_t start, uint64_t count);
  /// The header with its empty line. Cost: its size. Errors: kIo, kCorrupt.
  Result<std::string_view> header();
  /// All of it. Errors: kIo, kCorrupt.
  Result<std::string_view> whole();
  /// Errors: kIo, kCorrupt.
  Result<const MimePart*> structure();
  /// What was read goes, for a reader that now takes pieces alone.
  void forget();
  /// Nothing if there is no such section. Errors: kIo, kCorrupt.
  Result<std::optional<SectionBytes>> resolve(const Section& section);

 private:
  Body body_;
  std::string read_;    // from the start: nothing, the header and some more, or everything
  std::string window_;  // a piece of a large body
  uint64_t window_start_ = 0;
  std::optional<size_t> header_size_;
  std::optional<MimePart> structure_;
};

}  // namespace gemel::imap
