// SEARCH on the text of a message: what is compared, and where.
//
// Threads  any; pure functions.
// Source   RFC 3501 §6.4.4 (BODY, HEADER, TEXT), RFC 9051 §6.4.4 (BODY matches no header field,
//          TEXT those of parts too), RFC 5051 (i;unicode-casemap), which RFC 5255 §4.3 asks for.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "mail/mime_structure.h"

namespace gemel {

/// Valid UTF-8 in the form in which texts are looked through: the collation_key of what case
/// folding makes of it. So whatever i;unicode-casemap finds is found (an "e" in "é" too), and
/// besides a ligature equals its letters, a sharp s two, and what can't be seen does not count.
std::string search_fold(std::string_view utf8);

/// Is `key` in `text`, both in the form of search_fold? An empty one always is. Cost: O(bytes).
bool contains_folded(std::string_view text, std::string_view key);

/// Valid UTF-8 in the form in which names are stored: NFKC and case folding.
std::string name_fold(std::string_view utf8);

/// Valid UTF-8 as i;unicode-casemap orders it, bytewise: each character in title case, then
/// decomposed (RFC 5051 §2).
std::string collation_key(std::string_view utf8);

/// What is searched for, folded once. Bad UTF-8 is mended first and so matches little.
class SearchKey {
 public:
  explicit SearchKey(std::string_view utf8);
  /// Is the key in this valid UTF-8? An empty key is in every text. Cost: O(bytes), for any key.
  bool in(std::string_view utf8) const;
  /// In the form of search_fold.
  const std::string& folded() const { return folded_; }

 private:
  std::string folded_;
};

/// The decoded text of a text part: transfer encoding undone, in valid UTF-8.
std::string decoded_text(std::string_view message, const MimePart& part);

/// A header block, a line for each field: encoded words decoded, in valid UTF-8.
std::string decoded_header(std::string_view header);

/// Calls `look` with each text that TEXT looks through, in valid UTF-8, until it says true: the
/// headers of the message, its parts and messages inside, and the text parts.
bool any_search_text(std::string_view message, const MimePart& structure,
                     const std::function<bool(std::string_view text)>& look);

/// The same for the text parts alone, which is where BODY looks.
bool any_body_text(std::string_view message, const MimePart& structure,
                   const std::function<bool(std::string_view text)>& look);

/// The same for the values of the fields of that name in the message's own header, and the
/// addresses there as ENVELOPE tells them.
bool any_field_text(std::string_view header, std::string_view name,
                    const std::function<bool(std::string_view text)>& look);

/// Is the key in a text part, those of messages inside included? An empty key always is.
bool body_contains(std::string_view message, const MimePart& structure, const SearchKey& key);

/// Is the key in a header, of the message, a part or a message inside, or in a text part?
bool text_contains(std::string_view message, const MimePart& structure, const SearchKey& key);

/// Is the key in the value of a field of that name in the message's own header, or in an address
/// there as ENVELOPE tells it? With an empty key: is there such a field?
bool header_contains(std::string_view header, std::string_view name, const SearchKey& key);

}  // namespace gemel
