// Rights, quotas and annotations, as the administrator sees and changes them.
#include "store/access.h"

#include <algorithm>

#include "admin/task.h"
#include "base/bytes.h"
#include "expire/rule.h"
#include "store/annotations.h"

namespace gemel::admin {
namespace {

using Start = Result<std::unique_ptr<Task>>;

Result<MailboxInfo> mailbox_of(const TaskContext& context, const Json& request) {
  TRY(const MailboxName name, mailbox_field(request));
  return context.services.store->find(name);
}

Result<std::string> identifier_field(const Json& request) {
  TRY(std::string identifier, text_field(request, "identifier"));
  TRY_OK(check_acl_identifier(identifier));
  return identifier;
}

/// What is annotated: by "mailbox", or without it the server.
struct Annotated {
  std::string userid;
  std::optional<MailboxInfo> mailbox;
  const MailboxInfo* target() const { return mailbox ? &*mailbox : nullptr; }
};

Result<Annotated> annotated_of(const TaskContext& context, const Json& request) {
  Annotated out;
  TRY(out.userid, text_field(request, "user"));
  TRY_OK(context.services.store->user(out.userid));
  if (request.contains("mailbox")) {
    TRY(out.mailbox, mailbox_of(context, request));
  }
  return out;
}

Start change_annotation(const TaskContext& context, const Json& request,
                        std::optional<std::string> value) {
  TRY(const std::string word, text_field(request, "entry"));
  TRY(std::string entry, parse_annotation_name(word));
  // What can't be read would make nothing go, and only the log would say so.
  if (value && entry == expire::kEntryRule) TRY_OK(expire::parse_rule(*value));
  TRY(const Annotated annotated, annotated_of(context, request));
  TRY_OK(annotate(*context.services.store, annotated.userid, annotated.target(),
                  {{std::move(entry), std::move(value)}}));
  return give_rows({});
}

Result<void> add_quotas(std::vector<Json>& out, const MailStore& store, const std::string& userid) {
  TRY(const std::vector<Quota> quotas, store.quotas(userid));
  for (const Quota& quota : quotas) {
    const QuotaKind& kind = kind_of(quota.resource);
    Json row = {{"user", userid},
                {"resource", kind.item.substr(kUserItemQuota.size())},
                {"used", quota.used}};
    if (quota.limit) row["limit"] = *quota.limit;
    out.push_back(std::move(row));
  }
  return {};
}

}  // namespace

Start start_acl_list(const TaskContext& context, const Json& request) {
  TRY(const MailboxInfo mailbox, mailbox_of(context, request));
  const Acl acl = Acl::of(mailbox.attributes);
  std::vector<Json> rows;
  for (const auto& [identifier, rights] : acl.entries())
    rows.push_back({{"identifier", identifier}, {"rights", rights.text()}});
  return give_rows(std::move(rows));
}

Start start_acl_set(const TaskContext& context, const Json& request) {
  TRY(const std::string identifier, identifier_field(request));
  TRY(const std::string letters, text_field(request, "rights"));
  TRY(const RightsChange change, RightsChange::parse(letters));
  TRY(const MailboxInfo mailbox, mailbox_of(context, request));
  TRY_OK(change_acl(*context.services.store, mailbox, identifier, change));
  return give_rows({});
}

Start start_acl_delete(const TaskContext& context, const Json& request) {
  TRY(const std::string identifier, identifier_field(request));
  TRY(const MailboxInfo mailbox, mailbox_of(context, request));
  if (!Acl::of(mailbox.attributes).entries().contains(identifier))
    return fail(Code::kNotFound, "the mailbox has no such ACL entry");
  TRY_OK(change_acl(*context.services.store, mailbox, identifier, std::nullopt));
  return give_rows({});
}

Start start_quota_list(const TaskContext& context, const Json& request) {
  const MailStore& store = *context.services.store;
  std::vector<Json> rows;
  if (const std::string userid = text_field_or(request, "user", ""); !userid.empty()) {
    TRY_OK(add_quotas(rows, store, userid));
    return give_rows(std::move(rows));
  }
  TRY(const std::vector<UserInfo> users, store.users());
  for (const UserInfo& user : users)
    if (!is_reserved_userid(user.userid)) TRY_OK(add_quotas(rows, store, user.userid));
  return give_rows(std::move(rows));
}

Start start_quota_set(const TaskContext& context, const Json& request) {
  TRY(const std::string userid, text_field(request, "user"));
  TRY(const std::string resource, text_field(request, "resource"));
  const std::string item = std::string(kUserItemQuota) + resource;
  if (std::ranges::find(kQuotaKinds, item, &QuotaKind::item) == kQuotaKinds.end())
    return fail(Code::kInvalid,
                "the resources are storage, messages, mailboxes and "
                "annotation-storage");
  std::optional<std::string> value;
  if (const auto limit = request.find("limit"); limit != request.end()) {
    if (!limit->is_number_unsigned()) return fail(Code::kSyntax, "\"limit\" must be a number");
    value = std::to_string(limit->get<uint64_t>());
  }
  TRY_OK(context.services.store->user(userid));
  TRY_OK(context.services.store->put_user_items(userid, {{item, std::move(value)}}));
  return give_rows({});
}

Start start_annotation_list(const TaskContext& context, const Json& request) {
  TRY(const Annotated annotated, annotated_of(context, request));
  TRY(const AnnotationMap annotations,
      annotations_of(*context.services.store, annotated.userid, annotated.target()));
  std::vector<Json> rows;
  for (const auto& [entry, value] : annotations)
    rows.push_back({{"entry", entry}, {"value", value}});
  return give_rows(std::move(rows));
}

Start start_annotation_set(const TaskContext& context, const Json& request) {
  TRY(std::string value, text_field(request, "value"));
  return change_annotation(context, request, std::move(value));
}

Start start_annotation_delete(const TaskContext& context, const Json& request) {
  return change_annotation(context, request, std::nullopt);
}

}  // namespace gemel::admin
