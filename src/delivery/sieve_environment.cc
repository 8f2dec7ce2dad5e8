#include "delivery/sieve_environment.h"

#include "base/bytes.h"
#include "base/log.h"
#include "store/annotations.h"
#include "store/sieve_scripts.h"
#include "store/special_use.h"

namespace gemel::delivery {
namespace {

constexpr Rights kDeliver = {Right::kPost, Right::kInsert};

// The user's own mistake, or nobody's: not the store's trouble.
bool is_harmless(Code code) {
  return code == Code::kNotFound || code == Code::kDenied || code == Code::kInvalid ||
         code == Code::kTooBig || code == Code::kLimit || code == Code::kSyntax ||
         code == Code::kOverQuota;
}

}  // namespace

Remembrance remembrance_of(const std::string& userid, const sieve::Tracked& tracked) {
  const bool is_vacation = tracked.key.starts_with('v');
  return {.userid = userid,
          .kind = is_vacation ? MemoryKind::kVacation : MemoryKind::kDuplicate,
          .token = tracked.key,
          .until_s = tracked.expires_s};
}

Result<std::optional<MailboxInfo>> SieveEnvironment::usable(
    const Result<MailboxInfo>& found) const {
  if (!found && is_harmless(found.error().code)) return std::nullopt;
  TRY_OK(found);
  if (!access_.check_any(*found, kDeliver)) return std::nullopt;
  return *found;
}

Result<std::optional<MailboxInfo>> SieveEnvironment::deliverable(std::string_view path) const {
  const Result<MailboxName> name = access_.name_of(path);
  if (!name && is_harmless(name.error().code)) return std::nullopt;
  TRY_OK(name);
  return usable(access_.find(*name, {}));
}

Result<std::optional<MailboxInfo>> SieveEnvironment::deliverable_id(std::string_view id) const {
  const Result<UniqueId> parsed = UniqueId::parse(id);
  if (!parsed) return std::nullopt;
  return usable(access_.find(*parsed, {}));
}

Result<std::optional<MailboxInfo>> SieveEnvironment::with_use(std::string_view use) const {
  TRY(const std::vector<MailboxInfo> own, store_.mailboxes(userid_));
  for (const MailboxInfo& mailbox : own)
    if (gemel::has_special_use(mailbox, use)) return usable(mailbox);
  return std::nullopt;
}

Result<bool> SieveEnvironment::mailbox_exists(std::string_view mailbox) {
  TRY(const std::optional<MailboxInfo> found, deliverable(mailbox));
  return found.has_value();
}

Result<bool> SieveEnvironment::mailbox_id_exists(std::string_view id) {
  TRY(const std::optional<MailboxInfo> found, deliverable_id(id));
  return found.has_value();
}

Result<bool> SieveEnvironment::has_special_use(std::optional<std::string_view> mailbox,
                                               std::string_view use) {
  if (mailbox) {
    TRY(const std::optional<MailboxInfo> found, deliverable(*mailbox));
    return found && gemel::has_special_use(*found, use);
  }
  TRY(const std::optional<MailboxInfo> found, with_use(use));
  return found.has_value();
}

Result<std::optional<std::string>> SieveEnvironment::metadata(
    std::optional<std::string_view> mailbox, std::string_view annotation) {
  const Result<std::string> entry = parse_annotation_name(annotation);
  if (!entry) return std::nullopt;
  std::optional<MailboxInfo> found;
  if (mailbox) {
    TRY(found, deliverable(*mailbox));
    // RFC 5464 §3.3: `l` too; the right to deliver is one of the others that let one read.
    if (!found || !access_.check(*found, {Right::kLookup})) return std::nullopt;
  }
  TRY(const AnnotationMap all, annotations_of(store_, userid_, found ? &*found : nullptr));
  const auto value = all.find(*entry);
  if (value == all.end()) return std::nullopt;
  return value->second;
}

Result<std::shared_ptr<const sieve::Script>> SieveEnvironment::script(
    sieve::ScriptLocation location, std::string_view name) {
  ScriptLibrary::Compiled compiled;
  if (location == sieve::ScriptLocation::kGlobal) {
    const std::optional<ScriptLibrary::Compiled> found = scripts_.global(name);
    if (!found) return fail(Code::kNotFound, "there is no global script of this name");
    compiled = *found;
  } else {
    TRY(const SieveScripts::Script found, SieveScripts(store_, userid_).get(name));
    compiled = scripts_.compile(found.text);
  }
  if (!compiled->script) return fail(Code::kInvalid, "the included script has mistakes");
  return compiled->script;
}

Result<bool> SieveEnvironment::is_tracked(std::string_view key) {
  return remembers(store_, remembrance_of(userid_, {std::string(key), 0}), now_s_);
}

Result<std::optional<MailboxInfo>> SieveEnvironment::target_of(const sieve::FileInto& fileinto) {
  if (fileinto.mailbox_id) {
    TRY(std::optional<MailboxInfo> found, deliverable_id(*fileinto.mailbox_id));
    if (found) return found;
  }
  if (fileinto.special_use) {
    TRY(std::optional<MailboxInfo> found, with_use(*fileinto.special_use));
    if (found) return found;
  }
  TRY(std::optional<MailboxInfo> found, deliverable(fileinto.mailbox));
  if (found || fileinto.missing == sieve::FileInto::Missing::kInbox) return found;
  return make(fileinto);
}

Result<std::optional<MailboxInfo>> SieveEnvironment::make(const sieve::FileInto& fileinto) {
  const Result<MailboxName> name = access_.name_of(fileinto.mailbox);
  if (!name || !access_.check_create(*name)) return std::nullopt;
  MailStore::NewMailbox mailbox{.name = *name};
  if (fileinto.special_use) mailbox.attributes.emplace(kAttributeSpecialUse, *fileinto.special_use);
  Result<MailboxInfo> made = store_.create(mailbox);
  if (!made && made.error().code == Code::kExists) return deliverable(fileinto.mailbox);
  if (!made && is_harmless(made.error().code)) {
    log::warn("sieve user={} can't make a mailbox: {}", userid_, made.error().text);
    return std::nullopt;
  }
  TRY_OK(made);
  return *std::move(made);
}

}  // namespace gemel::delivery
