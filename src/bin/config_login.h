// [login] and [oauth]: what logins of all doors share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bin/config_table.h"
#include "oauth/introspection.h"
#include "oauth/jwt.h"
#include "wire/login_guard.h"

namespace gemel::bin {

wire::LoginGuardOptions read_login(ConfigTable table);

struct OauthConfig {
  oauth::ClaimRules rules = {};
  // By keys.
  oauth::Algorithm algorithm = oauth::Algorithm::kRs256;
  std::vector<std::string> keys;  // what is in their files; empty: tokens are asked about
  // By introspection.
  oauth::Url introspection = {};
  std::string client_id;
  std::string client_secret;
  std::string ca_file;  // empty: the system's
  int64_t timeout_s = 0;

  bool is_on() const { return !keys.empty() || !introspection.host.empty(); }
};
OauthConfig read_oauth(ConfigTable table);

}  // namespace gemel::bin
