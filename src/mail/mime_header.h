// The fields of a header block: where they are, what they are called, what they say.
//
// Threads  any; pure functions on views.
// Source   RFC 5322 §2.2 (fields, folding), §4.5 (obsolete: white space before the colon). Lines
// end
//          with CRLF or LF. Any bytes are taken: a line that is no field becomes one without a
//          name.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gemel {

/// No more than this of one header block is looked at for ENVELOPE, structure and search, and of
/// those of all parts together for the structure; the rest is served but not understood. Mail
/// servers send headers of 100 KiB at most, and to understand one takes several times its size.
inline constexpr size_t kHeaderBytesMax = 1024 * 1024;
/// Message ids taken from one References field: the first, which names the thread, and of the
/// others the last ones, as one may shorten the field (RFC 5537 §3.4.4).
inline constexpr size_t kReferencesMax = 200;

struct HeaderField {
  std::string_view name;   // as written; empty for a line that is no field
  std::string_view value;  // after the colon, folding kept, without the last line's end
  size_t start = 0;        // offset of the first line in the block
  size_t end = 0;          // offset behind the last line's end
};

/// Gives the fields of a block in order, up to the empty line. Cost: O(bytes) for all.
class HeaderReader {
 public:
  /// `block` must outlive the reader.
  explicit HeaderReader(std::string_view block) : block_(block) {}
  std::optional<HeaderField> next();
  /// Offset of the next unread byte: after the last field, that of the empty line, or the end.
  size_t position() const { return position_; }

 private:
  std::string_view block_;
  size_t position_ = 0;
};

/// Size of the header of `message`, the empty line that ends it included; all if there is none.
size_t header_size(std::string_view message);

/// The first field of that name, in any case.
std::optional<HeaderField> find_field(std::string_view block, std::string_view name);

/// Its value as unfold gives it; empty if there is none.
std::string field_text(std::string_view block, std::string_view name);

/// The value on one line (RFC 5322 §2.2.3), trimmed. Folding goes, its white space stays; a stray
/// CR or LF becomes a space and a NUL goes, as neither can be told in one line.
std::string unfold(std::string_view value);

/// What stands in angle brackets, brackets included, white space inside taken out: the first, and
/// of the others the last, at most kReferencesMax together (RFC 5322 §3.6.4: Message-ID,
/// In-Reply-To, References).
std::vector<std::string> message_ids_of(std::string_view value);

}  // namespace gemel
