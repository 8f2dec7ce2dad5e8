// The short commands: users, mailboxes, channels, status. Each does its work when it starts and
// gives its rows in one step.
#include <algorithm>
#include <array>

#include "admin/task.h"
#include "store/access.h"

namespace gemel::admin {
namespace {

using Start = Result<std::unique_ptr<Task>>;

Start rows(std::vector<Json> rows) { return std::make_unique<Rows>(std::move(rows)); }

Result<std::vector<MailStore::NewItem>> credential_of(const Services& services,
                                                      const Json& request) {
  if (request.contains("hash")) {
    TRY(const std::string hash, text_field(request, "hash"));
    return services.credential_of_hash(hash);
  }
  TRY(const std::string password, text_field(request, "password"));
  if (password.empty()) return fail(Code::kInvalid, "the password is empty");
  return services.credential_of_password(password);
}

Start user_add(const TaskContext& context, const Json& request) {
  const Services& services = context.services;
  TRY(const std::string userid, text_field(request, "user"));
  TRY_OK(check_userid(userid));
  if (is_reserved_userid(userid))
    return fail(Code::kInvalid, "names that begin with $ are the server's own");
  if (userid == kSharedOwner)
    return fail(Code::kInvalid, "that is the owner of shared mailboxes: nobody logs in by it");
  TRY(auto items, credential_of(services, request));
  items.push_back({std::string(kUserItemSubscription) + "INBOX", "1"});
  for (const DefaultMailbox& mailbox : services.default_mailboxes)
    items.push_back({std::string(kUserItemSubscription) + mailbox.path, "1"});
  TRY(UserInfo user,
      services.store->create_user(userid, items, text_field_or(request, "partition", "")));
  for (const DefaultMailbox& mailbox : services.default_mailboxes) {
    MailStore::NewMailbox made{.name = {userid, mailbox.path}};
    if (!mailbox.special_use.empty())
      made.attributes.emplace(kAttributeSpecialUse, mailbox.special_use);
    TRY_OK(services.store->create(made));
  }
  TRY(user, services.store->user(userid));
  return rows({row_of(user)});
}

Start user_passwd(const TaskContext& context, const Json& request) {
  TRY(const std::string userid, text_field(request, "user"));
  if (is_reserved_userid(userid) || userid == kSharedOwner)
    return fail(Code::kInvalid, "nobody logs in by this name");
  TRY(const auto items, credential_of(context.services, request));
  TRY_OK(context.services.store->put_user_items(userid, items));
  return rows({});
}

Start user_delete(const TaskContext& context, const Json& request) {
  TRY(const std::string userid, text_field(request, "user"));
  TRY_OK(context.services.store->delete_user(userid));
  return rows({});
}

Start user_list(const TaskContext& context, const Json& request) {
  const auto which =
      is_set(request, "deleted") ? MailStore::Which::kDeletedToo : MailStore::Which::kLive;
  TRY(const auto users, context.services.store->users(which));
  std::vector<Json> out;
  for (const UserInfo& user : users) out.push_back(row_of(user));
  return rows(std::move(out));
}

Start user_move(const TaskContext& context, const Json& request) {
  MailStore& store = *context.services.store;
  TRY(const std::string userid, text_field(request, "user"));
  TRY(const std::string partition, text_field(request, "partition"));
  TRY(const auto mailboxes, store.mailboxes(userid));
  for (const MailboxInfo& mailbox : mailboxes) {
    if (mailbox.partition == partition) continue;
    // A parent takes its children along, so a child may be there already.
    TRY(const MailboxInfo now, store.find(mailbox.id));
    if (now.partition == partition) continue;
    TRY_OK(store.rename(now.name, now.name, partition));
  }
  return rows({});
}

Start mailbox_list(const TaskContext& context, const Json& request) {
  const MailStore& store = *context.services.store;
  const auto which =
      is_set(request, "deleted") ? MailStore::Which::kDeletedToo : MailStore::Which::kLive;
  std::vector<std::string> owners;
  if (request.contains("user")) {
    TRY(owners.emplace_back(), text_field(request, "user"));
    TRY_OK(store.user(owners.back(), which));
  } else {
    TRY(const auto users, store.users(which));
    for (const UserInfo& user : users) owners.push_back(user.userid);
  }
  std::vector<Json> out;
  for (const std::string& owner : owners) {
    TRY(const auto mailboxes, store.mailboxes(owner, which));
    for (const MailboxInfo& mailbox : mailboxes) out.push_back(row_of(mailbox));
  }
  return rows(std::move(out));
}

Start mailbox_create(const TaskContext& context, const Json& request) {
  TRY(MailStore::NewMailbox mailbox, [&]() -> Result<MailStore::NewMailbox> {
    TRY(MailboxName name, mailbox_field(request));
    return MailStore::NewMailbox{.name = std::move(name),
                                 .partition = text_field_or(request, "partition", "")};
  }());
  const std::string use = text_field_or(request, "special_use", "");
  if (!use.empty()) mailbox.attributes.emplace(kAttributeSpecialUse, use);
  MailStore& store = *context.services.store;
  if (mailbox.name.owner == kSharedOwner) TRY_OK(make_shared_owner(store));
  TRY(const MailboxInfo made, store.create(mailbox));
  return rows({row_of(made)});
}

Start mailbox_rename(const TaskContext& context, const Json& request) {
  MailStore& store = *context.services.store;
  TRY(const MailboxName from, mailbox_field(request));
  TRY(const MailboxName to, mailbox_field(request, "to"));
  TRY_OK(store.rename(from, to, text_field_or(request, "partition", "")));
  TRY(const MailboxInfo renamed, store.find(to));
  return rows({row_of(renamed)});
}

Start mailbox_delete(const TaskContext& context, const Json& request) {
  MailStore& store = *context.services.store;
  TRY(const MailboxName name, mailbox_field(request));
  TRY(const MailboxInfo mailbox, store.find(name));
  TRY_OK(store.remove(mailbox.id));
  return rows({});
}

Result<std::unique_ptr<Task>> set_flow(const TaskContext& context, const Json& request,
                                       Services::Flow flow) {
  TRY(const std::string channel, text_field(request, "channel"));
  TRY_OK(context.services.set_flow(channel, flow));
  return rows({});
}

Start channel_pause(const TaskContext& context, const Json& request) {
  return set_flow(context, request, Services::Flow::kPause);
}

Start channel_resume(const TaskContext& context, const Json& request) {
  return set_flow(context, request, Services::Flow::kResume);
}

// Of all users behind, or of one who need not be behind.
void add_user_lags(const Services& services, std::string_view userid, std::vector<Json>& out) {
  for (const auto& [channel, lags] : services.users_behind()) {
    size_t count = 0;
    for (const UserLag& lag : lags) {
      if (!userid.empty() && lag.user != userid) continue;
      if (++count > kUserLagsMax) break;
      out.push_back(row_of(channel, lag));
    }
    if (count == 0 && !userid.empty())
      out.push_back(row_of(channel, UserLag{.user = std::string(userid)}));
  }
}

Start status(const TaskContext& context, const Json& request) {
  const Services& services = context.services;
  const MailStore& store = *services.store;
  TRY(const auto users, store.users());
  uint64_t mailboxes = 0;
  for (const UserInfo& user : users) mailboxes += user.mailboxes;
  TRY(const auto lost, store.lost_bodies());
  std::vector<Json> out;
  out.push_back({{"type", "server"},
                 {"version", GEMEL_VERSION},
                 {"hostname", services.hostname},
                 {"role", store.role() == Role::kPrimary ? "primary" : "replica"},
                 {"term", services.term()},
                 {"users", users.size()},
                 {"mailboxes", mailboxes},
                 {"journal_head", store.journal_head().value},
                 {"lost_bodies", lost.size()},
                 {"digest", store.digest().text()},
                 {"digest_version", kDigestVersion}});
  for (const Listener& listener : services.listeners())
    out.push_back(
        {{"type", "listener"}, {"service", listener.service}, {"address", listener.address}});
  if (const ScrubStatus scrub = services.scrub(); scrub.bytes_per_s > 0)
    out.push_back(row_of(scrub));
  if (const TextIndexStatus index = services.text_index(); index.bytes_per_s > 0)
    out.push_back(row_of(index));
  for (const UpstreamStatus& upstream : services.upstreams()) out.push_back(row_of(upstream));
  for (const NewsFeedStatus& feed : services.news_feeds()) out.push_back(row_of(feed));
  for (const ChannelStatus& channel : services.channels()) out.push_back(row_of(channel));
  const std::string userid = text_field_or(request, "user", "");
  if (!userid.empty()) TRY_OK(store.user(userid, MailStore::Which::kDeletedToo));
  if (!userid.empty() || is_set(request, "users")) add_user_lags(services, userid, out);
  return rows(std::move(out));
}

constexpr std::array kCommands = {
    Command{"acl delete", start_acl_delete},
    Command{"acl list", start_acl_list},
    Command{"acl set", start_acl_set},
    Command{"annotation delete", start_annotation_delete},
    Command{"annotation list", start_annotation_list},
    Command{"annotation set", start_annotation_set},
    Command{"channel pause", channel_pause},
    Command{"channel resume", channel_resume},
    Command{"checkpoint", start_checkpoint},
    Command{"demote", start_demote},
    Command{"dump", start_dump},
    Command{"expire", start_expire},
    Command{"group create", start_group_create},
    Command{"group delete", start_group_delete},
    Command{"group list", start_group_list},
    Command{"group set", start_group_set},
    Command{"hold lift", hold_lift},
    Command{"hold list", hold_list},
    Command{"hold set", hold_set},
    Command{"import", start_import},
    Command{"mailbox create", mailbox_create},
    Command{"mailbox delete", mailbox_delete},
    Command{"mailbox list", mailbox_list},
    Command{"mailbox rename", mailbox_rename},
    Command{"outbox delete", start_outbox_delete},
    Command{"outbox list", start_outbox_list},
    Command{"promote", start_promote},
    Command{"quota list", start_quota_list},
    Command{"quota set", start_quota_set},
    Command{"rule list", rule_list},
    Command{"rule set", rule_set},
    Command{"scrub", start_scrub},
    Command{"sieve activate", start_sieve_activate},
    Command{"sieve delete", start_sieve_delete},
    Command{"sieve get", start_sieve_get},
    Command{"sieve list", start_sieve_list},
    Command{"sieve put", start_sieve_put},
    Command{"status", status},
    Command{"sync", start_sync},
    Command{"undelete list", undelete_list},
    Command{"undelete mailbox", undelete_mailbox},
    Command{"undelete messages", undelete_messages},
    Command{"user add", user_add},
    Command{"user delete", user_delete},
    Command{"user list", user_list},
    Command{"user move", user_move},
    Command{"user passwd", user_passwd},
    Command{"verify", start_verify},
};
static_assert(std::ranges::is_sorted(kCommands, {}, &Command::name));

}  // namespace

std::unique_ptr<Task> give_rows(std::vector<Json> rows) {
  return std::make_unique<Rows>(std::move(rows));
}

const Command* find_command(std::string_view name) {
  const auto at = std::ranges::lower_bound(kCommands, name, {}, &Command::name);
  return at != kCommands.end() && at->name == name ? &*at : nullptr;
}

Result<std::string> text_field(const Json& request, const char* name) {
  const auto at = request.find(name);
  if (at == request.end() || !at->is_string())
    return fail(Code::kSyntax, std::string("the request needs the text \"") + name + "\"");
  return at->get<std::string>();
}

std::string text_field_or(const Json& request, const char* name, std::string_view otherwise) {
  const auto at = request.find(name);
  return at != request.end() && at->is_string() ? at->get<std::string>() : std::string(otherwise);
}

bool is_set(const Json& request, const char* name) {
  const auto at = request.find(name);
  return at != request.end() && at->is_boolean() && at->get<bool>();
}

Result<MailboxName> mailbox_field(const Json& request, const char* name) {
  TRY(const std::string userid, text_field(request, "user"));
  TRY(const std::string path, text_field(request, name));
  return MailboxName::make(userid, path);
}

}  // namespace gemel::admin
