#include "imap/flag_words.h"

#include <algorithm>

#include "base/bytes.h"

namespace gemel::imap {
namespace {

Result<void> add_flag(std::string_view word, FlagNames& out) {
  if (equals_ignoring_case(word, "\\Recent")) return {};
  return out.add(word);
}

}  // namespace

Result<FlagNames> read_flags(wire::Tokenizer& tokens) {
  FlagNames out;
  TRY(const std::vector<std::string_view> words, tokens.flag_list());
  for (const std::string_view word : words) TRY_OK(add_flag(word, out));
  return out;
}

Result<FlagNames> read_store_flags(wire::Tokenizer& tokens) {
  if (tokens.peek() == '(') return read_flags(tokens);
  FlagNames out;
  do {
    TRY(const std::string_view word, tokens.flag());
    TRY_OK(add_flag(word, out));
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
