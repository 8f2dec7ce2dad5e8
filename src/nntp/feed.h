// A feed to another news server: offers what comes into the groups, as it comes.
//
// The feed lives as long as the server does, its connections come and go. On a connection it logs
// in if it shall, and streams (RFC 4644): many CHECKs on their way, TAKETHIS for what is wanted. A
// peer that does not stream gets IHAVE, one after another. Where nothing is left to send for a
// while it says QUIT, and comes back when there is.
//
// Owns     the queue; counters.
// Threads  connect(), disconnected() and has_work() one after another, never while a connection is;
//          status() any. The watch wakes the session from the committer's thread.
// Source   RFC 4644 (streaming), RFC 3977 §6.3.2 (IHAVE), RFC 4643 §2.3 (AUTHINFO USER).
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "nntp/feed_queue.h"
#include "wire/session.h"

namespace gemel::nntp {

/// Articles offered and not yet answered.
inline constexpr size_t kFeedWindowMax = 100;
/// One line from a peer; a longer one ends the connection.
inline constexpr size_t kFeedLineBytesMax = 2048;
/// A peer that answers nothing for so long is given up.
inline constexpr int64_t kFeedAnswerMsMax = 300'000;
/// With nothing to send for so long the connection is ended (most peers would, in 10 minutes).
inline constexpr int64_t kFeedIdleMs = 150'000;
/// When an article that the peer can't take now is offered again.
inline constexpr int64_t kFeedDeferMs = 30'000;

struct FeedStatus {
  bool connected = false;
  bool streaming = false;
  bool ended_well = false;  // the last connection
  uint64_t offered = 0;     // articles, since the server's start
  uint64_t accepted = 0;
  uint64_t refused = 0;         // the peer has them, or does not want them
  uint64_t deferred = 0;        // answers that said "later"
  std::string last_error = {};  // empty: none since it last worked
};

class Feed {
 public:
  /// Everything referred to must outlive the feed. `path_identity`: ours.
  struct Setup {
    MailStore& store;
    Clock& clock;
    std::string prefix;
    std::string path_identity;
  };
  Feed(Setup setup, FeedOptions options);
  ~Feed();

  /// Is there anything to send, on a primary? Errors: kIo and the like.
  Result<bool> has_work();
  /// The session of a new connection; the one before must be gone.
  std::unique_ptr<wire::Session> connect(wire::SessionEnv env);
  /// The connection has ended, or could not be made.
  void disconnected(const Error& reason);
  FeedStatus status() const;

 private:
  friend class FeedSession;
  template <class Change>
  void note(Change change) {
    const std::scoped_lock lock(mutex_);
    change(status_);
  }

  Setup setup_;
  FeedOptions options_;
  FeedQueue queue_;
  std::optional<FeedQueue::Item> waiting_;  // that has_work() has found
  mutable std::mutex mutex_;
  FeedStatus status_;  // under mutex_
};

}  // namespace gemel::nntp
