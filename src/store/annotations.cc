#include "store/annotations.h"

#include <algorithm>
#include <ranges>

#include "store/access.h"
#include "store/special_use.h"

namespace gemel {
namespace {

Result<void> add_items(AnnotationMap& out, const MailStore& store, std::string_view userid,
                       const std::string& prefix, std::string_view scope) {
  TRY(const std::vector<UserItem> items, store.user_items(userid, prefix + std::string(scope)));
  for (const UserItem& item : items) out[item.key.substr(prefix.size())] = item.value;
  return {};
}

std::string item_key(const MailboxInfo* mailbox, std::string_view entry) {
  return mailbox == nullptr ? server_annotation_item(entry) : annotation_item(mailbox->id, entry);
}

Result<void> check_limits(const AnnotationMap& now, std::string_view scope) {
  size_t count = 0;
  size_t bytes = 0;
  for (const auto& [entry, value] : now) {
    if (!entry.starts_with(scope)) continue;
    ++count;
    bytes += value.size();
  }
  if (count > kAnnotationsMax || bytes > kAnnotationsBytesMax)
    return fail(Code::kLimit, "there are as many annotations as there can be");
  return {};
}

bool has_other(const AnnotationMap& now, const AnnotationMap& before, std::string_view scope) {
  const auto of_scope = [scope](const AnnotationMap& map) {
    return map |
           std::views::filter([scope](const auto& item) { return item.first.starts_with(scope); });
  };
  return !std::ranges::equal(of_scope(now), of_scope(before));
}

// What is kept as annotations. Special uses are not.
Result<AnnotationMap> kept_annotations(const MailStore& store, std::string_view userid,
                                       const MailboxInfo* mailbox) {
  AnnotationMap out;
  const std::string prefix = item_key(mailbox, "");
  TRY_OK(add_items(out, store, userid, prefix, kPrivateEntry));
  if (mailbox == nullptr) {
    TRY_OK(add_items(out, store, kSharedOwner, prefix, kSharedEntry));
    return out;
  }
  const std::string attribute = annotation_attribute(kSharedEntry);
  for (const auto& [name, value] : mailbox->attributes)
    if (name.starts_with(attribute))
      out[std::string(kSharedEntry) + name.substr(attribute.size())] = value;
  return out;
}

bool is_special_use(const MailboxInfo* mailbox, std::string_view userid, std::string_view entry) {
  return mailbox != nullptr && mailbox->name.owner == userid && entry == kSpecialUseEntry;
}

/// As it is kept. Errors: kInvalid, kUnsupported: see annotate().
Result<std::optional<std::string>> special_use(const MailStore& store, const MailboxInfo& mailbox,
                                               const std::optional<std::string>& value) {
  if (!value) return std::nullopt;
  TRY(std::string uses, parse_special_uses(*value));
  TRY_OK(check_special_uses(store, mailbox.name.owner, mailbox.name, uses));
  return uses;
}

}  // namespace

Result<AnnotationMap> annotations_of(const MailStore& store, std::string_view userid,
                                     const MailboxInfo* mailbox) {
  TRY(AnnotationMap out, kept_annotations(store, userid, mailbox));
  if (!is_special_use(mailbox, userid, kSpecialUseEntry)) return out;
  const auto use = mailbox->attributes.find(std::string(kAttributeSpecialUse));
  if (use != mailbox->attributes.end()) out[std::string(kSpecialUseEntry)] = use->second;
  return out;
}

Result<void> annotate(MailStore& store, std::string_view userid, const MailboxInfo* mailbox,
                      const AnnotationChanges& changes) {
  TRY(const AnnotationMap before, kept_annotations(store, userid, mailbox));
  AnnotationMap now = before;
  MailStore::MetadataChange change;
  if (mailbox != nullptr) change.mailbox = mailbox->id;
  for (const auto& [entry, value] : changes) {
    if (value && value->size() > kAnnotationValueBytesMax)
      return fail(Code::kTooBig, "an annotation's value is too long");
    if (is_special_use(mailbox, userid, entry)) {
      TRY(std::optional<std::string> use, special_use(store, *mailbox, value));
      change.attributes.emplace_back(kAttributeSpecialUse, std::move(use));
      continue;
    }
    if (value)
      now[entry] = *value;
    else
      now.erase(entry);
    const bool is_shared = is_shared_annotation(entry);
    if (is_shared && mailbox != nullptr)
      change.attributes.emplace_back(annotation_attribute(entry), value);
    else
      change.items[std::string(is_shared ? kSharedOwner : userid)].push_back(
          {item_key(mailbox, entry), value});
  }
  for (const std::string_view scope : {kPrivateEntry, kSharedEntry})
    if (has_other(now, before, scope)) TRY_OK(check_limits(now, scope));
  // What is private is kept with its user, and yet a change of the mailbox (RFC 7162 §3.2).
  change.raises_modseq = has_other(now, before, kPrivateEntry);
  if (change.items.contains(std::string(kSharedOwner))) TRY_OK(make_shared_owner(store));
  return store.change_metadata(std::move(change));
}

}  // namespace gemel
