#include "bin/config_login.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "bin/config_endpoint.h"
#include "bin/config_fields.h"

namespace gemel::bin {
namespace {

std::string without_line_end(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

std::string content_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void read_keys(ConfigTable& table, OauthConfig& out) {
  out.algorithm =
      static_cast<oauth::Algorithm>(table.choice("algorithm", {"RS256", "ES256", "HS256"}));
  for (const std::string& path : table.texts("keys")) {
    std::string content = content_of(path);
    if (content.empty()) {
      table.wrong("keys", fmt::format("the file {} can't be read, or is empty", path));
      continue;
    }
    const bool is_secret = out.algorithm == oauth::Algorithm::kHs256;
    out.keys.push_back(is_secret ? without_line_end(std::move(content)) : std::move(content));
  }
  if (out.keys.empty()) return;
  const auto made = oauth::JwtVerifier::make(out.algorithm, out.keys, out.rules);
  if (!made) table.wrong("keys", made.error().text);
  // A key signs for whomever its owner likes: the token must say that it is for us (RFC 8725 §3.9).
  if (out.rules.issuer.empty()) table.wrong("issuer", "is needed with keys");
  if (out.rules.audience.empty()) table.wrong("audience", "is needed with keys");
}

void read_introspection(ConfigTable& table, OauthConfig& out) {
  const std::string text = table.text("introspection_url");
  out.client_id = table.text("client_id");
  out.client_secret = password_of(table);
  out.ca_file = existing_file(table, "ca_file");
  out.timeout_s = table.number("timeout_s", 10, 1, 120);
  if (text.empty()) return;
  const Result<oauth::Url> url = oauth::parse_url(text);
  if (!url) return table.wrong("introspection_url", url.error().text);
  out.introspection = *url;
  // RFC 7662 §4: whoever reads the question has the token.
  if (url->scheme == oauth::Url::Scheme::kHttp && !is_loopback_host(url->host))
    table.wrong("introspection_url", "must be https, but to this machine");
  if (out.client_id.empty() || out.client_secret.empty())
    table.wrong("client_id", "introspection needs client_id, and password_file or password");
}

}  // namespace

wire::LoginGuardOptions read_login(ConfigTable table) {
  using Local = wire::LoginGuardOptions::Local;
  wire::LoginGuardOptions out;
  out.delay_ms = table.number("failed_delay_ms", 1000, 0, 60'000);
  out.address_failures_max =
      static_cast<size_t>(table.number("failures_per_address", 50, 0, 1'000'000));
  out.user_failures_max = static_cast<size_t>(table.number("failures_per_user", 20, 0, 1'000'000));
  out.window_ms = table.number("failure_window_s", 600, 1, 86'400) * 1000;
  out.local = table.on_off("count_local", ConfigTable::Switch::kOff) == ConfigTable::Switch::kOn
                  ? Local::kCounted
                  : Local::kExempt;
  table.check_all_read();
  return out;
}

OauthConfig read_oauth(ConfigTable table) {
  OauthConfig out;
  out.rules.issuer = table.text("issuer");
  out.rules.audience = table.text("audience");
  out.rules.userid_claim = table.text("userid_claim", "sub");
  read_keys(table, out);
  read_introspection(table, out);
  if (table.has("keys") && table.has("introspection_url"))
    table.wrong("introspection_url", "there are keys too; give one of them");
  if ((table.has("issuer") || table.has("audience") || table.has("userid_claim") ||
       table.has("algorithm")) &&
      !table.has("keys") && !table.has("introspection_url"))
    table.wrong("issuer", "tokens need keys or introspection_url");
  table.check_all_read();
  return out;
}

}  // namespace gemel::bin
