// What the configuration says of newsgroups: [nntp], [[nntp.peer]], [[nntp.control]],
// [[nntp.feed]].
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bin/config_endpoint.h"
#include "bin/config_table.h"
#include "nntp/wildmat.h"

namespace gemel::bin {

/// A server that may offer articles.
struct NewsPeerConfig {
  std::string name;
  std::vector<std::string> addresses;
  std::string user;
  std::string path_name;
  nntp::Wildmat groups = nntp::Wildmat::all();
};

/// What a control message may do.
struct NewsControlConfig {
  enum class Type : uint8_t { kCancel, kSupersedes, kNewgroup, kRmgroup } type = Type::kCancel;
  std::string from;
  nntp::Wildmat groups = nntp::Wildmat::all();
};

/// A server that articles are offered to.
struct NewsFeedConfig {
  std::string name;
  std::string host;
  uint16_t port = 0;
  enum class Tls : uint8_t { kStartTls, kImplicit, kOff } tls = Tls::kStartTls;
  std::string ca_file;      // empty: the system's
  std::string server_name;  // in the certificate; empty: host
  std::string user;         // empty: no login
  std::string password;
  std::string path_name;
  nntp::Wildmat groups = nntp::Wildmat::all();
  int64_t backlog_hours = 0;
};

struct NewsConfig {
  std::vector<Endpoint> listen;
  std::vector<Endpoint> listen_tls;
  enum class PlaintextAuth : uint8_t { kOnTlsOrLocal, kAnywhere };
  PlaintextAuth plaintext_auth = PlaintextAuth::kOnTlsOrLocal;
  enum class Anonymous : uint8_t { kRefused, kAnyone } anonymous = Anonymous::kRefused;
  std::string prefix;
  std::string path_identity;
  int64_t article_age_days = 0;
  int64_t idle_timeout_s = 0;
  std::vector<std::string> distrib_pats;
  std::string complaints_to;
  std::string mail_sender;
  std::vector<NewsPeerConfig> peers;
  std::vector<NewsControlConfig> controls;
  std::vector<NewsFeedConfig> feeds;

  bool is_on() const { return !listen.empty() || !listen_tls.empty() || !feeds.empty(); }
};

/// What other sections say that matters here.
struct NewsSurroundings {
  std::string hostname;
  int64_t keep_expunged_days;
  enum class Certificate : uint8_t { kNone, kThere } certificate;
};
NewsConfig read_news(ConfigTable table, const NewsSurroundings& around);

}  // namespace gemel::bin
