// SASL: the server's side of PLAIN, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, EXTERNAL, OAUTHBEARER and
// XOAUTH2, and the client's side of SCRAM.
//
// Messages are the raw ones; the protocol around them does the base64. Names and passwords are
// taken as the bytes they are, except that control characters are refused: of SASLprep (RFC 4013)
// only the prohibited output of its §2.3 that is ASCII is done here.
//
// Owns     one exchange's state. No password is kept longer than the step that needs it.
// Threads  one at a time. A step may wait for the CredentialSource.
// Source   RFC 4422 (SASL; EXTERNAL in its appendix A), RFC 4616 (PLAIN), RFC 5802 and RFC 7677
//          (SCRAM-SHA-256), RFC 9266 and RFC 5929 (channel bindings), RFC 7628 (OAUTHBEARER).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "wire/tls_facts.h"

namespace gemel::wire {

/// A message from the other side that is longer than this is refused before anything is looked up.
inline constexpr size_t kSaslMessageBytesMax = 4096;
/// The same for a message with a token, which may be large; its base64 fits a line of 8 KiB.
inline constexpr size_t kTokenMessageBytesMax = 6000;
/// RFC 7677 §4: at least 4096. New credentials get this many.
inline constexpr uint32_t kScramIterationsMin = 4096;
inline constexpr uint32_t kScramIterationsDefault = 4096;
/// A server that asks a client for more wants to keep it busy.
inline constexpr uint32_t kScramIterationsMax = 10'000'000;

/// What a server keeps of a password (RFC 5802 §3): neither the password nor enough to log in
/// elsewhere.
struct ScramCredential {
  uint32_t iterations = 0;
  std::string salt;
  std::string stored_key;  // 32 bytes
  std::string server_key;  // 32 bytes
};

/// Cost: one PBKDF2, about 0.5 us an iteration.
/// Errors: kInvalid (empty, control characters), also for iterations out of their range.
Result<ScramCredential> make_scram_credential(std::string_view password, uint32_t iterations,
                                              Random& random);
/// True if `password` is the one. Cost: one PBKDF2.
bool password_matches(const ScramCredential& credential, std::string_view password);
/// `SCRAM-SHA-256$4096:<salt>$<stored key>:<server key>`, base64 each; the form that PostgreSQL
/// keeps.
std::string format_scram_credential(const ScramCredential& credential);
/// Errors: kSyntax.
Result<ScramCredential> parse_scram_credential(std::string_view text);

/// Where a server finds out about users. Calls may wait.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  /// Whom a client means by the name that it gives to log in. All else takes userids, and what a
  /// certificate or a token says is one already (RFC 4422 §3.4.1). Errors: kIo.
  virtual Result<std::string> userid_of(std::string_view login_name) {
    return std::string(login_name);
  }
  /// Whether this user may come in, once it is proved by whatever mechanism who it is. Errors:
  /// kAuthFailed, there is no such user here, or it is the server's own; kIo.
  virtual Result<void> check_user(std::string_view userid) = 0;
  /// Errors: kNotFound (no such user, or none that may log in so; the client can't tell), kIo,
  /// kBusy.
  virtual Result<ScramCredential> scram(std::string_view userid) = 0;
  /// Errors: kAuthFailed (user or password), kIo, kBusy.
  virtual Result<void> check_password(std::string_view userid, std::string_view password) = 0;
  /// What most users' credentials have, so that those of a user who doesn't exist look alike.
  virtual uint32_t usual_iterations() const { return kScramIterationsDefault; }
};

struct SaslOptions {
  CredentialSource& credentials;
  Random& random;
  /// Makes the salts of users that don't exist: kept with the server, so that they stay the same.
  std::string server_secret;
  std::shared_ptr<const TlsFacts> tls = {};  // of this connection, once it has TLS
  enum class Tokens : uint8_t { kNone, kTaken } tokens = Tokens::kNone;
};

/// What to do after a step.
struct SaslStep {
  std::string challenge;  // to be sent unless done
  bool done = false;
  std::string userid = {};  // of whom has logged in; only when done
  /// What the client called itself then; empty where a certificate or a token has named it.
  std::string login_name = {};
  /// The challenge is the server's last word, and only an empty answer is right: a protocol whose
  /// success can carry it (RFC 4643 §2.4.2, RFC 5804 §2.1) gives step() that answer itself.
  bool is_last = false;
  /// The challenge says that the login is refused; whatever answers it, the next step fails.
  bool is_refusal = false;
  /// A bearer token whose owner judge() wants to hear of.
  std::string token = {};
  /// Nothing is to be said yet (see wire/login.h).
  bool is_waiting = false;
};

/// One login. Give step() the client's initial response; if it sent none, send an empty challenge
/// and give it the answer. Then each challenge's answer, until the step that is done. Where a
/// protocol ends with the server's last message, as in IMAP, that goes out as a challenge and is
/// answered by nothing (RFC 5802 §5, RFC 9051 §6.2.2).
class SaslServer {
 public:
  virtual ~SaslServer() = default;
  /// Errors: kAuthFailed (wrong user or password, same answer for both), kDenied (to act for
  /// another user), kUnsupported (an unknown channel binding, a mandatory extension), kSyntax,
  /// kTooBig; what the CredentialSource gives otherwise. After an error the exchange is over.
  virtual Result<SaslStep> step(std::string_view message) = 0;
  /// After a step with a token: whose it is, or why it is nobody's. Errors: as step.
  virtual Result<SaslStep> judge(const Result<std::string>& owner);
};

/// The mechanisms that make_sasl_server() makes of these options, each where it can work:
/// SCRAM-SHA-256-PLUS with a channel binding, EXTERNAL with a client's certificate, OAUTHBEARER and
/// XOAUTH2 where tokens are taken.
std::vector<std::string_view> sasl_mechanisms(const SaslOptions& options);
/// True for mechanisms whose messages let in whoever reads them.
bool shows_its_secret(std::string_view mechanism);

/// The server's side of `mechanism`, in any case. What `options` refers to must outlive it. Errors:
/// kUnsupported.
Result<std::unique_ptr<SaslServer>> make_sasl_server(std::string_view mechanism,
                                                     SaslOptions options);

/// What a client binds a login to (RFC 5056).
struct ChannelBinding {
  std::string type = {};  // empty: none
  std::string bytes = {};
};

/// The client's side of SCRAM-SHA-256, and with a binding of SCRAM-SHA-256-PLUS: send first(),
/// answer the server's first message with what answer() gives, and believe the server only after
/// verify() of its last one.
class ScramClient {
 public:
  /// Errors: kInvalid (a userid or password that is empty or holds control characters).
  static Result<ScramClient> make(std::string_view userid, std::string_view password,
                                  Random& random, const ChannelBinding& binding = {});
  std::string first() const;
  /// Cost: one PBKDF2 of as many iterations as the server says.
  /// Errors: kSyntax, kAuthFailed (a nonce that is not ours, iterations out of their range),
  /// kTooBig.
  Result<std::string> answer(std::string_view server_first);
  /// Errors: kAuthFailed, the server refused or does not know the password itself; kSyntax.
  Result<void> verify(std::string_view server_final) const;

 private:
  ScramClient() = default;
  std::string password_;
  std::string gs2_header_;
  std::string binding_bytes_;
  std::string first_bare_;
  std::string nonce_;
  std::string server_signature_;
};

}  // namespace gemel::wire
