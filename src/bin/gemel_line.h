// The tool's command line: what its options fill in, and how its commands are added.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bin/gemel_commands.h"
#include "bin/gemel_retention.h"
#include "bin/gemel_sieve.h"

namespace gemel::tool {

inline constexpr const char* kDefaultSocket = "/run/gemel/admin.sock";

/// Of a newsgroup; nothing: not given.
struct GroupOptions {
  std::string name;
  std::optional<std::string> status;
  std::optional<std::string> description;
  std::optional<std::string> moderator;
  std::optional<std::string> gateway;
};

/// Everything that options fill in. Lives as long as the parser that points into it.
struct Line {
  Common common{.socket = kDefaultSocket};
  bool json = false;
  std::string config;
  std::string user;
  std::string mailbox;
  std::string to;
  std::string partition;
  std::string special_use;
  std::string password_file;
  std::string hash;
  std::string channel;
  std::vector<std::string> users;
  std::vector<std::string> mailboxes;
  bool deleted = false;
  bool all_users = false;
  bool dry_run = false;
  bool verify = false;
  bool repair = false;
  bool one_shot = false;
  bool force = false;
  double wait_s = 1.5;
  bool index_only = false;
  bool known = false;
  std::string directory;
  std::string store;
  std::map<std::string, std::string> partitions;
  ImportOptions import;
  SieveOptions sieve;
  ScriptOptions script;
  GroupOptions group;
  uint32_t id = 0;
  ExpireOptions expire;
  HoldOptions hold;
  UndeleteOptions undelete;
  std::string rule;
  std::string identifier;
  std::string rights;
  std::string resource;
  std::string limit;
  std::string entry;
  std::string value;
  std::function<int()> run;
};

/// Adds a leaf command; `run` is called if it was given.
inline CLI::App* leaf(CLI::App& parent, Line& line, const char* name, const char* help,
                      std::function<int()> run) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->callback([&line, run = std::move(run)] { line.run = run; });
  return command;
}

/// gemel acl, quota and annotation; sieve; outbox; expire, rule, hold and undelete; group.
void add_access_commands(CLI::App& app, Line& line);
void add_sieve_commands(CLI::App& app, Line& line);
void add_outbox_commands(CLI::App& app, Line& line);
void add_retention_commands(CLI::App& app, Line& line);
void add_group_commands(CLI::App& app, Line& line);

}  // namespace gemel::tool
