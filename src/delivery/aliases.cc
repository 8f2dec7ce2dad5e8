#include "delivery/aliases.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "mail/envelope_address.h"
#include "mail/rfc822_lexer.h"

namespace gemel::delivery {
namespace {

std::string without_quotes(std::string_view text) {
  text = trim(text);
  if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"'))
    text = text.substr(1, text.size() - 2);
  return std::string(text);
}

Result<std::string> target_of(std::string_view text) {
  std::string target = without_quotes(text);
  if (target.starts_with('|') || target.starts_with('/') || target.starts_with(':'))
    return fail(Code::kSyntax, "commands, files and lists are not taken as targets");
  TRY_OK(parse_envelope_address(target));
  return target;
}

}  // namespace

Result<void> Aliases::add(std::string_view entry) {
  const size_t colon = entry.find(':');
  if (colon == std::string_view::npos) return fail(Code::kSyntax, "an alias is NAME: TARGET");
  const std::string name = to_lower(without_quotes(entry.substr(0, colon)));
  TRY_OK(parse_envelope_address(name));
  std::vector<std::string> targets;
  std::string_view rest = entry.substr(colon + 1);
  while (!trim(rest).empty()) {
    const std::string_view word = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    TRY(targets.emplace_back(), target_of(word));
  }
  if (targets.empty()) return fail(Code::kSyntax, "an alias needs a target");
  if (targets.size() > kAliasTargetsMax) return fail(Code::kLimit, "too many targets");
  if (!targets_.emplace(name, std::move(targets)).second)
    return fail(Code::kSyntax, fmt::format("\"{}\" is there already", name));
  if (targets_.size() > kAliasesMax) return fail(Code::kLimit, "too many aliases");
  return {};
}

Result<Aliases> Aliases::parse(std::string_view text) {
  Aliases out;
  std::string entry;
  size_t entry_line = 0;
  size_t line_number = 0;
  const auto finish = [&]() -> Result<void> {
    const std::string whole = std::exchange(entry, "");
    if (trim(whole).empty()) return {};
    const Result<void> added = out.add(whole);
    if (added) return {};
    return fail(added.error().code, fmt::format("line {}: {}", entry_line, added.error().text));
  };
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    ++line_number;
    const std::string_view words = trim(line);
    if (words.empty() || words.starts_with('#')) continue;
    if (!is_white_space(line.front())) {
      TRY_OK(finish());
      entry_line = line_number;
    } else if (entry.empty()) {
      return fail(Code::kSyntax, fmt::format("line {}: nothing goes on here", line_number));
    }
    entry += std::string(words) + " ";
  }
  TRY_OK(finish());
  return out;
}

const std::vector<std::string>* Aliases::find(std::string_view name) const {
  const auto found = targets_.find(to_lower(name));
  return found == targets_.end() ? nullptr : &found->second;
}

}  // namespace gemel::delivery
