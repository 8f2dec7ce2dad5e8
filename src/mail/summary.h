// What is asked of a message again and again, made once and kept beside it: so nobody reads it
// whole for a line of a list.
//
// Threads  any; a value, and pure functions.
// Source   doc/storage-format.md, "Values"; RFC 3501 §7.4.2 (ENVELOPE, BODYSTRUCTURE), RFC 5256.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mail/imap_text.h"

namespace gemel {

/// Raised by every change of what summarize() gives: summaries of another version are not used.
inline constexpr uint8_t kSummaryVersion = 1;
/// A message whose summary would have more bytes has none.
inline constexpr size_t kSummaryBytesMax = 16 << 10;

/// Says of a message just what the message itself would say.
class Summary {
 public:
  /// Nothing if these are no bytes of a summary of this version.
  static std::optional<Summary> decode(std::string bytes);

  /// As imap_envelope and imap_bodystructure give it; nothing where that dialect needs the message.
  std::optional<std::string_view> envelope(ImapDialect dialect) const;
  std::optional<std::string_view> bodystructure(ImapDialect dialect) const;
  /// The fields of the message's own header that holds() says, as they are written, and the empty
  /// line behind the header.
  std::string_view header() const { return at(header_); }

  /// Fields that ENVELOPE, SORT and THREAD look at; in any case.
  static bool holds(std::string_view field_name);

 private:
  struct Range {
    size_t start = 0;
    size_t count = 0;
  };
  std::string_view at(Range range) const {
    return std::string_view(bytes_).substr(range.start, range.count);
  }

  std::string bytes_;
  bool same_in_utf8_ = false;
  Range envelope_;
  Range bodystructure_;
  Range header_;
};

/// The bytes of a message's summary; nothing where it would be too large, or the header is one that
/// is not looked at whole. Cost: a pass over the message.
std::optional<std::string> summarize(std::string_view message);

}  // namespace gemel
