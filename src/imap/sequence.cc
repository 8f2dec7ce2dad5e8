#include "imap/sequence.h"

#include "base/bytes.h"

namespace gemel::imap {
namespace {

Result<uint32_t> parse_one(std::string_view text) {
  if (text == "*") return kStar;
  if (const std::optional<uint32_t> number = nz_number_of(text)) return *number;
  return fail(Code::kSyntax, "expected a number from 1 or \"*\" in a sequence set");
}

}  // namespace

std::optional<uint32_t> nz_number_of(std::string_view text) {
  const Result<uint64_t> number = parse_number(text);
  if (!number || *number == 0 || *number > UINT32_MAX || text.front() == '0') return std::nullopt;
  return static_cast<uint32_t>(*number);
}

Result<Sequence> parse_sequence(std::string_view text, size_t ranges_max) {
  Sequence out;
  for (;;) {
    if (out.size() == ranges_max) return fail(Code::kLimit, "a sequence set has too many ranges");
    const size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    const size_t colon = item.find(':');
    TRY(const uint32_t first, parse_one(item.substr(0, colon)));
    uint32_t last = first;
    if (colon != std::string_view::npos) {
      TRY(last, parse_one(item.substr(colon + 1)));
    }
    out.push_back({first, last});
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace gemel::imap
