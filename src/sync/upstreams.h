// Who sends changes to this server now: the receiving sessions that have logged in.
//
// Threads  any.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "sync/standing.h"

namespace gemel::sync {

/// Nothing heard for so long, a sender counts as gone; it says something at least every
/// kHeartbeatMs (sync/sender.h).
inline constexpr int64_t kUpstreamSilenceMs = 45'000;

/// One sender as it is known.
struct Upstream {
  std::string channel;  // as it calls itself
  std::string peer;     // its address
  Standing standing;
  int64_t since_ms = 0;  // ago
  int64_t heard_ms = 0;  // ago
  uint64_t unsent = 0;   // mailboxes and users that it had still to send when it said so last
  bool is_silent() const { return heard_ms > kUpstreamSilenceMs; }
};

class Upstreams {
 public:
  explicit Upstreams(Clock& clock) : clock_(clock) {}

  /// One sender's entry, as long as it lives. One thread.
  class Entry {
   public:
    /// `wake` is called by wake_all(), from any thread, and perhaps just after the entry has gone.
    Entry(Upstreams& all, Upstream upstream, std::function<void()> wake);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    void heard();
    void unsent(uint64_t count);

   private:
    friend class Upstreams;
    Upstreams& all_;
    // Under all_.mutex_.
    Upstream upstream_;
    int64_t since_at_ms_ = 0;
    int64_t heard_at_ms_ = 0;
    const std::function<void()> wake_;
  };

  std::vector<Upstream> list() const;
  /// Whether that store sends to us.
  bool contains(uint64_t store) const;
  /// This server's role or term has changed: sessions look whether they may go on.
  void wake_all();

 private:
  Clock& clock_;
  mutable std::mutex mutex_;
  std::set<Entry*> entries_;  // under mutex_
};

}  // namespace gemel::sync
