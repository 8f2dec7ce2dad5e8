#include "imap/flag_words.h"

#include <algorithm>

#include "base/bytes.h"

namespace gemel::imap {
namespace {

enum class Recent : uint8_t { kPassedOver, kRefused };

Result<FlagNames> read_list(wire::Tokenizer& tokens, Recent recent) {
  FlagNames out;
  TRY(const std::vector<std::string_view> words, tokens.flag_list());
  for (const std::string_view word : words) {
    if (recent == Recent::kPassedOver && equals_ignoring_case(word, "\\Recent")) continue;
    TRY_OK(out.add(word));
  }
  return out;
}

}  // namespace

Result<FlagNames> read_append_flags(wire::Tokenizer& tokens) {
  return read_list(tokens, Recent::kPassedOver);
}

Result<FlagNames> read_store_flags(wire::Tokenizer& tokens) {
  if (tokens.peek() == '(') return read_list(tokens, Recent::kRefused);
  FlagNames out;
  do {
    TRY(const std::string_view word, tokens.flag());
    TRY_OK(out.add(word));
  } while (tokens.skip(' '));
  return out;
}

bool has_new_keyword(const FlagNames& flags, const std::vector<std::string>& known) {
  return std::ranges::any_of(flags.keywords, [&](const std::string& keyword) {
    return std::ranges::none_of(
        known, [&](const std::string& name) { return equals_ignoring_case(name, keyword); });
  });
}

}  // namespace gemel::imap
