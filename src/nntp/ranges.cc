#include "nntp/ranges.h"

#include <algorithm>

#include "base/bytes.h"
#include "mail/newsgroup.h"

namespace gemel::nntp {
namespace {

constexpr size_t kDigitsMax = 16;  // RFC 3977 §9.8: article-number

std::unexpected<Error> wrong() { return fail(Code::kSyntax, "that is no number or range"); }

}  // namespace

Result<Uid> parse_article_number(std::string_view text) {
  if (text.empty() || text.size() > kDigitsMax) return wrong();
  const auto number = parse_number(text);
  if (!number) return wrong();
  // UINT32_MAX is no number of an article either: a uid that is the last possible is never given.
  return Uid(static_cast<uint32_t>(std::min<uint64_t>(*number, UINT32_MAX)));
}

Result<Range> parse_range(std::string_view text) {
  const size_t dash = text.find('-');
  TRY(const Uid first, parse_article_number(text.substr(0, dash)));
  if (dash == std::string_view::npos) return Range{first.value, first};
  if (dash + 1 == text.size()) return Range{.first = first.value};
  TRY(const Uid last, parse_article_number(text.substr(dash + 1)));
  return Range{first.value, last};
}

bool is_message_id_argument(std::string_view text) {
  return text.size() >= 3 && text.size() <= kMessageIdBytesMax && text.starts_with('<') &&
         text.find('>') == text.size() - 1 &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace gemel::nntp
