#include "imap/flag_words.h"

#include <algorithm>

#include "base/bytes.h"

namespace gemel::imap {
namespace {

bool is_recent(std::string_view word) { return equals_ignoring_case(word, "\\Recent"); }

Result<void> add_stored(std::string_view word, FlagNames& out) {
  // RFC 3501 §9: "does not include \Recent".
  if (is_recent(word)) return fail(Code::kSyntax, "\\Recent can't be stored");
  return out.add(word);
}

}  // namespace

Result<FlagNames> read_append_flags(wire::Tokenizer& tokens) {
  FlagNames out;
  TRY(const std::vector<std::string_view> words, tokens.flag_list());
  for (const std::string_view word : words)
    if (!is_recent(word)) TRY_OK(out.add(word));
  return out;
}

Result<FlagNames> read_store_flags(wire::Tokenizer& tokens) {
  FlagNames out;
  if (tokens.peek() == '(') {
    TRY(const std::vector<std::string_view> words, tokens.flag_list());
    for (const std::string_view word : words) TRY_OK(add_stored(word, out));
    return out;
  }
  do {
    TRY(const std::string_view word, tokens.flag());
    TRY_OK(add_stored(word, out));
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
