// What is kept and what goes: expire, rules and holds.
#include <algorithm>
#include <iterator>

#include "admin/task.h"
#include "base/bytes.h"
#include "expire/run.h"
#include "store/hold.h"

namespace gemel::admin {
namespace {

using Start = Result<std::unique_ptr<Task>>;

Json row_of(const expire::Action& action) {
  Json row = {{"type", "action"},
              {"action", name_of(action.kind)},
              {action.kind == expire::Action::Kind::kForget ? "user" : "mailbox", action.where}};
  if (!action.uids.empty()) row["uids"] = action.uids.text();
  row["messages"] = action.messages;
  row["bytes"] = action.bytes;
  if (!action.keywords.empty()) row["keywords"] = action.keywords;
  row["why"] = action.why;
  return row;
}

class ExpireTask final : public Task {
 public:
  ExpireTask(const Services& services, expire::Options options)
      : run_(*services.store, *services.clock, services.expire, std::move(options)) {}

  Result<Progress> step(std::string& out) override {
    TRY(const bool more,
        run_.step([&](const expire::Action& action) { out += to_line(row_of(action)) += '\n'; }));
    return more ? Progress::kMore : Progress::kDone;
  }
  Json summary() const override {
    const expire::Report& report = run_.report();
    return {{"mailboxes", report.mailboxes},
            {"expunged", report.expunged},
            {"expunged_bytes", report.expunged_bytes},
            {"freed", report.freed},
            {"freed_bytes", report.freed_bytes},
            {"mailboxes_freed", report.mailboxes_freed},
            {"forgotten", report.forgotten},
            {"archived", report.archived},
            {"archived_bytes", report.archived_bytes},
            {"archived_messages", report.archived_messages},
            {"archived_message_bytes", report.archived_message_bytes},
            {"keywords", report.keywords},
            {"held", report.held},
            {"held_messages", report.held_messages},
            {"held_bytes", report.held_bytes},
            {"errors", report.errors}};
  }

