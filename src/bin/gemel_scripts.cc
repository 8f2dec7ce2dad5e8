// The tool's commands on Sieve scripts and the outbox.
#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <iterator>

#include "bin/gemel_client.h"
#include "bin/gemel_commands.h"

namespace gemel::tool {
namespace {

using admin::Json;
using admin::to_line;

Result<std::string> read_text(const std::string& path) {
  if (path.empty() || path == "-") return std::string(std::istreambuf_iterator(std::cin), {});
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return fail(Code::kNotFound, fmt::format("{} can't be read", path));
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

}  // namespace

int run_sieve_get(const Common& common, const ScriptOptions& options) {
  Result<Client> client = Client::connect(common.socket);
  if (!client) return report(common, client.error());
  const Json request = {
      {"command", "sieve get"}, {"user", options.userid}, {"script", options.name}};
  const Result<Json> last = client->call(request, [&](const Json& row) {
    if (common.format == Format::kJson)
      fmt::print("{}\n", to_line(row));
    else
      fmt::print("{}", row.value("text", ""));
  });
  if (!last) return report(common, last.error());
  if (common.format == Format::kJson) fmt::print("{}\n", to_line(*last));
  return kExitOk;
}

int run_sieve_put(const Common& common, const ScriptOptions& options) {
  const Result<std::string> text = read_text(options.path);
  if (!text) return report(common, text.error());
  Result<Client> client = Client::connect(common.socket);
  if (!client) return report(common, client.error());
  const Json request = {{"command", "sieve put"},
                        {"user", options.userid},
                        {"script", options.name},
                        {"bytes", text->size()}};
  Result<Json> last = fail(Code::kUnavailable, "");
  if (const Result<void> sent = client->send(to_line(request) + "\n" + *text); !sent)
    last = std::unexpected(sent.error());
  else
    last = client->receive([](const Json&) {});
  if (!last) return report(common, last.error());
  fmt::print("{}\n", common.format == Format::kJson ? to_line(*last) : "put " + options.name);
  return kExitOk;
}

}  // namespace gemel::tool
