#include "bin/gemel_retention.h"

#include <fmt/format.h>

#include <ctime>

#include "base/bytes.h"
#include "bin/gemel_client.h"

namespace gemel::tool {
namespace {

using admin::Json;
using admin::to_line;

/// What happens to messages, for people.
std::string_view verb_of(const std::string& action) {
  if (action == "expunge") return "expunged by rule";
  if (action == "free") return "freed";
  if (action == "free-mailbox") return "freed with their mailbox";
  if (action == "forget") return "forgotten";
  if (action == "archive" || action == "archive-messages") return "archived";
  return "kept";
}

std::string day_of(int64_t unix_s) {
  const std::time_t time = unix_s;
  std::tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

void show_action(const Json& row) {
  if (row.contains("keywords")) {
    std::string names;
    for (const Json& keyword : row["keywords"]) names += " " + keyword.get<std::string>();
    fmt::print("{}: keywords{} pruned: {}\n", row.value("mailbox", ""), names,
               row.value("why", ""));
    return;
  }
  const std::string uids = row.value("uids", "");
  fmt::print("{}{}: {} {} ({}) {}: {}\n", row.value("mailbox", row.value("user", "")),
             uids.empty() ? "" : " " + uids, row.value("messages", uint64_t{0}),
             row.contains("user") ? "things remembered" : "messages",
             human_bytes(row.value("bytes", uint64_t{0})), verb_of(row.value("action", "")),
             row.value("why", ""));
}

void show_report(const Json& last, const ExpireOptions& options) {
  fmt::print(
      "{} mailboxes: {} messages ({}) expunged, {} ({}) freed, {} mailboxes freed, "
      "{} things forgotten, {} mailboxes ({}) archived, {} messages ({}) of others archived, {} "
      "keywords pruned, {} messages ({}) of {} mailboxes held\n",
      last.value("mailboxes", uint64_t{0}), last.value("expunged", uint64_t{0}),
      human_bytes(last.value("expunged_bytes", uint64_t{0})), last.value("freed", uint64_t{0}),
      human_bytes(last.value("freed_bytes", uint64_t{0})),
      last.value("mailboxes_freed", uint64_t{0}), last.value("forgotten", uint64_t{0}),
      last.value("archived", uint64_t{0}), human_bytes(last.value("archived_bytes", uint64_t{0})),
      last.value("archived_messages", uint64_t{0}),
      human_bytes(last.value("archived_message_bytes", uint64_t{0})),
      last.value("keywords", uint64_t{0}), last.value("held_messages", uint64_t{0}),
      human_bytes(last.value("held_bytes", uint64_t{0})), last.value("held", uint64_t{0}));
  if (options.dry_run) fmt::print("nothing was changed: this was a dry run\n");
}

Json request_of(const ExpireOptions& options) {
  Json request = {{"command", "expire"},
                  {"rules", options.rules},
                  {"keywords", options.keywords},
                  {"archive", options.archive},
                  {"dry_run", options.dry_run}};
  if (options.expunged_days) request["expunged_days"] = *options.expunged_days;
  if (options.deleted_days) request["deleted_days"] = *options.deleted_days;
  if (options.duplicates_days) request["duplicates_days"] = *options.duplicates_days;
  if (!options.userid.empty()) request["user"] = options.userid;
  if (!options.mailbox.empty()) request["mailbox"] = options.mailbox;
  return request;
}

Json request_of(const char* command, const HoldOptions& options) {
  Json request = {{"command", command}, {"server", options.server}};
  if (!options.userid.empty()) request["user"] = options.userid;
  if (!options.mailbox.empty()) request["mailbox"] = options.mailbox;
  return request;
}

Json request_of(const char* command, const UndeleteOptions& options) {
  Json request = {{"command", command}, {"user", options.userid}};
  for (const auto& [name, value] :
       {std::pair("mailbox", &options.mailbox), std::pair("uids", &options.uids),
        std::pair("to", &options.to), std::pair("id", &options.id)})
    if (!value->empty()) request[name] = *value;
  return request;
}

/// What an undelete came to, for people.
struct Undeleted {
  std::string back;
  std::string lost;  // empty: nothing is
};
int run_undelete(const Common& common, const Json& request, Undeleted (*in_words)(const Json&)) {
  Result<Client> client = Client::connect(common.socket);
  if (!client) return report(common, client.error());
  const Result<Json> last = client->call(request, [](const Json&) {});
  if (!last) return report(common, last.error());
  const Undeleted words = in_words(*last);
  if (common.format == Format::kJson) {
    fmt::print("{}\n", to_line(*last));
  } else {
    fmt::print("{}\n", words.back);
    if (!words.lost.empty()) fmt::print(stderr, "gemel: {}\n", words.lost);
  }
  return words.lost.empty() ? kExitOk : kExitFailed;
}

Undeleted messages_in_words(const Json& last) {
  const std::string missing = last.value("missing", "");
  return {.back = fmt::format("{} messages ({}) brought back, {} were there already",
                              last.value("messages", uint64_t{0}),
                              human_bytes(last.value("bytes", uint64_t{0})),
                              last.value("there_already", uint64_t{0})),
          .lost = missing.empty() ? "" : "uids that are not kept (any more): " + missing};
}

Undeleted mailbox_in_words(const Json& last) {
  const std::string name = last.value("mailbox", "");
  const auto messages = last.value("messages", uint64_t{0});
  const auto expunged = last.value("expunged", uint64_t{0});
  Undeleted out{.back = fmt::format("brought back {}: {} messages ({})", name, messages,
                                    human_bytes(last.value("bytes", uint64_t{0}))),
                .lost = ""};
  if (expunged > 0) out.back += fmt::format(", and {} expunged ones, hidden as before", expunged);
  if (!last.value("whole", true))
    out.lost =
        fmt::format("{} that was in {} when it was deleted has been freed since, and is lost",
                    messages + expunged == 0 ? "all" : "some", name);
  return out;
}

}  // namespace

int run_expire(const Common& common, const ExpireOptions& options) {
  if (!options.rules && !options.expunged_days && !options.deleted_days &&
      !options.duplicates_days && options.archive.empty() && !options.keywords) {
    fmt::print(stderr, "gemel: say what is to expire; see gemel expire --help\n");
    return kExitUsage;
  }
  Result<Client> client = Client::connect(common.socket);
  if (!client) return report(common, client.error());
  const Result<Json> last = client->call(request_of(options), [&](const Json& row) {
    if (common.format == Format::kJson)
      fmt::print("{}\n", to_line(row));
    else
      show_action(row);
  });
  if (!last) return report(common, last.error());
  const Json errors = last->value("errors", Json::array());
  if (common.format == Format::kJson)
    fmt::print("{}\n", to_line(*last));
  else
    show_report(*last, options);
  if (common.format == Format::kPeople)
    for (const Json& error : errors)
      fmt::print(stderr, "gemel: passed over {}\n", error.get<std::string>());
  return errors.empty() ? kExitOk : kExitFailed;
}

Result<int64_t> parse_day(const std::string& text) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%Y-%m-%d", &parts);
  if (end == nullptr || *end != '\0' || text.size() != 10)
    return fail(Code::kSyntax, fmt::format("\"{}\" is no day such as 2030-12-31", text));
  const int day = parts.tm_mday;
  const std::time_t unix_s = timegm(&parts);
  if (unix_s < 0 || parts.tm_mday != day)
    return fail(Code::kSyntax, fmt::format("there is no day {}", text));
  return unix_s;
}

int run_hold_set(const Common& common, const HoldOptions& options) {
  Json request = request_of("hold set", options);
  if (options.until == "forever") {
    request["until"] = options.until;
  } else {
    const Result<int64_t> until_s = parse_day(options.until);
    if (!until_s) {
      report(common, until_s.error());
      return kExitUsage;
    }
    request["until"] = fmt::to_string(*until_s);
  }
  return run_request(common, request, {}, "held until " + options.until);
}

int run_hold_lift(const Common& common, const HoldOptions& options) {
  return run_request(common, request_of("hold lift", options), {}, "lifted");
}

int run_hold_list(const Common& common) {
  Result<Client> client = Client::connect(common.socket);
  if (!client) return report(common, client.error());
  const Result<Json> last = client->call({{"command", "hold list"}}, [&](const Json& row) {
    const Result<uint64_t> until_s = parse_number(row.value("until", ""));
    if (common.format == Format::kJson)
      fmt::print("{}\n", to_line(row));
    else
      fmt::print("{}: until {}\n", row.value("on", ""),
                 until_s ? day_of(static_cast<int64_t>(*until_s)) : row.value("until", ""));
  });
  if (!last) return report(common, last.error());
  if (common.format == Format::kJson) fmt::print("{}\n", to_line(*last));
  return kExitOk;
}

int run_undelete_list(const Common& common, const UndeleteOptions& options) {
  Result<Client> client = Client::connect(common.socket);
  if (!client) return report(common, client.error());
  std::vector<Json> rows;
  const Result<Json> last =
      client->call(request_of("undelete list", options), [&](const Json& row) {
        if (common.format == Format::kJson) {
          fmt::print("{}\n", to_line(row));
          return;
        }
        rows.push_back(row);
        const int64_t unix_s = row.value("internaldate", row.value("deleted", int64_t{0}));
        rows.back()["when"] = unix_s == 0 ? "" : day_of(unix_s);
      });
  if (!last) return report(common, last.error());
  if (common.format == Format::kJson)
    fmt::print("{}\n", to_line(*last));
  else if (options.mailbox.empty())
    print_table(rows, {{"MAILBOX", "mailbox"},
                       {"DELETED", "when"},
                       {"MESSAGES", "messages"},
                       {"EXPUNGED", "expunged"},
                       {"BYTES", "bytes"},
                       {"ID", "id"}});
  else
    print_table(rows,
                {{"UID", "uid"}, {"DATE", "when"}, {"BYTES", "bytes"}, {"SUBJECT", "subject"}});
  return kExitOk;
}

int run_undelete_messages(const Common& common, const UndeleteOptions& options) {
  return run_undelete(common, request_of("undelete messages", options), messages_in_words);
}

int run_undelete_mailbox(const Common& common, const UndeleteOptions& options) {
  return run_undelete(common, request_of("undelete mailbox", options), mailbox_in_words);
}

}  // namespace gemel::tool
