#include "store/newsgroups.h"

#include <algorithm>

#include "store/access.h"

namespace gemel {
namespace {

/// The shared owner, and the mailbox that groups take their ACL from.
Result<void> make_prefix(MailStore& store, std::string_view prefix) {
  TRY_OK(make_shared_owner(store));
  TRY(const MailboxName name, MailboxName::make(kSharedOwner, prefix));
  const Result<MailboxInfo> there = store.find(name);
  if (there || there.error().code != Code::kNotFound)
    return there ? Result<void>() : std::unexpected(there.error());
  const auto made =
      store.create({.name = name,
                    .attributes = {{std::string(kAttributeAcl) + std::string(kAuthenticated),
                                    std::string(kNewsgroupRightsDefault)}}});
  if (!made && made.error().code != Code::kExists) return std::unexpected(made.error());
  return {};
}

}  // namespace

Result<void> check_newsgroup_text(std::string_view text) {
  if (text.size() > kNewsgroupTextBytesMax) return fail(Code::kTooBig, "that text is too long");
  if (std::ranges::any_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f;
      }))
    return fail(Code::kInvalid, "that text has a control character");
  return {};
}

Result<MailboxInfo> create_newsgroup(MailStore& store, std::string_view prefix,
                                     const NewNewsgroup& group) {
  TRY(MailboxName name, mailbox_of_newsgroup(kSharedOwner, prefix, group.name));
  MailStore::NewMailbox make{.name = std::move(name)};
  make.attributes.emplace(kAttributeNewsgroupStatus,
                          std::string(1, static_cast<char>(group.status)));
  for (const auto& [attribute, text] :
       {std::pair{kAttributeNewsgroupDescription, group.description},
        {kAttributeNewsgroupModerator, group.moderator},
        {kAttributeNewsgroupGateway, group.gateway},
        {kAttributeNewsgroupCreator, group.creator}}) {
    TRY_OK(check_newsgroup_text(text));
    if (!text.empty()) make.attributes.emplace(attribute, text);
  }
  TRY_OK(make_prefix(store, prefix));
  return store.create(make);
}

Result<MailboxInfo> find_newsgroup(const MailStore& store, std::string_view prefix,
                                   std::string_view group) {
  TRY(const MailboxName name, mailbox_of_newsgroup(kSharedOwner, prefix, group));
  return store.find(name);
}

Result<std::vector<std::pair<std::string, MailboxInfo>>> newsgroups(const MailStore& store,
                                                                    std::string_view prefix) {
  std::vector<std::pair<std::string, MailboxInfo>> out;
  auto mailboxes = store.mailboxes(kSharedOwner);
  if (!mailboxes && mailboxes.error().code == Code::kNotFound) return out;
  TRY_OK(mailboxes);
  for (MailboxInfo& mailbox : *mailboxes)
    if (auto name = newsgroup_of_path(prefix, mailbox.name.path))
      out.emplace_back(*std::move(name), std::move(mailbox));
  std::ranges::sort(out, {}, [](const auto& entry) -> const std::string& { return entry.first; });
  return out;
}

}  // namespace gemel
