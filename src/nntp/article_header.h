// The header of an article that comes in: read once, checked, and changed field by field, with
// every byte of the other fields kept.
//
// Owns     copies of the fields. Memory: the header's size.
// Threads  one.
// Source   RFC 5536 §2.2 (narrower than RFC 5322: a space behind the colon, no empty line folded
// in,
//          998 octets for a line), §3 (which fields are there once at most).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gemel::nntp {

/// RFC 5322 §2.1.1, without the CRLF.
inline constexpr size_t kHeaderLineBytesMax = 998;

class ArticleHeader {
 public:
  /// `block` is the header without the empty line behind it, each line with its CRLF.
  /// Errors: kSyntax, with what is wrong: a line that is no field, a field with no space behind its
  /// colon, a folded line without a word, a line too long, a field twice that may be there once.
  static Result<ArticleHeader> parse(std::string_view block);

  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// The first field of that name on one line, without white space at its ends.
  std::optional<std::string> value(std::string_view name) const;
  void remove(std::string_view name);
  /// `value` must be one line.
  void append(std::string_view name, std::string_view value);
  /// The first field of that name gets `value`, or it comes last.
  void replace(std::string_view name, std::string_view value);
  /// Puts `entries` ("us!!", "us!.POSTED!") before those of the Path, or before `tail` if there is
  /// no Path, and that first in the header (RFC 5537 §3.2.1).
  void prepend_path(std::string_view entries, std::string_view tail);

  /// With the empty line that ends it.
  std::string text() const;

 private:
  struct Field {
    std::string name;
    std::string lines;  // all of it, with the last CRLF
  };
  const Field* find(std::string_view name) const;

  std::vector<Field> fields_;
};

/// True for the names that may be there once at most (RFC 5536 §3.1, §3.2).
bool is_unique_field(std::string_view name);

}  // namespace gemel::nntp
