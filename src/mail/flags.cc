#include "mail/flags.h"

#include <algorithm>

#include "base/bytes.h"

namespace gemel {
namespace {

bool is_keyword(std::string_view name) {  // flag-keyword = atom, RFC 9051 §9
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return c > ' ' && c < 0x7f && std::string_view("(){%*\"\\]").find(c) == std::string_view::npos;
  });
}

template <class Visit>
void visit_names(const Flags& flags, const std::vector<std::string>& keywords, Visit visit) {
  for (size_t bit = 0; bit < kSystemFlagCount; ++bit)
    if (flags.has(bit)) visit(kSystemFlagNames[bit]);
  for (size_t k = 0; k < keywords.size(); ++k)
    if (flags.has(kSystemFlagCount + k)) visit(std::string_view(keywords[k]));
}

}  // namespace

Result<void> FlagNames::add(std::string_view name) {
  if (name.starts_with('\\')) {
    for (size_t bit = 0; bit < kSystemFlagCount; ++bit) {
      if (!equals_ignoring_case(name, kSystemFlagNames[bit])) continue;
      add(static_cast<SystemFlag>(bit));
      return {};
    }
    return fail(Code::kInvalid, "no system flag that can be set");
  }
  if (name.size() > kKeywordBytesMax) return fail(Code::kTooBig, "keyword is too long");
  if (!is_keyword(name)) return fail(Code::kInvalid, "a keyword must be an atom");
  std::string keyword(name);
  const auto at = std::ranges::lower_bound(keywords, keyword, LessIgnoringCase());
  if (at == keywords.end() || !equals_ignoring_case(*at, keyword))
    keywords.insert(at, std::move(keyword));
  return {};
}

std::string FlagNames::text() const {
  std::string out;
  for (size_t bit = 0; bit < kSystemFlagCount; ++bit)
    if (has(static_cast<SystemFlag>(bit))) (out += out.empty() ? "" : " ") += kSystemFlagNames[bit];
  for (const std::string& keyword : keywords) (out += out.empty() ? "" : " ") += keyword;
  return out;
}

FlagNames FlagScope::of(FlagNames flags) const {
  FlagNames system;
  if (seen) system.add(SystemFlag::kSeen);
  if (deleted) system.add(SystemFlag::kDeleted);
  if (others) {
    for (const SystemFlag flag : {SystemFlag::kAnswered, SystemFlag::kFlagged, SystemFlag::kDraft})
      system.add(flag);
  } else {
    flags.keywords.clear();
  }
  flags.system &= system.system;
  return flags;
}

Flags FlagScope::of(const Flags& flags) const {
  Flags out;
  if (others) out = flags;
  const auto put = [&](SystemFlag flag, bool in_scope) {
    out.clear(static_cast<size_t>(flag));
    if (in_scope && flags.has(flag)) out.set(static_cast<size_t>(flag));
  };
  put(SystemFlag::kSeen, seen);
  put(SystemFlag::kDeleted, deleted);
  return out;
}

FlagNames names_of(const Flags& flags, const std::vector<std::string>& keywords) {
  FlagNames out;
  for (size_t bit = 0; bit < kSystemFlagCount; ++bit)
    if (flags.has(bit)) out.add(static_cast<SystemFlag>(bit));
  for (size_t k = 0; k < keywords.size(); ++k)
    if (flags.has(kSystemFlagCount + k)) out.keywords.push_back(keywords[k]);
  std::ranges::sort(out.keywords, LessIgnoringCase());
  return out;
}

std::string text_of(const Flags& flags, const std::vector<std::string>& keywords) {
  std::string out;
  visit_names(flags, keywords,
              [&](std::string_view name) { (out += out.empty() ? "" : " ") += name; });
  return out;
}

}  // namespace gemel
