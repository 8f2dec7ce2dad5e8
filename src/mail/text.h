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
  /// Is the key in this folded text? An empty key is in every text. Cost: O(bytes), for any key.
  bool in(std::string_view folded) const { return contains_folded(folded, folded_); }
  /// In the form of search_fold.
  const std::string& folded() const { return folded_; }
  /// What LookAtText needs of the piece before.
  size_t overlap_bytes() const { return folded_.empty() ? 0 : folded_.size() - 1; }

 private:
  std::string folded_;
};

/// The decoded text of a text part: transfer encoding undone, in valid UTF-8. Memory: some times
/// its size.
std::string decoded_text(std::string_view message, const MimePart& part);

/// Is given the texts of a message, in the form of search_fold, until it says true: each as one
/// piece, or a long one in several of about kTextPieceBytes. Those behind the first begin with the
/// last `overlap_bytes` of the one before, so what has one byte more than these is in a piece if it
/// is in the text.
struct LookAtText {
  size_t overlap_bytes;
  std::function<bool(std::string_view folded)> look;
};
inline constexpr size_t kTextPieceBytes = 64 << 10;

/// Gives `at` each text that TEXT looks through: the headers of the message, its parts and messages
/// inside, and the text parts. True once `at` said so. Memory: some times kHeaderBytesMax and what
/// overlaps, however large the message.
bool any_search_text(MessageBytes& message, const MimePart& structure, const LookAtText& at);

/// The same for the text parts alone, which is where BODY looks.
bool any_body_text(MessageBytes& message, const MimePart& structure, const LookAtText& at);

/// The same for the values of the fields of that name in the message's own header, and the
/// addresses there as ENVELOPE tells them.
bool any_field_text(std::string_view header, std::string_view name, const LookAtText& at);

/// Is the key in a text part, those of messages inside included? An empty key always is.
bool body_contains(MessageBytes& message, const MimePart& structure, const SearchKey& key);

/// Is the key in a header, of the message, a part or a message inside, or in a text part?
bool text_contains(MessageBytes& message, const MimePart& structure, const SearchKey& key);

/// Is the key in the value of a field of that name in the message's own header, or in an address
/// there as ENVELOPE tells it? With an empty key: is there such a field?
bool header_contains(std::string_view header, std::string_view name, const SearchKey& key);

}  // namespace gemel
