// The command line of what is kept and what goes: gemel expire, rule, hold and undelete.
#include "bin/gemel_line.h"

namespace gemel::tool {
namespace {

using admin::Json;

void add_expire_command(CLI::App& app, Line& line) {
  CLI::App* expire =
      leaf(app, line, "expire", "let go what need not be kept any more; what is not named stays",
           [&line] { return run_expire(line.common, line.expire); });
  const auto days = CLI::Range(uint64_t{0}, uint64_t{36'500});
  expire->add_flag("--rules", line.expire.rules, "expunge messages by the rules of mailboxes");
  expire
      ->add_option("--expunged", line.expire.expunged_days,
                   "free messages that were expunged at least so many days ago")
      ->check(days);
  expire
      ->add_option("--deleted", line.expire.deleted_days,
                   "free mailboxes that were deleted at least so many days ago")
      ->check(days);
  CLI::Option* duplicates = expire
                                ->add_option("--duplicates", line.expire.duplicates_days,
                                             "forget deliveries of at least so many days ago")
                                ->check(days);
  expire->add_option("--archive", line.expire.archive,
                     "move mailboxes and messages to this partition, where their rule says so");
  expire->add_flag("--keywords", line.expire.keywords, "prune keywords that no message has");
  CLI::Option* user = expire->add_option("--user", line.expire.userid, "of this user only");
  expire->add_option("--mailbox", line.expire.mailbox, "only USER/MAILBOX")
      ->excludes(user)
      ->excludes(duplicates);  // users remember deliveries, not mailboxes
  expire->add_flag("--dry-run", line.expire.dry_run, "only say what would go, and why");
}

void add_rule_commands(CLI::App& app, Line& line) {
  CLI::App* rule = app.add_subcommand("rule", "say which messages a mailbox does not keep");
  rule->require_subcommand(1);
  const auto request = [&line](const std::string& words) {
    return Json{
        {"command", "rule set"}, {"user", line.user}, {"mailbox", line.mailbox}, {"rule", words}};
  };
  CLI::App* set =
      leaf(*rule, line, "set", "set a mailbox's rule; those below it inherit it",
           [=, &line] { return run_request(line.common, request(line.rule), {}, "set"); });
  CLI::App* clear = leaf(*rule, line, "clear", "remove a mailbox's own rule", [=, &line] {
    return run_request(line.common, request(""), {}, "cleared");
  });
  for (CLI::App* command : {set, clear}) {
    command->add_option("USER", line.user)->required();
    command->add_option("MAILBOX", line.mailbox)->required();
  }
  set->add_option("RULE", line.rule, "such as \"days=30 keep=flagged\"; see doc/expire.md")
      ->required();
  leaf(*rule, line, "list", "show the rules in force", [&line] {
    Json list = {{"command", "rule list"}};
    if (!line.user.empty()) list["user"] = line.user;
    return run_request(line.common, list,
                       {{"MAILBOX", "mailbox"}, {"IN FORCE", "in_force"}, {"OWN", "own"}}, "");
  })->add_option("USER", line.user, "of this user only");
}

void add_hold_commands(CLI::App& app, Line& line) {
  CLI::App* hold = app.add_subcommand("hold", "keep everything, whatever else is said");
  hold->require_subcommand(1);
  CLI::App* set = leaf(*hold, line, "set", "nothing leaves until a day",
                       [&line] { return run_hold_set(line.common, line.hold); });
  CLI::App* lift = leaf(*hold, line, "lift", "end a hold",
                        [&line] { return run_hold_lift(line.common, line.hold); });
  for (CLI::App* command : {set, lift}) {
    CLI::Option_group* place = command->add_option_group("place", "where");
    place->add_flag("--server", line.hold.server, "everything on this server and its replicas");
    place->add_option("--user", line.hold.userid, "all that this user owns");
    place->add_option("--mailbox", line.hold.mailbox, "USER/MAILBOX");
    place->require_option(1);
  }
  set->add_option("--until", line.hold.until, "a day, such as 2030-12-31, or forever")->required();
  leaf(*hold, line, "list", "show all holds", [&line] { return run_hold_list(line.common); });
}

void add_undelete_commands(CLI::App& app, Line& line) {
  UndeleteOptions& options = line.undelete;
  CLI::App* undelete = app.add_subcommand("undelete", "bring back what was expunged or deleted");
  undelete->require_subcommand(1);
  CLI::App* list = leaf(*undelete, line, "list", "show what can be brought back",
                        [&line] { return run_undelete_list(line.common, line.undelete); });
  CLI::App* messages =
      leaf(*undelete, line, "messages", "bring back expunged messages, with new uids",
           [&line] { return run_undelete_messages(line.common, line.undelete); });
  CLI::App* mailbox = leaf(*undelete, line, "mailbox", "bring back a deleted mailbox as it was",
                           [&line] { return run_undelete_mailbox(line.common, line.undelete); });
  for (CLI::App* command : {list, messages, mailbox})
    command->add_option("USER", options.userid)->required();
  list->add_option("MAILBOX", options.mailbox, "the expunged messages of this one");
  for (CLI::App* command : {messages, mailbox})
    command->add_option("MAILBOX", options.mailbox)->required();
  messages->add_option("--uids", options.uids, "only these, as 1:3,7");
  messages->add_option("--to", options.to, "into this mailbox");
  mailbox->add_option("--to", options.to, "under this name");
  mailbox->add_option("--id", options.id, "of several deleted ones, not the last");
}

}  // namespace

void add_retention_commands(CLI::App& app, Line& line) {
  add_expire_command(app, line);
  add_rule_commands(app, line);
  add_hold_commands(app, line);
  add_undelete_commands(app, line);
}

}  // namespace gemel::tool
