// The tool's commands on newsgroups.
#include "bin/gemel_line.h"

namespace gemel::tool {
namespace {

using admin::Json;

const std::vector<Column> kGroupColumns = {{"GROUP", "group"},
                                           {"STATUS", "status"},
                                           {"ARTICLES", "articles"},
                                           {"LAST", "last"},
                                           {"DESCRIPTION", "description"}};

CLI::App* of_group(CLI::App* command, Line& line) {
  command->add_option("GROUP", line.group.name, "as comp.lang.c++")->required();
  return command;
}

// Only what was given goes along: what was not stays as it is.
Json group_request(const Line& line, const char* verb) {
  Json request = {{"command", std::string("group ") + verb}, {"group", line.group.name}};
  if (line.group.status) request["status"] = *line.group.status;
  if (line.group.description) request["description"] = *line.group.description;
  if (line.group.moderator) request["moderator"] = *line.group.moderator;
  if (line.group.gateway) request["gateway"] = *line.group.gateway;
  return request;
}

void add_group_options(CLI::App* command, Line& line) {
  command->add_option("--status", line.group.status, "posting, closed or moderated")
      ->check(CLI::IsMember({"posting", "closed", "moderated"}));
  command->add_option("--description", line.group.description, "one line");
  command->add_option("--moderator", line.group.moderator,
                      "the address that posts to a moderated group are mailed to");
  command->add_option("--gateway", line.group.gateway,
                      "an address that each article is mailed to; empty for none");
}

}  // namespace

void add_group_commands(CLI::App& app, Line& line) {
  CLI::App* group = app.add_subcommand("group", "list and change newsgroups");
  group->require_subcommand(1);
  leaf(*group, line, "list", "list newsgroups", [&line] {
    return run_request(line.common, {{"command", "group list"}}, kGroupColumns, "");
  });
  add_group_options(of_group(leaf(*group, line, "create", "make a newsgroup",
                                  [&line] {
                                    return run_request(line.common, group_request(line, "create"),
                                                       {}, "created " + line.group.name);
                                  }),
                             line),
                    line);
  add_group_options(of_group(leaf(*group, line, "set", "change what is known of a newsgroup",
                                  [&line] {
                                    return run_request(line.common, group_request(line, "set"), {},
                                                       "changed " + line.group.name);
                                  }),
                             line),
                    line);
  of_group(leaf(*group, line, "delete", "delete a newsgroup; it is kept for a while",
                [&line] {
                  return run_request(line.common, group_request(line, "delete"), {},
                                     "deleted " + line.group.name);
                }),
           line);
}

}  // namespace gemel::tool
