#include "bin/gemel_commands.h"

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>

#include "admin/dump.h"
#include "base/log.h"
#include "bin/gemel_client.h"
#include "bin/gemel_source.h"

namespace gemel::tool {
namespace {

using admin::Json;
using admin::to_line;

void print_row(const Common& common, const Json& row) {
  if (common.format == Format::kJson)
    fmt::print("{}\n", to_line(row));
  else
    fmt::print("{}\n", dump_line(row));
}

// Runs `request`; gives its rows to on_row and its last line to on_done.
int with_server(const Common& common, const Json& request,
                const std::function<void(const Json&)>& on_row,
                const std::function<int(const Json&)>& on_done) {
  Result<Client> client = Client::connect(common.socket);
  if (!client) return report(common, client.error());
  const Result<Json> last = client->call(request, on_row);
  if (!last) return report(common, last.error());
  return on_done(*last);
}

Result<std::unique_ptr<MailStore>> open_stopped(const StoppedStore& store) {
  log::set_level(log::Level::kWarn);
  return MailStore::open({.path = store.path, .partitions = store.partitions, .read_only = true});
}

int show_verified(const Common& common, const Json& summary) {
  const auto problems = summary.value("problems", uint64_t{0});
  if (common.format == Format::kJson)
    fmt::print("{}\n", to_line(summary));
  else
    fmt::print("{} mailboxes, {} messages, {} bodies: {}\n", summary.value("mailboxes", 0ULL),
               summary.value("records", 0ULL), summary.value("bodies", 0ULL),
               problems == 0 ? "no problem" : fmt::format("{} problems", problems));
  return problems == 0 ? kExitOk : kExitProblems;
}

void show_imported(const Json& summary) {
  fmt::print("{} messages, {}; {} refused\n", summary.value("messages", 0ULL),
             human_bytes(summary.value("bytes", 0ULL)), summary.value("refused", 0ULL));
  const auto kept = summary.value("uidls", 0ULL);
  const auto refused = summary.value("uidls_refused", 0ULL);
  if (kept + refused > 0) fmt::print("{} UIDLs kept, {} refused\n", kept, refused);
}

/// On a terminal, in place; programs read rows only.
bool shows_progress(const Common& common) {
  return common.format == Format::kPeople && isatty(STDERR_FILENO) == 1;
}
void show_progress(std::string_view text) { fmt::print(stderr, "\r\033[K{}", text); }

void show_problem(const Common& common, const Json& row) {
  if (row.value("type", "") == "progress") return show_progress(row.value("where", ""));
  if (shows_progress(common)) show_progress("");
  if (common.format == Format::kJson)
    fmt::print("{}\n", to_line(row));
  else
    fmt::print("{}: {}: {}\n", row.value("invariant", ""), row.value("where", ""),
               row.value("what", ""));
}

}  // namespace

int report(const Common& common, const Error& error) {
  if (common.format == Format::kJson)
    fmt::print("{}\n",
               to_line({{"ok", false}, {"code", name_of(error.code)}, {"error", error.text}}));
  else
    fmt::print(stderr, "gemel: {}\n", error.text);
  return error.code == Code::kUnavailable ? kExitUnavailable : kExitFailed;
}

int run_request(const Common& common, const Json& request, const std::vector<Column>& columns,
                const std::string& done) {
  std::vector<Json> rows;
  return with_server(
      common, request,
      [&](const Json& row) {
        if (common.format == Format::kJson)
          fmt::print("{}\n", to_line(row));
        else
          rows.push_back(row);
      },
      [&](const Json& last) {
        if (common.format == Format::kJson)
          fmt::print("{}\n", to_line(last));
        else if (!columns.empty())
          print_table(rows, columns);
        if (common.format == Format::kPeople && !done.empty()) fmt::print("{}\n", done);
        return kExitOk;
      });
}

int run_status(const Common& common, const Json& request) {
  std::vector<Json> rows;
  return with_server(
      common, request, [&](const Json& row) { rows.push_back(row); },
      [&](const Json&) {
        if (common.format == Format::kPeople)
          print_status(rows);
        else
          for (const Json& row : rows) fmt::print("{}\n", to_line(row));
        return kExitOk;
      });
}

int run_sync(const Common& common, const Json& request) {
  const bool verifies = request.value("verify", false);
  size_t rows = 0;
  return with_server(
      common, request,
      [&](const Json& row) {
        ++rows;
        if (common.format == Format::kJson)
          fmt::print("{}\n", to_line(row));
        else
          fmt::print("{}\n", row.value("action", ""));
      },
      [&](const Json& last) {
        if (common.format == Format::kJson)
          fmt::print("{}\n", to_line(last));
        else if (request.value("dry_run", false))
          fmt::print("nothing was sent: this was a dry run\n");
        else if (verifies && rows > 0)
          fmt::print("the replica differs; nothing was changed\n");
        else
          fmt::print("in step: {} round trips, {} up, {} down\n", last.value("round_trips", 0ULL),
                     human_bytes(last.value("bytes_up", 0ULL)),
                     human_bytes(last.value("bytes_down", 0ULL)));
        return verifies && rows > 0 ? kExitProblems : kExitOk;
      });
}

int run_role(const Common& common, const Json& request) {
  std::vector<Json> rows;
  const bool shows_all = request.value("dry_run", false) || common.format == Format::kJson;
  const auto show = [&] {
    if (common.format == Format::kPeople)
      print_status(rows);
    else
      for (const Json& row : rows) fmt::print("{}\n", to_line(row));
    rows.clear();
  };
  Result<Client> client = Client::connect(common.socket);
  if (!client) return report(common, client.error());
  const Result<Json> last = client->call(request, [&](const Json& row) { rows.push_back(row); });
  if (shows_all || !last) show();
  if (!last) return report(common, last.error());
  if (common.format == Format::kJson)
    fmt::print("{}\n", to_line(*last));
  else
    fmt::print("{} {} in term {}\n",
               last->value("dry_run", false) ? "this server would be a" : "this server is a",
               last->value("role", ""), last->value("term", ""));
  return kExitOk;
}

int run_import(const Common& common, const ImportOptions& options) {
  Result<UidlFinder> uidls = UidlFinder::make(options.uidls);
  if (!uidls) return report(common, uidls.error());
  Result<Client> client = Client::connect(common.socket);
  if (!client) return report(common, client.error());
  Result<void> sent =
      client->send(to_line({{"command", "import"}, {"user", options.userid}}) + "\n");
  const bool shows = common.format == Format::kPeople && isatty(STDERR_FILENO) == 1;
  uint64_t count = 0;
  for (size_t i = 0; sent && i < options.paths.size(); ++i)
    sent = read_source(options.paths[i], {options.mailbox, *uidls}, [&](SourceMessage message) {
      Json head = {{"mailbox", message.mailbox},
                   {"flags", message.flags},
                   {"internaldate", message.internaldate_s},
                   {"bytes", message.bytes.size()}};
      if (!message.uidl.empty()) head["uidl"] = message.uidl;
      if (shows && ++count % 100 == 0) fmt::print(stderr, "\r{} messages", count);
      return client->send(to_line(head) + "\n" + message.bytes);
    });
  if (shows && count >= 100) fmt::print(stderr, "\r");
  // What was read so far is kept; the answer says how much that is.
  if (!sent && sent.error().code == Code::kUnavailable) return report(common, sent.error());
  if (const auto ended = client->send("{\"end\":true}\n"); !ended)
    return report(common, ended.error());
  const Result<Json> last = client->receive([&](const Json& row) {
    if (common.format == Format::kJson)
      fmt::print("{}\n", to_line(row));
    else
      fmt::print(stderr, "refused: {}{}\n",
                 row.contains("uidl") ? row.value("uidl", "") + ": " : "", row.value("reason", ""));
  });
  if (!last) return report(common, last.error());
  if (common.format == Format::kJson)
    fmt::print("{}\n", to_line(*last));
  else
    show_imported(*last);
  if (!sent) return report(common, sent.error());
  return last->value("refused", 0ULL) == 0 ? kExitOk : kExitFailed;
}

int run_dump(const Common& common, const std::string& userid,
             const std::optional<StoppedStore>& stopped) {
  if (!stopped)
    return with_server(
        common, {{"command", "dump"}, {"user", userid}},
        [&](const Json& row) { print_row(common, row); }, [](const Json&) { return kExitOk; });
  const auto store = open_stopped(*stopped);
  if (!store) return report(common, store.error());
  admin::Dump dump(**store, userid);
  while (true) {
    std::string lines;
    const Result<bool> more = dump.next(lines);
    if (!more) return report(common, more.error());
    if (common.format == Format::kJson) {
      fmt::print("{}", lines);
    } else {
      for (size_t at = 0, end = 0; (end = lines.find('\n', at)) != std::string::npos; at = end + 1)
        fmt::print("{}\n", dump_line(Json::parse(lines.substr(at, end - at))));
    }
    if (!*more) return kExitOk;
  }
}

int run_verify(const Common& common, const std::string& userid, VerifyDepth depth,
               const std::optional<StoppedStore>& stopped) {
  const auto show = [&](const Json& row) { show_problem(common, row); };
  if (!stopped)
    return with_server(common,
                       {{"command", "verify"},
                        {"user", userid},
                        {"index_only", depth == VerifyDepth::kIndex},
                        {"progress", shows_progress(common)}},
                       show, [&](const Json& last) {
                         if (shows_progress(common)) show_progress("");
                         return show_verified(common, last);
                       });
  const auto store = open_stopped(*stopped);
  if (!store) return report(common, store.error());
  MailStore::VerifyOptions options;
  options.userid = userid;
  using Depth = MailStore::VerifyOptions::Depth;
  options.depth = depth == VerifyDepth::kIndex ? Depth::kIndex : Depth::kBodiesToo;
  const auto under_way = (*store)->begin_verify(options);
  for (bool more = true; more;) {
    if (shows_progress(common)) show_progress(under_way->where());
    const Result<bool> step = under_way->step();
    if (!step) return report(common, step.error());
    more = *step;
  }
  const MailStore::VerifyReport& found = under_way->report();
  for (const MailStore::Problem& problem : found.problems) show(admin::row_of(problem));
  if (shows_progress(common)) show_progress("");
  return show_verified(common, {{"ok", true},
                                {"problems", found.problems.size()},
                                {"mailboxes", found.mailboxes},
                                {"records", found.records},
                                {"bodies", found.bodies}});
}

int run_scrub(const Common& common, const Json& request) {
  Json asked = request;
  asked["progress"] = shows_progress(common);
  return with_server(
      common, asked,
      [&](const Json& row) {
        if (common.format == Format::kJson) return fmt::print("{}\n", to_line(row));
        if (row.value("type", "") == "progress")
          return show_progress(fmt::format("{:.1f}%", row.value("done", 0.0) * 100));
        if (shows_progress(common)) show_progress("");
        fmt::print("lost {} in {}\n", row.value("guid", ""), row.value("partition", ""));
        for (const Json& message : row.value("messages", Json::array()))
          fmt::print("  {}\n", message.get<std::string>());
      },
      [&](const Json& last) {
        const uint64_t lost = last.value("lost", uint64_t{0});
        if (shows_progress(common)) show_progress("");
        if (common.format == Format::kJson)
          fmt::print("{}\n", to_line(last));
        else if (last.contains("bodies"))
          fmt::print("{} bodies, {}: {} lost\n", last.value("bodies", uint64_t{0}),
                     human_bytes(last.value("bytes", uint64_t{0})), lost);
        else
          fmt::print("{} lost\n", lost);
        return lost == 0 ? kExitOk : kExitProblems;
      });
}

namespace {

std::string ask(const char* prompt) {
  termios before{};
  const bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    fmt::print(stderr, "{}", prompt);
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  std::string line;
  std::getline(std::cin, line);
  if (terminal) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fmt::print(stderr, "\n");
  }
  return line;
}

}  // namespace

Result<std::string> read_password(const std::string& file) {
  std::string password;
  if (!file.empty()) {
    std::ifstream in(file);
    if (!in) return fail(Code::kIo, fmt::format("can't read {}", file));
    std::getline(in, password);
  } else {
    password = ask("Password: ");
    if (isatty(STDIN_FILENO) == 1 && ask("Again: ") != password)
      return fail(Code::kInvalid, "the two passwords differ");
  }
  if (password.ends_with('\r')) password.pop_back();
  if (password.empty()) return fail(Code::kInvalid, "the password is empty");
  return password;
}

}  // namespace gemel::tool
