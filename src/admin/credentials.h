// Who may log in, by what the store keeps of each user; see doc/decisions/0004-one-credential.md.
//
// Owns     in memory, marks of logins that succeeded a short while ago, so that a client that logs
//          in again and again costs one PBKDF2 and not many. A mark is an HMAC under a key of this
//          process over the stored credential and the password: it says nothing to who reads
//          memory without the key, and dies with a change of the password.
// Threads  any. A call reads the store and may compute for some milliseconds; no lock is held
//          meanwhile.
// Source   RFC 5802 §3, RFC 7677 §4 (iterations); crypt(5) for imported hashes.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "store/mail_store.h"
#include "wire/sasl.h"

namespace gemel::admin {

/// A hash of crypt(3) brought along from another server; it is good for PLAIN and LOGIN only.
inline constexpr std::string_view kUserItemCrypt = "credential/crypt";

/// Iterations of new credentials unless configured.
inline constexpr uint32_t kIterationsDefault = 10'000;
inline constexpr size_t kRecentLoginsMax = 20'000;
inline constexpr int64_t kRecentLoginMs = 10 * 60 * 1000;
inline constexpr size_t kCryptBytesMax = 384;  // CRYPT_OUTPUT_SIZE

/// The items that make `password` the user's only one. Cost: one PBKDF2. Errors: kInvalid.
Result<std::vector<MailStore::NewItem>> items_for_password(std::string_view password,
                                                           uint32_t iterations, Random& random);
/// The same for a hash: what crypt(3) knows ("$y$...", "$6$..."), or a SCRAM credential in its text
/// form. Errors: kInvalid, it is neither.
Result<std::vector<MailStore::NewItem>> items_for_hash(std::string_view hash);

class Credentials final : public wire::CredentialSource {
 public:
  struct Options {
    uint32_t usual_iterations = kIterationsDefault;  // of most users' credentials
  };
  /// Store and clock must outlive this.
  Credentials(const MailStore& store, Options options, Clock& clock, Random& random);

  /// Nobody is `shared`, nor what is_reserved_userid().
  Result<void> check_user(std::string_view userid) override;
  Result<wire::ScramCredential> scram(std::string_view userid) override;
  /// A user that doesn't exist costs as much time as one that does.
  Result<void> check_password(std::string_view userid, std::string_view password) override;
  uint32_t usual_iterations() const override { return options_.usual_iterations; }

 private:
  struct Stored {
    std::string text;
    bool is_crypt = false;
  };
  /// Errors: kNotFound, kIo.
  Result<void> find_user(std::string_view userid) const;
  Result<Stored> stored(std::string_view userid) const;
  bool is_recent(const std::string& mark);
  void remember(const std::string& mark);

  const MailStore& store_;
  const Options options_;
  Clock& clock_;
  std::string key_;  // of the marks
  Stored nobodys_;   // checked instead of a user's that does not exist
  std::mutex mutex_;
  std::map<std::string, int64_t> recent_;  // mark -> monotonic ms at which it ends; under mutex_
};

}  // namespace gemel::admin
