#include "bin/gemeld_expire_words.h"

#include "base/log.h"

namespace gemel::bin {
namespace {

/// Errors: kSyntax, a rule that can't be read; kIo.
Result<expire::Rule> rule_of(const MailStore& store, const expire::RulesByPath& configured,
                             const MailboxName& name) {
  TRY(const auto mailboxes, store.mailboxes(name.owner));
  return expire::RuleTree(configured, mailboxes).of(name);
}

}  // namespace

pop3::ExpireWords expire_words(const MailStore& store, const expire::RulesByPath& configured) {
  return [&store, &configured](const MailboxName* mailbox) -> std::string {
    const MailboxName anybodys{"anybody", "INBOX"};
    const Result<expire::Rule> rule = mailbox == nullptr
                                          ? expire::RuleTree(configured, {}).of(anybodys)
                                          : rule_of(store, configured, *mailbox);
    // Nothing goes by a rule that can't be read.
    if (!rule && rule.error().code == Code::kSyntax) return "NEVER";
    if (!rule) {
      log::warn("pop3 expire of {}: {}", mailbox->text(), rule.error().text);
      return "";
    }
    const std::optional<uint64_t> days = days_at_least(*rule);
    if (!days) return "";
    return *days == expire::kNever ? "NEVER" : std::to_string(*days);
  };
}

}  // namespace gemel::bin
