#include "store/special_use.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace gemel {
namespace {

constexpr std::array<std::string_view, 6> kUses = {"\\Archive", "\\Drafts", "\\Important",
                                                   "\\Junk",    "\\Sent",   "\\Trash"};

}  // namespace

std::optional<std::string_view> special_use_of(std::string_view word) {
  const auto at = std::ranges::find_if(
      kUses, [&](std::string_view use) { return equals_ignoring_case(use, word); });
  return at == kUses.end() ? std::nullopt : std::optional(*at);
}

Result<void> check_special_use(const MailStore& store, std::string_view userid,
                               const MailboxName& name, std::string_view use) {
  if (use.empty()) return {};
  if (name.owner != userid)
    return fail(Code::kUnsupported, "only your own mailboxes have special uses");
  TRY(const std::vector<MailboxInfo> all, store.mailboxes(userid));
  for (const MailboxInfo& mailbox : all) {
    const auto at = mailbox.attributes.find(std::string(kAttributeSpecialUse));
    if (at != mailbox.attributes.end() && at->second == use && mailbox.name != name)
      return fail(Code::kUnsupported, "another mailbox has this special use");
  }
  return {};
}

}  // namespace gemel
