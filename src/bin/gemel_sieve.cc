#include "bin/gemel_sieve.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/bytes.h"
#include "base/clock.h"
#include "sieve/memory_environment.h"
#include "sieve/report.h"

namespace gemel::tool {
namespace {

using admin::Json;

/// Errors: kIo.
Result<std::string> read_file(const std::string& path) {
  if (path == "-")
    return std::string{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  std::ifstream file(path, std::ios::binary);
  std::string out{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) return fail(Code::kIo, "can't read " + path);
  return out;
}

/// A message as it comes by LMTP: CRLF at each line's end, whatever the file has.
std::string with_crlf(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
  }
  return out;
}

Result<void> add_scripts(sieve::MemoryEnvironment& environment, sieve::ScriptLocation location,
                         const std::string& directory) {
  if (directory.empty()) return {};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() != ".sieve") continue;
    TRY(std::string text, read_file(entry.path()));
    environment.scripts[{location, entry.path().stem()}] = std::move(text);
  }
  if (error) return fail(Code::kIo, fmt::format("can't read {}: {}", directory, error.message()));
  return {};
}

Result<sieve::MemoryEnvironment> environment_for(const SieveOptions& options) {
  sieve::MemoryEnvironment out;
  for (const std::string& mailbox : options.mailboxes) out.mailboxes[mailbox];
  for (const std::string& use : options.special_uses) {
    const size_t equals = use.find('=');
    if (equals == std::string::npos)
      return fail(Code::kInvalid, fmt::format("\"{}\" is not USE=MAILBOX", use));
    out.mailboxes[use.substr(equals + 1)].special_uses.insert(to_lower(use.substr(0, equals)));
  }
  TRY_OK(add_scripts(out, sieve::ScriptLocation::kPersonal, options.personal));
  TRY_OK(add_scripts(out, sieve::ScriptLocation::kGlobal, options.global));
  return out;
}

int32_t local_zone_minutes(int64_t unix_s) {
  const auto time = static_cast<std::time_t>(unix_s);
  std::tm fields{};
  ::localtime_r(&time, &fields);
  return static_cast<int32_t>(fields.tm_gmtoff / 60);
}

std::string hostname() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

sieve::Delivery delivery_for(const SieveOptions& options) {
  sieve::Delivery out = {
      .script_name = std::filesystem::path(options.script).stem(),
      .envelope = {.from = options.from == "<>" ? "" : options.from, .to = options.to},
      .user_addresses = options.addresses,
      .now_s = system_clock().unix_s(),
      .local_zone_minutes = local_zone_minutes,
      .hostname = hostname(),
      .unique = fmt::format("{}.{}", system_clock().unix_s(), ::getpid())};
  if (options.spam_percent) out.spamtest.given = *options.spam_percent / 100;
  if (options.virus_score) out.virustest.given = *options.virus_score / kVirusScoreMax;
  return out;
}

Json json_of(const std::vector<sieve::Remark>& remarks) {
  Json out = Json::array();
  for (const sieve::Remark& each : remarks)
    out.push_back(
        {{"line", each.position.line}, {"column", each.position.column}, {"text", each.text}});
  return out;
}

void show(const std::string& script, std::string_view kind,
          const std::vector<sieve::Remark>& remarks) {
  for (const sieve::Remark& each : remarks)
    fmt::print(stderr, "{}:{}:{}: {}: {}\n", script, each.position.line, each.position.column, kind,
               each.text);
}

/// Reads, compiles, and tells of mistakes. Errors: kIo; kInvalid, there are mistakes.
Result<std::shared_ptr<const sieve::Script>> compiled(const Common& common,
                                                      const SieveOptions& options) {
  TRY(const std::string text, read_file(options.script));
  sieve::Compiled out = sieve::compile(text);
  if (common.format == Format::kPeople) {
    show(options.script, "error", out.errors);
    show(options.script, "warning", out.warnings);
  } else if (!out.errors.empty() || !out.warnings.empty()) {
    fmt::print("{}\n", admin::to_line(
                           {{"errors", json_of(out.errors)}, {"warnings", json_of(out.warnings)}}));
  }
  if (out.script == nullptr)
    return fail(Code::kInvalid, fmt::format("{} has mistakes", options.script));
  return std::move(out.script);
}

void show_outcome(const Common& common, const SieveOptions& options, const sieve::Outcome& outcome,
                  int64_t now_s) {
  using sieve::ReportOptions;
  if (common.format == Format::kPeople) {
    const auto changes =
        options.shows_changes ? ReportOptions::Changes::kShown : ReportOptions::Changes::kHidden;
    fmt::print("{}", report_of(outcome, {.changes = changes, .now_s = now_s}));
    return;
  }
  Json actions = Json::array();
  for (const sieve::Action& action : outcome.actions) actions.push_back(sieve::text_of(action));
  Json row = {{"actions", actions}, {"steps", outcome.steps}};
  if (outcome.error)
    row["error"] = {{"script", outcome.error->script},
                    {"line", outcome.error->position.line},
                    {"column", outcome.error->position.column},
                    {"text", outcome.error->text}};
  fmt::print("{}\n", admin::to_line(row));
}

}  // namespace

int run_sieve_compile(const Common& common, const SieveOptions& options) {
  const auto script = compiled(common, options);
  if (!script) return report(common, script.error());
  return kExitOk;
}

int run_sieve_test(const Common& common, const SieveOptions& options) {
  const auto script = compiled(common, options);
  if (!script) return report(common, script.error());
  const Result<std::string> message = read_file(options.message);
  if (!message) return report(common, message.error());
  Result<sieve::MemoryEnvironment> environment = environment_for(options);
  if (!environment) return report(common, environment.error());
  const std::string bytes = with_crlf(*message);
  sieve::MessageInMemory source(bytes);
  const sieve::Delivery delivery = delivery_for(options);
  const sieve::Outcome outcome = execute(**script, source, delivery, *environment);
  show_outcome(common, options, outcome, delivery.now_s);
  return outcome.error ? kExitFailed : kExitOk;
}

}  // namespace gemel::tool
