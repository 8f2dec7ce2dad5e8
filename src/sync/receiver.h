// The receiving end of the sync link: applies what a primary sends to this store.
//
// Every answer but those of the login waits for the line SYNC, which ends a batch: so a batch is
// one turn of the wire, all its updates are under way at once, and share the disk's syncs.
//
// Owns     a session's login, the bodies that came and are not applied yet, the answers held back.
// Threads  as wire::Session: one at a time, never a network thread.
// Limits   sync/grammar.h; kUnderWayMax, kAnswerBytesMax here; sync/apply_window.h.
// Source   doc/replication-protocol.md.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "store/mail_store.h"
#include "sync/upstreams.h"
#include "wire/login.h"
#include "wire/session.h"

namespace gemel::sync {

/// Updates applied at once; more wait for the oldest.
inline constexpr size_t kUnderWayMax = 1024;
/// Answers held back until SYNC; a sender that makes more in one batch is cut off.
inline constexpr size_t kAnswerBytesMax = 64 << 20;
inline constexpr int kLoginTriesMax = 3;
inline constexpr int64_t kLoginTimeoutMs = 60'000;  // from the connection to the login's end
/// Longer than a sender is silent (sync/sender.h).
inline constexpr int64_t kReceiverTimeoutMs = 120'000;

struct ReceiverOptions {
  std::string userid;       // the one who may log in
  std::string server_name;  // said in the greeting
  wire::CredentialSource* credentials = nullptr;
  /// Who guesses is slowed down and stopped; none: nobody is.
  wire::LoginGuard* guard = nullptr;
  Random* random = &system_random();
  Clock* clock = &system_clock();
  std::string server_secret;  // see wire::SaslOptions
  /// Where sessions that have logged in are listed; none: nowhere.
  Upstreams* upstreams = nullptr;
  /// Called when a sender's term has made this server a replica, or has begun here.
  std::function<void()> on_standing = [] {};
  /// SCRAM shows no secret to who listens, but mail follows it. kAnywhere: the administrator says
  /// that the link is safe by other means.
  enum class Plaintext : uint8_t { kLocalOnly, kAnywhere } plaintext = Plaintext::kLocalOnly;
};

/// `store` and what `options` points to must outlive the session.
std::unique_ptr<wire::Session> make_receiver(MailStore& store, ReceiverOptions options,
                                             wire::SessionEnv env);

}  // namespace gemel::sync
