// What a message is made of, and where: the tree of its MIME parts with exact offsets.
//
// Threads  any; a pure function of the bytes.
// Source   RFC 2045 §5.2 (defaults), RFC 2046 §5.1 (multipart, delimiters, digest) and §5.2
// (message),
//          RFC 3501 §6.4.5 (what a part's bytes are). Any bytes have a structure: what is broken is
//          read as text, and what is deeper or more than the limits is one opaque part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/content_type.h"
#include "mail/message_bytes.h"

namespace gemel {

/// Levels below the message itself. Whoever walks the tree may recurse.
inline constexpr size_t kMimeDepthMax = 100;
/// Parts of one message, on all levels.
inline constexpr size_t kMimePartsMax = 10'000;
/// A longer line delimits no part; RFC 2046 §5.1.1 has boundaries of at most 70 characters.
inline constexpr size_t kDelimiterLineBytesMax = 32 << 10;

struct MimeLimits {
  size_t depth_max = kMimeDepthMax;
  size_t parts_max = kMimePartsMax;
};

struct ContentDisposition {
  std::string type;  // lower case
  std::vector<MimeParameter> parameters;
};

struct MimePart {
  enum class Kind : uint8_t {
    kLeaf,
    kMultipart,  // has at least one child
    kMessage,    // has exactly one child: the message inside, with its own header and body
  };

  // Offsets in the whole message; header_start <= body_start <= body_end, and children lie within
  // the body of their parent. The header includes the empty line; the body does not include the
  // line end that belongs to the delimiter behind it (RFC 2046 §5.1.1).
  size_t header_start = 0;
  size_t body_start = 0;
  size_t body_end = 0;
  uint64_t lines = 0;  // line ends in the body

  Kind kind = Kind::kLeaf;
  std::string type = "text";      // lower case
  std::string subtype = "plain";  // lower case
  std::vector<MimeParameter> parameters;
  std::string encoding = "7bit";  // lower case
  std::optional<std::string> content_id;
  std::optional<std::string> description;
  std::optional<std::string> md5;
  std::optional<std::string> location;
  std::vector<std::string> languages;
  std::optional<ContentDisposition> disposition;
  std::vector<MimePart> children;

  size_t body_size() const { return body_end - body_start; }
  std::string_view header_in(std::string_view message) const {
    return message.substr(header_start, body_start - header_start);
  }
  std::string_view body_in(std::string_view message) const {
    return message.substr(body_start, body_end - body_start);
  }
};

/// The tree of `message`. Of all headers together, kHeaderBytesMax are looked at for fields.
/// A multipart in which no delimiter is found becomes text/plain; a multipart or message at the
/// depth or part limit becomes application/octet-stream; behind the last part allowed, all is
/// epilogue. Cost: O(bytes), one pass, no recursion. Memory: some times kHeaderBytesMax, and the
/// tree.
MimePart parse_structure(MessageBytes& message, const MimeLimits& limits = {});
MimePart parse_structure(std::string_view message, const MimeLimits& limits = {});

}  // namespace gemel
