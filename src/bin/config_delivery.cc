#include "bin/config_delivery.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "bin/config_fields.h"

namespace gemel::bin {
namespace {

constexpr uint16_t kSmtpPort = 25;

std::vector<NetworkRange> networks_of(ConfigTable& table, std::string_view key) {
  std::vector<NetworkRange> out;
  for (const std::string& text : table.texts(key)) {
    const Result<NetworkRange> range = NetworkRange::parse(text);
    if (!range)
      table.wrong(key, range.error().text);
    else
      out.push_back(*range);
  }
  return out;
}

std::string existing_directory(ConfigTable& table, std::string_view key) {
  std::string path = table.text(key);
  std::error_code error;
  if (!path.empty() && !std::filesystem::is_directory(path, error))
    table.wrong(key, fmt::format("{} is no directory", path));
  return path;
}

ScoreConfig read_score(ConfigTable table, int64_t max) {
  ScoreConfig out;
  out.field = table.text("field");
  out.kind = static_cast<ScoreConfig::Kind>(table.choice("kind", {"number", "characters", "word"}));
  out.behind = table.text("behind");
  out.max = table.number("max", max, 1, 1'000'000);
  ConfigTable words = table.table("words");
  for (const std::string& word : words.keys()) out.words[word] = words.number(word, 0, 0, out.max);
  table.check_all_read();
  return out;
}

}  // namespace

LmtpConfig read_lmtp(ConfigTable table) {
  LmtpConfig out;
  out.listen = endpoints_of(table, "listen");
  // RFC 2033 §5: who comes there speaks SMTP.
  if (std::ranges::find(out.listen, kSmtpPort, &Endpoint::port) != out.listen.end())
    table.wrong("listen", "LMTP may not be on SMTP's port 25");
  out.mode = file_mode_of(table, "0666");
  out.lookup = static_cast<LmtpConfig::Lookup>(
      table.choice("lookup", {"address-then-local-part", "address", "local-part"}));
  out.letter_case =
      static_cast<LmtpConfig::LetterCase>(table.choice("letter_case", {"folded", "exact"}));
  out.detail_separator = table.text("detail_separator", "+");
  out.recipients_max = static_cast<size_t>(table.number("recipients_max", 1000, 100, 100'000));
  out.allow = networks_of(table, "allow");
  out.connections_per_address =
      static_cast<size_t>(table.number("connections_per_address", 200, 0, 100'000));
  out.over_quota =
      static_cast<LmtpConfig::OverQuota>(table.choice("over_quota", {"temporary", "permanent"}));
  out.user = table.text("user");
  out.password = password_of(table);
  if (out.user.empty() != out.password.empty())
    table.wrong(out.user.empty() ? "password" : "user", "a user and a password belong together");
  out.auth = static_cast<LmtpConfig::Auth>(table.choice("auth", {"offered", "required"}));
  if (out.auth == LmtpConfig::Auth::kRequired && out.user.empty())
    table.wrong("auth", "nobody could log in without lmtp.user");
  out.aliases = existing_file(table, "aliases");
  out.postmaster = table.text("postmaster");
  out.catch_all = table.text("catch_all");
  out.duplicates_days = table.number("duplicates_days", 7, 0, 365);
  table.check_all_read();
  return out;
}

SieveConfig read_sieve(ConfigTable table) {
  SieveConfig out;
  out.scripts_max = static_cast<size_t>(table.number("scripts_max", 50, 1, 10'000));
  out.script_bytes_max =
      static_cast<size_t>(table.number("script_bytes_max", 1 << 20, 1024, 16 << 20));
  out.redirects_max = static_cast<size_t>(table.number("redirects_max", 4, 0, 100));
  out.global_scripts = existing_directory(table, "global_scripts");
  out.disabled_extensions = table.texts("disabled_extensions");
  out.spamtest = read_score(table.table("spamtest"), 10);
  out.virustest = read_score(table.table("virustest"), 5);
  table.check_all_read();
  return out;
}

ManageSieveConfig read_managesieve(ConfigTable table) {
  ManageSieveConfig out;
  out.listen = endpoints_of(table, "listen");
  out.connections_per_address =
      static_cast<size_t>(table.number("connections_per_address", 50, 0, 100'000));
  table.check_all_read();
  return out;
}

OutgoingConfig read_outgoing(ConfigTable table) {
  OutgoingConfig out;
  if (const std::string relay = table.text("relay"); !relay.empty()) {
    const Result<Endpoint> endpoint = parse_endpoint(relay);
    if (!endpoint || endpoint->is_unix() || endpoint->port == 0)
      table.wrong("relay", fmt::format("\"{}\" is not HOST:PORT", relay));
    else
      out.relay = *endpoint;
  }
  std::istringstream words(table.text("sendmail"));
  for (std::string word; words >> word;) out.sendmail.push_back(word);
  if (!out.sendmail.empty() && out.relay)
    table.wrong("sendmail", "there is a relay too; give one of them");
  if (!out.sendmail.empty() && !out.sendmail.front().starts_with('/'))
    table.wrong("sendmail", "the command needs its whole path");
  out.tls = static_cast<OutgoingConfig::Tls>(table.choice("tls", {"required", "off"}));
  if (!table.has("tls") && out.relay && out.relay->is_loopback())
    out.tls = OutgoingConfig::Tls::kOff;
  out.ca_file = existing_file(table, "ca_file");
  out.server_name = table.text("server_name");
  out.user = table.text("user");
  out.password = password_of(table);
  if (out.user.empty() != out.password.empty())
    table.wrong(out.user.empty() ? "password" : "user", "a user and a password belong together");
  out.give_up_hours = table.number("give_up_hours", 120, 1, 24 * 60);
  out.queue_max = static_cast<size_t>(table.number("queue_max", 10'000, 1, 1'000'000));
  table.check_all_read();
  return out;
}

}  // namespace gemel::bin
