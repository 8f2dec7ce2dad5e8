#include "store/special_use.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>

#include "base/bytes.h"

namespace gemel {
namespace {

constexpr std::array<std::string_view, 6> kUses = {"\\Archive", "\\Drafts", "\\Important",
                                                   "\\Junk",    "\\Sent",   "\\Trash"};

/// Calls `look` for each word until one says true.
bool any_word(std::string_view words, const std::function<bool(std::string_view)>& look) {
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    if (!word.empty() && look(word)) return true;
    words.remove_prefix(std::min(word.size() + 1, words.size()));
  }
  return false;
}

}  // namespace

std::optional<std::string_view> special_use_of(std::string_view word) {
  const auto at = std::ranges::find_if(
      kUses, [&](std::string_view use) { return equals_ignoring_case(use, word); });
  return at == kUses.end() ? std::nullopt : std::optional(*at);
}

bool has_special_use(const MailboxInfo& mailbox, std::string_view use) {
  const auto at = mailbox.attributes.find(std::string(kAttributeSpecialUse));
  return at != mailbox.attributes.end() && any_word(at->second, [&](std::string_view word) {
           return equals_ignoring_case(word, use);
         });
}

Result<std::string> parse_special_uses(std::string_view words) {
  std::vector<std::string_view> uses;
  const bool has_unknown = any_word(words, [&](std::string_view word) {
    const std::optional<std::string_view> use = special_use_of(word);
    if (use && std::ranges::find(uses, *use) == uses.end()) uses.push_back(*use);
    return !use;
  });
  if (has_unknown || uses.empty()) return fail(Code::kInvalid, "no such special use");
  return fmt::format("{}", fmt::join(uses, " "));
}

Result<void> check_special_uses(const MailStore& store, std::string_view userid,
                                const MailboxName& name, std::string_view uses) {
  if (uses.empty()) return {};
  if (name.owner != userid)
    return fail(Code::kUnsupported, "only your own mailboxes have special uses");
  TRY(const std::vector<MailboxInfo> all, store.mailboxes(userid));
  for (const MailboxInfo& mailbox : all) {
    if (mailbox.name == name) continue;
    if (any_word(uses, [&](std::string_view use) { return has_special_use(mailbox, use); }))
      return fail(Code::kUnsupported, "another mailbox has this special use");
  }
  return {};
}

}  // namespace gemel
