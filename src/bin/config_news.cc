#include "bin/config_news.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "bin/config_fields.h"

namespace gemel::bin {
namespace {

using Switch = ConfigTable::Switch;

// RFC 5536 §3.1.5: what stands between the "!" of a Path.
void check_path_name(ConfigTable& table, std::string_view key, std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == ':';
  };
  if (!std::ranges::all_of(name, fits))
    table.wrong(key, "must be letters, digits, \".\", \"-\", \"_\" and \":\"");
}

nntp::Wildmat groups_of(ConfigTable& table) {
  Result<nntp::Wildmat> groups = nntp::Wildmat::parse(table.text("groups", "*"));
  if (groups) return *std::move(groups);
  table.wrong("groups", groups.error().text);
  return nntp::Wildmat::all();
}

// RFC 3977 §7.6.5: "weight:wildmat:value".
void check_distrib_pats(ConfigTable& table, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    const bool fits = second != std::string::npos && parse_number(line.substr(0, first)) &&
                      nntp::Wildmat::parse(line.substr(first + 1, second - first - 1)) &&
                      std::ranges::none_of(line, [](char c) { return c == '\r' || c == '\n'; });
    if (!fits)
      table.wrong("distrib_pats", fmt::format("\"{}\" is not WEIGHT:GROUPS:DISTRIBUTION", line));
  }
}

NewsPeerConfig read_peer(ConfigTable& table) {
  NewsPeerConfig out;
  out.name = table.text("name");
  if (out.name.empty()) table.wrong("name", "a peer needs a name");
  out.addresses = table.texts("addresses");
  out.user = table.text("user");
  if (out.addresses.empty() && out.user.empty())
    table.wrong("addresses", "a peer is known by its addresses or by the user it logs in as");
  out.path_name = table.text("path_name");
  check_path_name(table, "path_name", out.path_name);
  out.groups = groups_of(table);
  table.check_all_read();
  return out;
}

NewsControlConfig read_control(ConfigTable& table) {
  NewsControlConfig out;
  out.type = static_cast<NewsControlConfig::Type>(
      table.choice("type", {"cancel", "supersedes", "newgroup", "rmgroup"}));
  if (!table.has("type")) table.wrong("type", "a control rule needs a type");
  out.from = table.text("from", "*");
  out.groups = groups_of(table);
  table.check_all_read();
  return out;
}

void read_feed_tls(ConfigTable& table, NewsFeedConfig& feed) {
  using Tls = NewsFeedConfig::Tls;
  const bool is_loopback = is_loopback_host(feed.host);
  if (table.has("tls"))
    feed.tls = static_cast<Tls>(table.choice("tls", {"starttls", "implicit", "off"}));
  else if (is_loopback)
    feed.tls = Tls::kOff;
  feed.ca_file = existing_file(table, "ca_file");
  feed.server_name = table.text("server_name", feed.host);
  // News is for many to read; a password is not.
  if (feed.tls == Tls::kOff && !is_loopback && !feed.user.empty())
    table.wrong("tls", "the password would cross the network readable by all");
}

NewsFeedConfig read_feed(ConfigTable& table) {
  NewsFeedConfig out;
  out.name = table.text("name");
  if (out.name.empty()) table.wrong("name", "a feed needs a name");
  out.host = table.text("host");
  if (out.host.empty()) table.wrong("host", "a feed needs the host of its peer");
  out.port = static_cast<uint16_t>(table.number("port", 119, 1, 65'535));
  out.user = table.text("user");
  out.password = password_of(table);
  if (out.user.empty() != out.password.empty())
    table.wrong(out.user.empty() ? "password" : "user", "a user and a password belong together");
  read_feed_tls(table, out);
  out.path_name = table.text("path_name");
  check_path_name(table, "path_name", out.path_name);
  out.groups = groups_of(table);
  out.backlog_hours = table.number("backlog_hours", 24, 0, 24 * 36'500);
  table.check_all_read();
  return out;
}

void read_lists(ConfigTable& table, NewsConfig& config) {
  std::set<std::string> names;
  for (ConfigTable& peer : table.tables("peer")) {
    config.peers.push_back(read_peer(peer));
    if (!names.insert(config.peers.back().name).second)
      peer.wrong("name", "another peer has this name");
  }
  for (ConfigTable& control : table.tables("control"))
    config.controls.push_back(read_control(control));
  names.clear();
  for (ConfigTable& feed : table.tables("feed")) {
    config.feeds.push_back(read_feed(feed));
    if (!names.insert(config.feeds.back().name).second)
      feed.wrong("name", "another feed has this name");
  }
}

}  // namespace

NewsConfig read_news(ConfigTable table, const NewsSurroundings& around) {
  NewsConfig out;
  out.listen = endpoints_of(table, "listen");
  out.listen_tls = endpoints_of(table, "listen_tls");
  if (!out.listen_tls.empty() && around.certificate == NewsSurroundings::Certificate::kNone)
    table.wrong("listen_tls", "needs tls.certificate and tls.key");
  out.plaintext_auth = static_cast<NewsConfig::PlaintextAuth>(
      table.choice("plaintext_auth", {"tls-or-local", "anywhere"}));
  out.anonymous =
      static_cast<NewsConfig::Anonymous>(table.choice("anonymous", {"refused", "anyone"}));
  out.prefix = table.text("prefix", "news");
  if (out.prefix.empty() || out.prefix.find_first_of("/*%") != std::string::npos)
    table.wrong("prefix", "must be one level of a mailbox name");
  out.path_identity = table.text("path_identity", around.hostname);
  check_path_name(table, "path_identity", out.path_identity);
  // What is kept of an article after it was expunged says that it was here; see doc/nntp.md.
  const int64_t days = std::min<int64_t>(10, around.keep_expunged_days);
  out.article_age_days = table.number("article_age_days", days, 0, 36'500);
  if (out.article_age_days > around.keep_expunged_days)
    table.wrong("article_age_days", "must not be more than store.keep_expunged_days");
  out.idle_timeout_s = table.number("idle_timeout_s", 600, 180, 86'400);
  out.distrib_pats = table.texts("distrib_pats");
  check_distrib_pats(table, out.distrib_pats);
  out.complaints_to = table.text("complaints_to");
  out.mail_sender = table.text("mail_sender");
  read_lists(table, out);
  table.check_all_read();
  return out;
}

}  // namespace gemel::bin