 private:
  expire::Run run_;
};

/// A field with a number of days, in seconds; nothing if it is not there.
Result<std::optional<int64_t>> days_field(const Json& request, const char* name) {
  const auto at = request.find(name);
  if (at == request.end()) return std::nullopt;
  if (!at->is_number_unsigned() || at->get<uint64_t>() > expire::kDaysMax)
    return fail(Code::kSyntax, std::string("\"") + name + "\" must be a number of days");
  return at->get<int64_t>() * expire::kDayS;
}

/// "mailbox" as "user/path", or nothing.
Result<std::optional<MailboxName>> whole_name_field(const Json& request) {
  if (!request.contains("mailbox")) return std::nullopt;
  TRY(const std::string text, text_field(request, "mailbox"));
  TRY(MailboxName name, MailboxName::parse(text));
  return name;
}

/// "server": true, "user", or "mailbox" as "user/path": exactly one.
Result<MailStore::HoldPlace> hold_place(const Services& services, const Json& request) {
  const bool is_server = is_set(request, "server");
  const bool has_user = request.contains("user");
  const bool has_mailbox = request.contains("mailbox");
  if (int{is_server} + int{has_user} + int{has_mailbox} != 1)
    return fail(Code::kSyntax, "a hold is on the server, a user or a mailbox: name one of them");
  if (is_server) return MailStore::WholeServer();
  if (has_user) {
    TRY(std::string userid, text_field(request, "user"));
    return userid;
  }
  TRY(const std::optional<MailboxName> name, whole_name_field(request));
  TRY(const MailboxInfo mailbox, services.store->find(*name));
  return mailbox.id;
}

Json hold_row(std::string place, std::string_view value) {
  return {{"type", "hold"}, {"on", std::move(place)}, {"until", hold_text(parse_hold(value))}};
}

Result<std::vector<Json>> holds_of(const MailStore& store, const std::string& userid) {
  std::vector<Json> out;
  TRY(const auto own, store.user_item(userid, kUserItemHold));
  if (own) out.push_back(hold_row(userid == kServerUserId ? "server" : "user " + userid, *own));
  TRY(const auto mailboxes, store.mailboxes(userid, MailStore::Which::kDeletedToo));
  for (const MailboxInfo& mailbox : mailboxes) {
    const auto at = mailbox.attributes.find(std::string(kAttributeHold));
    if (at == mailbox.attributes.end()) continue;
    out.push_back(hold_row(
        "mailbox " + mailbox.name.text() + (mailbox.is_deleted() ? " (deleted)" : ""), at->second));
  }
  return out;
}

}  // namespace

Start start_expire(const TaskContext& context, const Json& request) {
  expire::Options options;
  if (is_set(request, "rules")) options.rules = expire::Options::Rules::kApply;
  TRY(options.expunged_s, days_field(request, "expunged_days"));
  TRY(options.deleted_s, days_field(request, "deleted_days"));
  TRY(options.duplicates_s, days_field(request, "duplicates_days"));
  options.archive = text_field_or(request, "archive", "");
  if (is_set(request, "keywords")) options.keywords = expire::Options::Keywords::kPrune;
  if (is_set(request, "dry_run")) options.effect = expire::Options::Effect::kDryRun;
  options.userid = text_field_or(request, "user", "");
  TRY(options.mailbox, whole_name_field(request));
  if (options.does_nothing())
    return fail(
        Code::kSyntax,
        "say what is to expire: rules, expunged_days, deleted_days, duplicates_days, archive "
        "or keywords");
  if (options.mailbox && (!options.userid.empty() || options.duplicates_s))
    return fail(Code::kSyntax,
                "\"mailbox\" names its user, and has no deliveries to forget: \"user\" and "
                "\"duplicates_days\" don't go with it");
  // Asked for by name it is a mistake at once; what the schedule can't archive it says of each.
  if (!options.archive.empty()) TRY_OK(context.services.store->reserve(options.archive, {}));
  return std::make_unique<ExpireTask>(context.services, std::move(options));
}

Start rule_set(const TaskContext& context, const Json& request) {
  MailStore& store = *context.services.store;
  TRY(const MailboxName name, mailbox_field(request));
  TRY(const std::string text, text_field(request, "rule"));
  TRY(const expire::Rule rule, expire::parse_rule(text));
  TRY(const MailboxInfo mailbox, store.find(name));
  const std::string words = text_of(rule);
  TRY_OK(store.set_attributes(mailbox.id, {{std::string(expire::kAttributeRule),
                                            words.empty() ? std::nullopt : std::optional(words)}}));
  return give_rows({});
}

Start rule_list(const TaskContext& context, const Json& request) {
  const Services& services = context.services;
  std::vector<std::string> owners;
  if (request.contains("user")) {
    TRY(owners.emplace_back(), text_field(request, "user"));
    TRY_OK(services.store->user(owners.back()));
  } else {
    TRY(const auto users, services.store->users());
    for (const UserInfo& user : users) owners.push_back(user.userid);
  }
  std::vector<Json> out;
  for (const std::string& owner : owners) {
    TRY(const auto mailboxes, services.store->mailboxes(owner));
    const expire::RuleTree tree(services.expire.rules, mailboxes);
    for (const MailboxInfo& mailbox : mailboxes) {
      const auto own = mailbox.attributes.find(std::string(expire::kAttributeRule));
      const Result<expire::Rule> rule = tree.of(mailbox.name);
      const std::string in_force = rule ? text_of(*rule) : "error: " + rule.error().text;
      const bool is_own = own != mailbox.attributes.end();
      if (in_force.empty() && !is_own) continue;
      out.push_back({{"type", "rule"},
                     {"mailbox", mailbox.name.text()},
                     {"own", is_own ? own->second : ""},
                     {"in_force", in_force}});
    }
  }
  return give_rows(std::move(out));
}

Start hold_set(const TaskContext& context, const Json& request) {
  TRY(const MailStore::HoldPlace place, hold_place(context.services, request));
  TRY(const std::string until, text_field(request, "until"));
  const Result<uint64_t> until_s = parse_number(until);
  if (until != hold_text(kHoldForever) && (!until_s || *until_s > INT64_MAX))
    return fail(Code::kSyntax, "\"until\" is a unix time as text, or \"forever\"");
  TRY_OK(context.services.store->hold(place, parse_hold(until)));
  return give_rows({});
}

Start hold_lift(const TaskContext& context, const Json& request) {
  TRY(const MailStore::HoldPlace place, hold_place(context.services, request));
  const Result<MailStore::Committed> done = context.services.store->hold(place, std::nullopt);
  // Nobody ever held the server: there is nothing to lift.
  if (!done && !(done.error().code == Code::kNotFound && is_set(request, "server")))
    return std::unexpected(done.error());
  return give_rows({});
}

Start hold_list(const TaskContext& context, const Json&) {
  const MailStore& store = *context.services.store;
  TRY(const auto users, store.users(MailStore::Which::kDeletedToo));
  std::vector<Json> out;
  for (const UserInfo& user : users) {
    TRY(std::vector<Json> holds, holds_of(store, user.userid));
    std::ranges::move(holds, std::back_inserter(out));
  }
  return give_rows(std::move(out));
}

}  // namespace gemel::admin
