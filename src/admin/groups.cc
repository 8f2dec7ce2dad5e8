// The commands on newsgroups: list, create, set, delete.
#include <array>
#include <optional>
#include <utility>

#include "admin/task.h"
#include "store/newsgroups.h"

namespace gemel::admin {
namespace {

using Start = Result<std::unique_ptr<Task>>;

std::string_view word_of(NewsgroupStatus status) {
  switch (status) {
    case NewsgroupStatus::kPosting:
      return "posting";
    case NewsgroupStatus::kNoPosting:
      return "closed";
    case NewsgroupStatus::kModerated:
      return "moderated";
  }
  return "posting";
}

Result<NewsgroupStatus> status_field(const Json& request) {
  const std::string word = text_field_or(request, "status", "posting");
  for (const NewsgroupStatus status :
       {NewsgroupStatus::kPosting, NewsgroupStatus::kNoPosting, NewsgroupStatus::kModerated})
    if (word == word_of(status)) return status;
  return fail(Code::kInvalid, "a group is \"posting\", \"closed\" or \"moderated\"");
}

Json row_of_group(const std::string& name, const MailboxInfo& mailbox) {
  return {{"group", name},
          {"status", word_of(newsgroup_status(mailbox))},
          {"articles", mailbox.exists},
          {"last", mailbox.last_uid.value},
          {"description", newsgroup_attribute(mailbox, kAttributeNewsgroupDescription)},
          {"moderator", newsgroup_attribute(mailbox, kAttributeNewsgroupModerator)},
          {"gateway", newsgroup_attribute(mailbox, kAttributeNewsgroupGateway)}};
}

// Posts to a moderated group have to go somewhere.
Result<void> check_moderated(NewsgroupStatus status, std::string_view moderator) {
  if (status == NewsgroupStatus::kModerated && moderator.empty())
    return fail(Code::kInvalid, "a moderated group needs its moderator's address");
  return {};
}

}  // namespace

Start start_group_list(const TaskContext& context, const Json&) {
  const Services& services = context.services;
  TRY(const auto groups, newsgroups(*services.store, services.news_prefix));
  std::vector<Json> out;
  out.reserve(groups.size());
  for (const auto& [name, mailbox] : groups) out.push_back(row_of_group(name, mailbox));
  return std::make_unique<Rows>(std::move(out));
}

Start start_group_create(const TaskContext& context, const Json& request) {
  const Services& services = context.services;
  NewNewsgroup group;
  TRY(group.name, text_field(request, "group"));
  TRY(group.status, status_field(request));
  group.description = text_field_or(request, "description", "");
  group.moderator = text_field_or(request, "moderator", "");
  group.gateway = text_field_or(request, "gateway", "");
  group.creator = text_field_or(request, "creator", "usenet");
  TRY_OK(check_moderated(group.status, group.moderator));
  TRY(const MailboxInfo made, create_newsgroup(*services.store, services.news_prefix, group));
  return std::make_unique<Rows>(std::vector<Json>{row_of_group(group.name, made)});
}

Start start_group_set(const TaskContext& context, const Json& request) {
  const Services& services = context.services;
  TRY(const std::string name, text_field(request, "group"));
  TRY(const MailboxInfo mailbox, find_newsgroup(*services.store, services.news_prefix, name));
  std::vector<std::pair<std::string, std::optional<std::string>>> changes;
  NewsgroupStatus status = newsgroup_status(mailbox);
  if (request.contains("status")) {
    TRY(status, status_field(request));
    changes.emplace_back(kAttributeNewsgroupStatus, std::string(1, static_cast<char>(status)));
  }
  std::string moderator(newsgroup_attribute(mailbox, kAttributeNewsgroupModerator));
  if (request.contains("moderator")) moderator = text_field_or(request, "moderator", "");
  TRY_OK(check_moderated(status, moderator));
  const std::array<std::pair<const char*, std::string_view>, 3> fields = {
      {{"description", kAttributeNewsgroupDescription},
       {"moderator", kAttributeNewsgroupModerator},
       {"gateway", kAttributeNewsgroupGateway}}};
  for (const auto& [field, attribute] : fields) {
    if (!request.contains(field)) continue;
    TRY(std::string text, text_field(request, field));
    TRY_OK(check_newsgroup_text(text));
    changes.emplace_back(attribute, text.empty() ? std::nullopt : std::optional(std::move(text)));
  }
  TRY_OK(services.store->set_attributes(mailbox.id, changes));
  TRY(const MailboxInfo now, services.store->find(mailbox.id));
  return std::make_unique<Rows>(std::vector<Json>{row_of_group(name, now)});
}

Start start_group_delete(const TaskContext& context, const Json& request) {
  const Services& services = context.services;
  TRY(const std::string name, text_field(request, "group"));
  TRY(const MailboxInfo mailbox, find_newsgroup(*services.store, services.news_prefix, name));
  TRY_OK(services.store->remove(mailbox.id));
  return std::make_unique<Rows>(std::vector<Json>());
}

}  // namespace gemel::admin
