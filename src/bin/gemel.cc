// gemel: the administrator's tool. Reads the command line; gemel_commands does the work.
// Source   doc/operations.md.
#include <CLI/CLI.hpp>
#include <csignal>
#include <filesystem>

#include "bin/config.h"
#include "bin/gemel_line.h"

namespace gemel::tool {
namespace {

using admin::Json;

const std::vector<Column> kUserColumns = {
    {"USER", "user"}, {"MAILBOXES", "mailboxes"}, {"MODSEQ", "modseq"}, {"DIGEST", "digest"}};
const std::vector<Column> kMailboxColumns = {{"MAILBOX", "mailbox"},
                                             {"PARTITION", "partition"},
                                             {"UIDVALIDITY", "uidvalidity"},
                                             {"MESSAGES", "exists"},
                                             {"UNSEEN", "unseen"},
                                             {"BYTES", "bytes"},
                                             {"HIGHESTMODSEQ", "highestmodseq"}};

std::optional<StoppedStore> stopped_store(const Line& line) {
  if (line.store.empty()) return std::nullopt;
  return StoppedStore{line.store, line.partitions};
}

int with_credential(Line& line, Json request, const std::string& done) {
  if (!line.hash.empty()) {
    request["hash"] = line.hash;
  } else {
    const Result<std::string> password = read_password(line.password_file);
    if (!password) return report(line.common, password.error());
    request["password"] = *password;
  }
  return run_request(line.common, request, {}, done);
}

void add_credential_options(CLI::App* command, Line& line) {
  command->add_option("--password-file", line.password_file,
                      "read the password from the first line of this file, not standard input");
  command->add_option("--hash", line.hash,
                      "a crypt(3) hash from another system instead of a password");
}

void add_user_commands(CLI::App& app, Line& line) {
  CLI::App* user = app.add_subcommand("user", "add, change, delete and list users");
  user->require_subcommand(1);
  CLI::App* add = leaf(*user, line, "add", "make a user and an INBOX", [&line] {
    return with_credential(
        line, {{"command", "user add"}, {"user", line.user}, {"partition", line.partition}},
        "added " + line.user);
  });
  add->add_option("USER", line.user)->required();
  add->add_option("--partition", line.partition, "where the user's mail is kept");
  add_credential_options(add, line);
  CLI::App* passwd = leaf(*user, line, "passwd", "give a user a new password", [&line] {
    return with_credential(line, {{"command", "user passwd"}, {"user", line.user}},
                           "changed the password of " + line.user);
  });
  passwd->add_option("USER", line.user)->required();
  add_credential_options(passwd, line);
  leaf(*user, line, "delete", "delete a user; mail is kept for a while",
       [&line] {
         return run_request(line.common, {{"command", "user delete"}, {"user", line.user}}, {},
                            "deleted " + line.user);
       })
      ->add_option("USER", line.user)
      ->required();
  leaf(*user, line, "list", "list users", [&line] {
    return run_request(line.common, {{"command", "user list"}, {"deleted", line.deleted}},
                       kUserColumns, "");
  })->add_flag("--deleted", line.deleted, "deleted ones that are kept too");
  CLI::App* move = leaf(*user, line, "move", "move a user's mail to another partition", [&line] {
    return run_request(
        line.common, {{"command", "user move"}, {"user", line.user}, {"partition", line.partition}},
        {}, "moved " + line.user + " to " + line.partition);
  });
  move->add_option("USER", line.user)->required();
  move->add_option("PARTITION", line.partition)->required();
}

void add_mailbox_commands(CLI::App& app, Line& line) {
  CLI::App* mailbox = app.add_subcommand("mailbox", "list and change mailboxes");
  mailbox->require_subcommand(1);
  CLI::App* list = leaf(*mailbox, line, "list", "list mailboxes", [&line] {
    Json request = {{"command", "mailbox list"}, {"deleted", line.deleted}};
    if (!line.user.empty()) request["user"] = line.user;
    return run_request(line.common, request, kMailboxColumns, "");
  });
  list->add_option("USER", line.user, "of this user only");
  list->add_flag("--deleted", line.deleted, "deleted ones that are kept too");
  CLI::App* create = leaf(*mailbox, line, "create", "make a mailbox", [&line] {
    return run_request(line.common,
                       {{"command", "mailbox create"},
                        {"user", line.user},
                        {"mailbox", line.mailbox},
                        {"partition", line.partition},
                        {"special_use", line.special_use}},
                       {}, "created " + line.user + "/" + line.mailbox);
  });
  create->add_option("USER", line.user)->required();
  create->add_option("MAILBOX", line.mailbox)->required();
  create->add_option("--partition", line.partition);
  create->add_option("--special-use", line.special_use, "\\Sent, \\Drafts, \\Trash and so on");
  CLI::App* rename =
      leaf(*mailbox, line, "rename", "rename or move a mailbox and all below it", [&line] {
        return run_request(line.common,
                           {{"command", "mailbox rename"},
                            {"user", line.user},
                            {"mailbox", line.mailbox},
                            {"to", line.to},
                            {"partition", line.partition}},
                           {}, "renamed to " + line.user + "/" + line.to);
      });
  rename->add_option("USER", line.user)->required();
  rename->add_option("MAILBOX", line.mailbox)->required();
  rename->add_option("NEW", line.to)->required();
  rename->add_option("--partition", line.partition, "move it there too");
  CLI::App* remove =
      leaf(*mailbox, line, "delete", "delete a mailbox; it is kept for a while", [&line] {
        return run_request(
            line.common,
            {{"command", "mailbox delete"}, {"user", line.user}, {"mailbox", line.mailbox}}, {},
            "deleted " + line.user + "/" + line.mailbox);
      });
  remove->add_option("USER", line.user)->required();
  remove->add_option("MAILBOX", line.mailbox)->required();
}

void add_store_options(CLI::App* command, Line& line) {
  command->add_option("--user", line.user, "of this user only");
  command->add_option("--store", line.store,
                      "open the store in this directory instead of asking a server; it must be "
                      "stopped");
  command->add_option("--partition", line.partitions,
                      "with --store: NAME DIRECTORY of a partition");
}

void add_store_commands(CLI::App& app, Line& line) {
  add_store_options(leaf(app, line, "dump", "print everything that replicates, a line each",
                         [&line] { return run_dump(line.common, line.user, stopped_store(line)); }),
                    line);
  CLI::App* verify = leaf(app, line, "verify", "check every invariant of the store", [&line] {
    return run_verify(line.common, line.user,
                      line.index_only ? VerifyDepth::kIndex : VerifyDepth::kBodiesToo,
                      stopped_store(line));
  });
  add_store_options(verify, line);
  verify->add_flag("--index-only", line.index_only, "don't read the bodies");
  leaf(app, line, "scrub", "read every body again, and say which are lost", [&line] {
    return run_scrub(line.common, {{"command", "scrub"}, {"known", line.known}});
  })->add_flag("--known", line.known, "read nothing: list those that are known to be lost");
  leaf(app, line, "checkpoint", "copy the running store, for a replica to begin with",
       [&line] {
         const std::string path = std::filesystem::absolute(line.directory).lexically_normal();
         return run_request(line.common, {{"command", "checkpoint"}, {"directory", path}}, {},
                            "copied the store to " + path);
       })
      ->add_option("DIRECTORY", line.directory, "must not be there yet; the server makes it")
      ->required();
  CLI::App* import = leaf(app, line, "import", "bring in a Maildir, an mbox or .eml files",
                          [&line] { return run_import(line.common, line.import); });
  import->add_option("USER", line.import.userid)->required();
  import->add_option("PATH", line.import.paths)->required();
  import->add_option("--mailbox", line.import.mailbox, "where the top goes; INBOX if not given");
  import->add_option("--uidl-header", line.import.uidls.header,
                     "the header field that says what POP3 called a message, as X-UIDL");
  import->add_option("--uidl-list", line.import.uidls.list,
                     "a file that says it, in lines \"FILE UIDL\"");
  import
      ->add_option("--uidl-dovecot", line.import.uidls.dovecot_format,
                   "each Maildir's dovecot-uidlist says it, or this format of %u and %v")
      ->expected(0, 1)
      ->default_str("%08Xu%08Xv");
}

void add_role_commands(CLI::App& app, Line& line) {
  CLI::App* promote = leaf(app, line, "promote", "make this replica the primary", [&line] {
    return run_role(line.common,
                    {{"command", "promote"}, {"dry_run", line.dry_run}, {"force", line.force}});
  });
  promote->add_flag("--dry-run", line.dry_run,
                    "only say how things stand, and whether it could be");
  promote->add_flag("--force", line.force, "even while a primary is connected; it is cut off");
  CLI::App* demote =
      leaf(app, line, "demote", "make this primary a replica: it takes no more changes", [&line] {
        return run_role(line.common, {{"command", "demote"},
                                      {"dry_run", line.dry_run},
                                      {"wait_ms", static_cast<uint64_t>(line.wait_s * 1000)}});
      });
  demote->add_flag("--dry-run", line.dry_run, "only say how things stand");
  demote->add_option("--wait", line.wait_s, "seconds for the replicas to get what is left")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 3600.0));
}

