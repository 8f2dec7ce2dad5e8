// What the fuzzers of line protocols share.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "wire/sasl.h"
#include "wire/session.h"

namespace gemel::fuzz {

/// Whoever logs in with a password is let in.
class Anyone final : public wire::CredentialSource {
 public:
  Result<void> check_user(std::string_view) override { return {}; }
  Result<wire::ScramCredential> scram(std::string_view) override {
    return fail(Code::kNotFound, "no");
  }
  Result<void> check_password(std::string_view, std::string_view) override { return {}; }
};

/// What the session says to `input`, cut into pieces, up to its end or a MiB. TLS is taken to
/// have started when it is asked for; behind compression nothing is looked at.
inline std::string drive(wire::Session& session, std::string_view input, size_t piece_bytes) {
  constexpr size_t kSaidMax = 1 << 20;
  std::string said;
  for (;;) {
    do {
      session.produce(said, 512);
    } while (session.want() == wire::Want::kMore);
    if (session.want() == wire::Want::kTls) {
      session.tls_started();
      continue;
    }
    if (session.want() != wire::Want::kInput || input.empty() || said.size() > kSaidMax) break;
    session.receive(input.substr(0, piece_bytes));
    input.remove_prefix(std::min(piece_bytes, input.size()));
  }
  session.end_of_input();
  return said;
}

}  // namespace gemel::fuzz
