#include "sieve/memory_environment.h"

#include <algorithm>

#include "base/bytes.h"

namespace gemel::sieve {

const MemoryEnvironment::Mailbox* MemoryEnvironment::find(std::string_view mailbox) const {
  const bool is_inbox = equals_ignoring_case(mailbox, "INBOX");
  const auto found = mailboxes.find(is_inbox ? "INBOX" : std::string(mailbox));
  return found != mailboxes.end() ? &found->second : nullptr;
}

Result<bool> MemoryEnvironment::mailbox_exists(std::string_view mailbox) {
  return find(mailbox) != nullptr;
}

Result<bool> MemoryEnvironment::mailbox_id_exists(std::string_view id) {
  return std::ranges::any_of(
      mailboxes, [&](const auto& each) { return !each.second.id.empty() && each.second.id == id; });
}

Result<bool> MemoryEnvironment::has_special_use(std::optional<std::string_view> mailbox,
                                                std::string_view use) {
  const std::string wanted = to_lower(use);
  if (mailbox) {
    const Mailbox* found = find(*mailbox);
    return found != nullptr && found->special_uses.contains(wanted);
  }
  return std::ranges::any_of(
      mailboxes, [&](const auto& each) { return each.second.special_uses.contains(wanted); });
}

Result<std::optional<std::string>> MemoryEnvironment::metadata(
    std::optional<std::string_view> mailbox, std::string_view annotation) {
  const Mailbox* found = mailbox ? find(*mailbox) : nullptr;
  if (mailbox && found == nullptr) return std::optional<std::string>();
  const std::map<std::string, std::string>& values = mailbox ? found->metadata : server_metadata;
  const auto value = values.find(to_lower(annotation));
  return value != values.end() ? std::optional(value->second) : std::nullopt;
}

Result<std::shared_ptr<const Script>> MemoryEnvironment::script(ScriptLocation location,
                                                                std::string_view name) {
  const auto found = scripts.find({location, std::string(name)});
  if (found == scripts.end()) return fail(Code::kNotFound, "there is no such script");
  Compiled compiled = compile(found->second, compile_options);
  if (compiled.script == nullptr) return fail(Code::kInvalid, text_of(compiled.errors));
  return std::move(compiled.script);
}

Result<bool> MemoryEnvironment::is_tracked(std::string_view key) {
  return tracked.contains(std::string(key));
}

}  // namespace gemel::sieve