Json sync_request(const Line& line) {
  return {{"command", "sync"},           {"channel", line.channel}, {"users", line.users},
          {"mailboxes", line.mailboxes}, {"dry_run", line.dry_run}, {"one_shot", line.one_shot},
          {"verify", line.verify},       {"repair", line.repair}};
}

void add_replication_commands(CLI::App& app, Line& line) {
  CLI::App* status =
      leaf(app, line, "status", "show the server, its listeners and its channels", [&line] {
        return run_status(line.common,
                          {{"command", "status"}, {"users", line.all_users}, {"user", line.user}});
      });
  status->add_flag("--users", line.all_users, "and the users of whom a replica lacks something");
  status->add_option("--user", line.user, "and how far behind the replicas are with this user");
  CLI::App* sync = leaf(app, line, "sync", "bring the replica up to date now, and wait for it",
                        [&line] { return run_sync(line.common, sync_request(line)); });
  sync->add_option("--channel", line.channel, "of several channels, this one");
  sync->add_option("--user", line.users, "only this user; may be repeated");
  sync->add_option("--mailbox", line.mailboxes, "only USER/MAILBOX; may be repeated");
  CLI::App& how = *sync->add_option_group("how", "at most one of");
  how.add_flag("--dry-run", line.dry_run, "only say what would be sent, by what is known");
  how.add_flag("--verify", line.verify, "only ask the replica, and say where it differs");
  how.add_flag("--repair", line.repair, "ask the replica too, and mend what differs");
  how.require_option(0, 1);
  sync->add_flag("--one-shot", line.one_shot, "over a new connection, not the lasting one");
  CLI::App* channel = app.add_subcommand("channel", "pause and resume a channel");
  channel->require_subcommand(1);
  for (const char* verb : {"pause", "resume"})
    leaf(*channel, line, verb,
         *verb == 'p' ? "keep the link, but send only on sync" : "send changes as they come again",
         [&line, verb] {
           return run_request(
               line.common,
               {{"command", std::string("channel ") + verb}, {"channel", line.channel}}, {},
               line.channel + ": " + verb + "d");
         })
        ->add_option("CHANNEL", line.channel)
        ->required();
}

