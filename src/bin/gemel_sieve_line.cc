// The tool's command line for Sieve and the outbox.
#include "bin/gemel_line.h"

namespace gemel::tool {
namespace {

using admin::Json;

const std::vector<Column> kScriptColumns = {
    {"SCRIPT", "script"}, {"ACTIVE", "active"}, {"BYTES", "bytes"}, {"UPLOADED", "uploaded"}};
const std::vector<Column> kOutboxColumns = {
    {"ID", "id"}, {"QUEUED", "queued"}, {"FROM", "from"}, {"TO", "to"}, {"BYTES", "bytes"}};

Json script_request(const Line& line, const char* verb) {
  return {{"command", std::string("sieve ") + verb},
          {"user", line.script.userid},
          {"script", line.script.name}};
}

// Of the scripts that a server has.
void add_script_commands(CLI::App& sieve, Line& line) {
  const auto of_user = [&line](CLI::App* command) {
    command->add_option("USER", line.script.userid)->required();
    return command;
  };
  const auto of_script = [&line, of_user](CLI::App* command) {
    of_user(command)->add_option("SCRIPT", line.script.name)->required();
    return command;
  };
  of_user(leaf(sieve, line, "list", "list a user's scripts", [&line] {
    return run_request(line.common, script_request(line, "list"), kScriptColumns, "");
  }));
  of_script(leaf(sieve, line, "get", "print a script",
                 [&line] { return run_sieve_get(line.common, line.script); }));
  of_script(leaf(sieve, line, "put", "put a script, from a file or standard input", [&line] {
    return run_sieve_put(line.common, line.script);
  }))->add_option("FILE", line.script.path);
  of_user(leaf(sieve, line, "activate", "make a script the active one; without a name, none",
               [&line] {
                 return run_request(line.common, script_request(line, "activate"), {},
                                    line.script.name.empty() ? "no script is active"
                                                             : "activated " + line.script.name);
               }))
      ->add_option("SCRIPT", line.script.name);
  of_script(leaf(sieve, line, "delete", "delete a script that is not active", [&line] {
    return run_request(line.common, script_request(line, "delete"), {},
                       "deleted " + line.script.name);
  }));
}

// Of scripts in files; no server is asked.
void add_trial_commands(CLI::App& sieve, Line& line) {
  leaf(sieve, line, "compile", "say what is wrong with a script",
       [&line] { return run_sieve_compile(line.common, line.sieve); })
      ->add_option("SCRIPT", line.sieve.script, "a file, or - for standard input")
      ->required();
  CLI::App* test = leaf(sieve, line, "test", "say what a script would do with a message",
                        [&line] { return run_sieve_test(line.common, line.sieve); });
  test->add_option("SCRIPT", line.sieve.script, "a file, or - for standard input")->required();
  test->add_option("MESSAGE", line.sieve.message, "a file, or - for standard input")->required();
  test->add_option("--from", line.sieve.from, "the envelope's sender; <> for none")
      ->capture_default_str();
  test->add_option("--to", line.sieve.to, "the envelope's recipient")->capture_default_str();
  test->add_option("--address", line.sieve.addresses, "an address of the user; may be repeated");
  test->add_option("--mailbox", line.sieve.mailboxes, "a mailbox that exists; may be repeated");
  test->add_option("--special-use", line.sieve.special_uses,
                   "USE=MAILBOX, such as \\Junk=Spam; may be repeated");
  test->add_option("--personal", line.sieve.personal,
                   "directory of scripts to include, NAME.sieve");
  test->add_option("--global", line.sieve.global, "directory of global scripts to include");
  test->add_option("--spam", line.sieve.spam_percent,
                   "how sure a scanner is that it is spam, in percent, for spamtest")
      ->check(CLI::Range(0.0, 100.0));
  test->add_option("--virus", line.sieve.virus_score, "what virustest is to see, 1 to 5")
      ->check(CLI::Range(1.0, kVirusScoreMax));
  test->add_flag("--changes", line.sieve.shows_changes, "show the message where it is changed");
}

}  // namespace

void add_sieve_commands(CLI::App& app, Line& line) {
  CLI::App* sieve = app.add_subcommand("sieve", "users' Sieve scripts, and trying scripts");
  sieve->require_subcommand(1);
  add_script_commands(*sieve, line);
  add_trial_commands(*sieve, line);
}

void add_outbox_commands(CLI::App& app, Line& line) {
  CLI::App* outbox = app.add_subcommand("outbox", "mail that waits to leave");
  outbox->require_subcommand(1);
  leaf(*outbox, line, "list", "list it, the oldest first", [&line] {
    return run_request(line.common, {{"command", "outbox list"}}, kOutboxColumns, "");
  });
  leaf(*outbox, line, "delete", "throw one away; nobody is told",
       [&line] {
         return run_request(line.common, {{"command", "outbox delete"}, {"id", line.id}}, {},
                            "deleted");
       })
      ->add_option("ID", line.id)
      ->required();
}

}  // namespace gemel::tool
