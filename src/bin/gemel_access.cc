// The tool's commands on rights, quotas and annotations.
#include "base/bytes.h"
#include "bin/gemel_line.h"

namespace gemel::tool {
namespace {

using admin::Json;

const std::vector<Column> kAclColumns = {{"IDENTIFIER", "identifier"}, {"RIGHTS", "rights"}};
const std::vector<Column> kQuotaColumns = {
    {"USER", "user"}, {"RESOURCE", "resource"}, {"USED", "used"}, {"LIMIT", "limit"}};
const std::vector<Column> kAnnotationColumns = {{"ENTRY", "entry"}, {"VALUE", "value"}};

CLI::App* of_mailbox(CLI::App* command, Line& line) {
  command->add_option("USER", line.user)->required();
  command->add_option("MAILBOX", line.mailbox)->required();
  return command;
}

Json acl_request(const Line& line, const char* verb) {
  Json out = {
      {"command", std::string("acl ") + verb}, {"user", line.user}, {"mailbox", line.mailbox}};
  if (!line.identifier.empty()) out["identifier"] = line.identifier;
  if (!line.rights.empty()) out["rights"] = line.rights;
  return out;
}

void add_acl_commands(CLI::App& app, Line& line) {
  CLI::App* acl = app.add_subcommand("acl", "who may do what with a mailbox");
  acl->require_subcommand(1);
  of_mailbox(leaf(*acl, line, "list", "list a mailbox's entries",
                  [&line] {
                    return run_request(line.common, acl_request(line, "list"), kAclColumns, "");
                  }),
             line);
  CLI::App* set = of_mailbox(leaf(*acl, line, "set", "give rights, replacing those the entry had",
                                  [&line] {
                                    return run_request(line.common, acl_request(line, "set"), {},
                                                       "changed the entry of " + line.identifier);
                                  }),
                             line);
  set->add_option("IDENTIFIER", line.identifier, "a user, anyone or authenticated")->required();
  set->add_option("RIGHTS", line.rights, "letters such as lrs; +RIGHTS adds to the entry")
      ->required();
  of_mailbox(leaf(*acl, line, "delete", "remove an entry",
                  [&line] {
                    return run_request(line.common, acl_request(line, "delete"), {},
                                       "removed the entry of " + line.identifier);
                  }),
             line)
      ->add_option("IDENTIFIER", line.identifier)
      ->required();
}

/// "500", "500K", "20M", "1G", in powers of 1,024. Errors: kInvalid.
Result<uint64_t> parse_limit(std::string_view text) {
  uint64_t unit = 1;
  const size_t suffix = std::string_view("KMG").find(text.empty() ? ' ' : text.back());
  if (suffix != std::string_view::npos) {
    unit <<= 10 * (suffix + 1);
    text.remove_suffix(1);
  }
  const Result<uint64_t> number = parse_number(text);
  if (!number || *number > UINT64_MAX / unit)
    return fail(Code::kInvalid, "a limit is a number, perhaps with K, M or G, or none");
  return *number * unit;
}

int set_quota(const Line& line) {
  Json request = {{"command", "quota set"}, {"user", line.user}, {"resource", line.resource}};
  if (line.limit != "none") {
    const Result<uint64_t> limit = parse_limit(line.limit);
    if (!limit) return report(line.common, limit.error());
    request["limit"] = *limit;
  }
  return run_request(line.common, request, {}, "changed the quota of " + line.user);
}

void add_quota_commands(CLI::App& app, Line& line) {
  CLI::App* quota = app.add_subcommand("quota", "how much users may have");
  quota->require_subcommand(1);
  leaf(*quota, line, "list", "list what is used, and the limits", [&line] {
    Json request = {{"command", "quota list"}};
    if (!line.user.empty()) request["user"] = line.user;
    return run_request(line.common, request, kQuotaColumns, "");
  })->add_option("USER", line.user, "of this user only");
  CLI::App* set = leaf(*quota, line, "set", "set a limit", [&line] { return set_quota(line); });
  set->add_option("USER", line.user)->required();
  set->add_option("RESOURCE", line.resource, "storage, messages, mailboxes, annotation-storage")
      ->required();
  set->add_option("LIMIT", line.limit, "octets or how many, with K, M or G; or none")->required();
}

Json annotation_request(const Line& line, const char* verb) {
  Json out = {{"command", std::string("annotation ") + verb}, {"user", line.user}};
  if (!line.mailbox.empty()) out["mailbox"] = line.mailbox;
  if (!line.entry.empty()) out["entry"] = line.entry;
  return out;
}

CLI::App* of_annotated(CLI::App* command, Line& line) {
  command->add_option("USER", line.user, "the owner, and the user of private entries")->required();
  command->add_option("--mailbox", line.mailbox, "of this mailbox; without it, of the server");
  return command;
}

void add_annotation_commands(CLI::App& app, Line& line) {
  CLI::App* annotation = app.add_subcommand("annotation", "what is noted of mailboxes");
  annotation->require_subcommand(1);
  of_annotated(leaf(*annotation, line, "list", "list entries",
                    [&line] {
                      return run_request(line.common, annotation_request(line, "list"),
                                         kAnnotationColumns, "");
                    }),
               line);
  CLI::App* set =
      of_annotated(leaf(*annotation, line, "set", "set an entry",
                        [&line] {
                          Json request = annotation_request(line, "set");
                          request["value"] = line.value;
                          return run_request(line.common, request, {}, "set " + line.entry);
                        }),
                   line);
  set->add_option("ENTRY", line.entry, "/shared/... or /private/...")->required();
  set->add_option("VALUE", line.value)->required();
  of_annotated(leaf(*annotation, line, "delete", "remove an entry",
                    [&line] {
                      return run_request(line.common, annotation_request(line, "delete"), {},
                                         "removed " + line.entry);
                    }),
               line)
      ->add_option("ENTRY", line.entry)
      ->required();
}

}  // namespace

void add_access_commands(CLI::App& app, Line& line) {
  add_acl_commands(app, line);
  add_quota_commands(app, line);
  add_annotation_commands(app, line);
}

}  // namespace gemel::tool