// The socket that a server's configuration names. Errors: kInvalid, the file has mistakes.
Result<std::string> socket_of(const std::string& config_path) {
  const auto config = bin::load_config(config_path);
  if (!config) return fail(Code::kInvalid, bin::text_of(config_path, config.error()));
  return config->admin_socket;
}

int run(int argc, char** argv) {
  CLI::App app{"gemel: administer a Gemel mail store", "gemel"};
  Line line;
  app.set_version_flag("--version", GEMEL_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--socket", line.common.socket, "the server's admin socket")
      ->envname("GEMEL_SOCKET")
      ->capture_default_str();
  app.add_option("--config", line.config, "the server's configuration, which names the socket")
      ->envname("GEMEL_CONFIG");
  app.add_flag("--json", line.json, "print JSON, a line each, for programs");
  add_user_commands(app, line);
  add_mailbox_commands(app, line);
  add_access_commands(app, line);
  add_store_commands(app, line);
  add_replication_commands(app, line);
  add_sieve_commands(app, line);
  add_role_commands(app, line);
  add_outbox_commands(app, line);
  add_retention_commands(app, line);
  add_group_commands(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  line.common.format = line.json ? Format::kJson : Format::kPeople;
  if (!line.config.empty() && app.count("--socket") == 0) {
    const Result<std::string> socket = socket_of(line.config);
    if (!socket) return report(line.common, socket.error());
    line.common.socket = *socket;
  }
  return line.run();
}

}  // namespace
}  // namespace gemel::tool

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);  // `gemel dump | head` ends quietly
  return gemel::tool::run(argc, argv);
}
