// One replica's channel, on the primary: sends every change to it as soon as it is committed, and
// knows how far that is.
//
// Whoever wires it connects to the replica, runs the session of connect() on the connection, and
// tells when it has ended; net does all of it.
//
// Owns     what is remembered of the replica (durable), requests, what was set aside, counters.
// Threads  any, for every call. Callbacks come from the session's thread, or from disconnected().
//          It must outlive its session, and there is at most one at a time.
// Source   doc/replication-protocol.md, "What the sender sends".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "store/ack_gate.h"
#include "store/mail_store.h"
#include "sync/compare.h"
#include "sync/upstreams.h"
#include "wire/session.h"

namespace gemel::sync {

struct ChannelOptions {
  std::string name;    // its rows in the store go by it
  std::string userid;  // at the replica
  std::string password;
  Random* random = &system_random();
  /// See ReceiverOptions::Plaintext.
  enum class Plaintext : uint8_t { kLocalOnly, kAnywhere } plaintext = Plaintext::kLocalOnly;
  /// kRolling sends by itself, unless paused; kOneShot only when asked.
  enum class Mode : uint8_t { kRolling, kOneShot } mode = Mode::kRolling;
  ChunkLimits chunks = {};
  /// On the wire, as count_bytes() tells of it; 0: as fast as the link bears.
  uint64_t bytes_per_s_max = 0;
  /// Who sends to this server: to them nothing is sent. None: nobody does.
  Upstreams* upstreams = nullptr;
  /// Told what the replica has, for answers that wait for it. None: nobody waits.
  std::shared_ptr<AckGate::Replica> acknowledges = {};
  /// Called, from the session's thread, when the other end's term has made this server a replica.
  std::function<void()> on_standing = [] {};
};

struct ChannelStatus {
  struct SetAside {
    std::string entity;  // a mailbox or user by name
    std::string reason;
    int64_t retry_in_ms = 0;
  };
  bool connected = false;
  bool paused = false;
  bool is_apart = false;  // nothing is to be sent here now; last_error says why
  JournalSeq position;
  uint64_t changes_behind = 0;  // mailboxes and users; at most kChangesBehindMax are counted
  int64_t lag_ms = 0;           // since the oldest change that the replica lacks
  std::string last_error;       // empty: none since it last worked
  int64_t retry_in_ms = 0;      // 0: not waiting
  std::vector<SetAside> set_aside;
  AckGate::Status acknowledges = {};
  std::vector<std::string> strangers;  // mailboxes and users that only the replica has, some
  uint64_t batches = 0;
  uint64_t round_trips = 0;
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
};
/// What one user's mail on the replica lacks.
struct UserLag {
  std::string userid;
  uint64_t changes = 0;    // mailboxes, and the user's own data
  int64_t lag_ms = 0;      // since the oldest of them, about
  uint64_t set_aside = 0;  // of them, those that can't be sent now
};
inline constexpr size_t kChangesBehindMax = 10'000;
inline constexpr size_t kStrangersMax = 100;

/// Nothing named: everything.
struct SyncScope {
  std::vector<std::string> users;
  std::vector<MailboxName> mailboxes;
  bool is_all() const { return users.empty() && mailboxes.empty(); }
};
/// kDryRun: says what would be sent, by what is known of the replica. kVerify: asks the replica
/// where it is, and says where it differs. kRepair: kSend, and the same question first.
enum class SyncEffect : uint8_t { kSend, kDryRun, kVerify, kRepair };
struct SyncReport {
  Result<void> result;
  std::vector<std::string> actions;  // what was sent, or would be; or what differs
  uint64_t round_trips = 0;
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
};

/// Waits between attempts to connect: the first, doubling up to the last.
inline constexpr int64_t kRetryFirstMs = 1000;
inline constexpr int64_t kRetryLastMs = 60'000;
/// The same for what was set aside.
inline constexpr int64_t kAsideFirstMs = 10'000;
inline constexpr int64_t kAsideLastMs = 600'000;

class ChannelCore;

class Channel {
 public:
  Channel(MailStore& store, ChannelOptions options, Clock& clock);
  ~Channel();

  /// The session for a connection that has just been made.
  std::unique_ptr<wire::Session> connect(wire::SessionEnv env);
  /// The connection has ended, or could not be made. Requests that wait fail.
  void disconnected(const Error& reason);
  /// When to try again, from now.
  int64_t next_attempt_ms() const;
  /// This server's role or term has changed: a session ends when its batch is over, so that the
  /// next one tells it; while there is none, next_attempt_ms() is 0.
  void renew();
  /// Bytes that went over the wire.
  void count_bytes(uint64_t up, uint64_t down);

  ChannelStatus status() const;
  /// Users of whom the replica lacks something, those who wait longest first; at most
  /// kChangesBehindMax changes behind the ones under way are looked at. Cost: O(changes).
  std::vector<UserLag> users_behind() const;

  /// Brings what is in `scope` up to date as it is now; `done` is called once. Not connected: waits
  /// for the next attempt.
  void sync(SyncScope scope, SyncEffect effect, std::function<void(SyncReport)> done);
  /// Paused, it keeps its link and sends only what sync() asks for.
  void pause();
  void resume();

 private:
  std::shared_ptr<ChannelCore> core_;
};

}  // namespace gemel::sync
