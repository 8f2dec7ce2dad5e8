// What commands name articles by: a number, a range of numbers, a message id.
//
// Source   RFC 3977 §3.6 (message ids), §6 (article numbers), §8.3.2 and §9.8 (ranges).
#pragma once

#include <string_view>

#include "base/result.h"
#include "mail/ids.h"

namespace gemel::nntp {

/// Article numbers from `first` to `last`; none where last < first.
struct Range {
  uint32_t first = 1;
  Uid last{UINT32_MAX};
};

/// "7", "7-", "7-9"; "9-7" is a range with nothing in it. Numbers that no article can have are
/// taken. Errors: kSyntax.
Result<Range> parse_range(std::string_view text);
/// Errors: kSyntax.
Result<Uid> parse_article_number(std::string_view text);
/// "<" and what is no ">" or white space and ">", 3 to 250 octets: RFC 3977 §3.6 is wider than
/// netnews itself.
bool is_message_id_argument(std::string_view text);

}  // namespace gemel::nntp
