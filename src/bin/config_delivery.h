// What the configuration says of delivery: [lmtp], [sieve], [managesieve], [outgoing].
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/network_range.h"
#include "bin/config_endpoint.h"
#include "bin/config_table.h"

namespace gemel::bin {

struct LmtpConfig {
  std::vector<Endpoint> listen;
  unsigned mode = 0666;  // of its unix sockets
  enum class Lookup : uint8_t { kAddressThenLocalPart, kAddress, kLocalPart };
  Lookup lookup = Lookup::kAddressThenLocalPart;
  enum class LetterCase : uint8_t { kFolded, kExact } letter_case = LetterCase::kFolded;
  std::string detail_separator;
  size_t recipients_max = 0;
  std::vector<NetworkRange> allow;     // empty: whoever reaches the listener
  size_t connections_per_address = 0;  // 0: no limit
  enum class OverQuota : uint8_t { kTemporary, kPermanent } over_quota = OverQuota::kTemporary;
  std::string user;  // who may log in; empty: nobody
  std::string password;
  enum class Auth : uint8_t { kOffered, kRequired } auth = Auth::kOffered;
  std::string aliases;     // a file; empty: none
  std::string postmaster;  // userids; empty: nobody
  std::string catch_all;
  int64_t duplicates_days = 0;  // 0: everything is filed
};

/// A header field that a scanner of mail writes (RFC 5235).
struct ScoreConfig {
  std::string field;  // empty: none
  enum class Kind : uint8_t { kNumber, kCharacters, kWord } kind = Kind::kNumber;
  std::string behind;
  int64_t max = 0;
  std::map<std::string, int64_t> words;
};

struct SieveConfig {
  size_t scripts_max = 0;  // of one user
  size_t script_bytes_max = 0;
  size_t redirects_max = 0;    // of one run
  std::string global_scripts;  // a directory of *.sieve; empty: none
  std::vector<std::string> disabled_extensions;
  ScoreConfig spamtest;
  ScoreConfig virustest;
};

struct ManageSieveConfig {
  std::vector<Endpoint> listen;
  size_t connections_per_address = 0;
};

struct OutgoingConfig {
  std::optional<Endpoint> relay;
  std::vector<std::string> sendmail;  // a command's words, instead of a relay
  enum class Tls : uint8_t { kRequired, kOff } tls = Tls::kRequired;
  std::string ca_file;      // empty: the system's
  std::string server_name;  // in the certificate; empty: the relay's host
  std::string user;         // empty: no login
  std::string password;
  int64_t give_up_hours = 0;
  size_t queue_max = 0;

  bool is_on() const { return relay || !sendmail.empty(); }
};

LmtpConfig read_lmtp(ConfigTable table);
SieveConfig read_sieve(ConfigTable table);
ManageSieveConfig read_managesieve(ConfigTable table);
OutgoingConfig read_outgoing(ConfigTable table);

}  // namespace gemel::bin
