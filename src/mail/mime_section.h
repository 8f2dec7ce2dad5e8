// BODY[section]: which bytes of a message a section names.
//
// Threads  any; pure functions.
// Source   RFC 3501 §6.4.5. Bytes are given as they are in the message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mail/mime_structure.h"

namespace gemel {

/// What stands between the brackets. "1.2.HEADER.FIELDS (A B)" is path {1, 2}, kHeaderFields, {A,
/// B}.
struct Section {
  enum class Kind : uint8_t { kWhole, kHeader, kHeaderFields, kHeaderFieldsNot, kMime, kText };

  std::vector<uint32_t> path;
  Kind kind = Kind::kWhole;
  std::vector<std::string> fields;  // in any case; for the two field kinds
  bool operator==(const Section&) const = default;
};

struct ByteRange {
  size_t start = 0;
  size_t end = 0;
  bool operator==(const ByteRange&) const = default;
};

/// A range of the message, or a text made of pieces of it (the two field kinds).
using SectionBytes = std::variant<ByteRange, std::string>;

/// Nothing if the message has no such part, or if the kind does not go with it: HEADER and TEXT
/// behind a path need a message/rfc822 there, MIME needs a path. Cost: O(path), and for the field
/// kinds O(header bytes × log fields), of which at most kHeaderBytesMax are looked at.
std::optional<SectionBytes> resolve_section(MessageBytes& message, const MimePart& structure,
                                            const Section& section);

/// The part that `path` names, each number from 1; the message itself for an empty path. Part 1 of
/// a message that is no multipart is its own body.
const MimePart* find_part(const MimePart& structure, const std::vector<uint32_t>& path);

/// The fields of `header` with, or without, one of these names, and the empty line if there is one.
enum class FieldChoice { kOnly, kAllBut };
std::string select_fields(std::string_view header, const std::vector<std::string>& names,
                          FieldChoice choice);

/// The bytes; valid while `message` and `bytes` are.
std::string_view view_of(const SectionBytes& bytes, std::string_view message);

/// What <start.count> leaves of `bytes`: nothing if it starts behind the end (RFC 3501 §6.4.5).
std::string_view partial_of(std::string_view bytes, uint64_t start, uint64_t count);

}  // namespace gemel
