// What a channel and its session share: what to do next, and how things stand.
//
// Threads  as said for each part.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <optional>

#include "sync/channel.h"
#include "sync/cycle.h"

namespace gemel::sync {

/// Entities of one cycle, so that each ends some time.
inline constexpr size_t kCycleEntitiesMax = 20'000;

struct SyncRequest {
  SyncScope scope;
  SyncEffect effect = SyncEffect::kSend;
  std::function<void(SyncReport)> done;
  std::optional<JournalSeq> target;  // of everything: to get there
  SyncReport report;
  uint64_t round_trips_before = 0;
  uint64_t bytes_up_before = 0;
  uint64_t bytes_down_before = 0;
};

/// What the next cycle is, and what its end means.
struct CyclePlan {
  Cycle::Options options;
  std::optional<JournalSeq> position;  // to be set at its end
  enum class Kind : uint8_t {
    kJournal,
    kWhole,
    kSurvey,
    kSetAside,
    kRequest
  } kind = Kind::kJournal;
  std::string last_user;               // of a part of the whole
  std::optional<SyncRequest> request;  // for kRequest
};

class ChannelCore {
 public:
  ChannelCore(MailStore& store, ChannelOptions options, Clock& clock);

  // --- the session's thread ---
  const ChannelOptions& options() const { return options_; }
  MailStore& store() { return store_; }
  ReplicaMemory& memory() { return memory_; }
  void connected(std::function<void()> wake);
  /// The session gives its reason before it ends.
  void failed(std::string why);
  /// `replica`: its store's digest now. Errors: kIo.
  Result<void> logged_in(const Digest& replica);
  void count_round_trip();
  void count_batch();
  /// The next cycle; nothing: all is done for now.
  Result<std::optional<CyclePlan>> next_cycle();
  void cycle_over(CyclePlan plan, const Cycle& cycle);
  /// Until something set aside is due.
  std::optional<int64_t> next_due_ms() const;

  // --- any thread ---
  void disconnected(const Error& reason);
  int64_t next_attempt_ms() const;
  void count_bytes(uint64_t up, uint64_t down);
  ChannelStatus status() const;
  void sync(SyncRequest request);
  void set_paused(ChannelOptions::Mode mode);

 private:
  struct Aside {
    std::string name;
    std::string reason;
    int tries = 0;
    int64_t due_ms = 0;
  };
  void on_change();
  std::optional<SyncRequest> take_scoped_request();
  bool may_roll();
  CyclePlan plan_of(SyncRequest request);
  Result<std::optional<CyclePlan>> plan_rolling();
  Result<CyclePlan> plan_whole();
  bool is_due_to_survey();
  void note_in_step();
  void take_failures(const CyclePlan& plan, const Cycle& cycle);
  void finish_requests();
  void finish(SyncRequest request, Result<void> result);
  std::string name_of(const Entity& entity) const;

  MailStore& store_;
  const ChannelOptions options_;
  Clock& clock_;

  // The session's thread only.
  ReplicaMemory memory_;
  // On this connection: memory can be trusted, and the replica as a whole was looked at.
  bool has_asked_ = false;
  bool has_surveyed_ = false;
  bool replica_is_empty_ = false;  // until something was sent
  std::string whole_user_;         // the last of which the whole has been sent
  std::optional<JournalSeq> whole_start_;

  mutable std::mutex mutex_;  // guards all below; never held while the store is asked to write
  std::function<void()> wake_;
  bool connected_ = false;
  ChannelOptions::Mode mode_;
  std::deque<SyncRequest> requests_;
  std::map<Entity, Aside> aside_;
  std::set<std::string> strangers_;
  std::optional<JournalSeq> position_;
  std::optional<int64_t> oldest_change_ms_;  // not yet in a cycle
  std::optional<int64_t> oldest_under_way_ms_;
  std::string session_error_;
  std::string last_error_;
  int attempts_ = 0;
  int64_t next_attempt_at_ms_ = 0;
  uint64_t batches_ = 0;
  uint64_t round_trips_ = 0;
  uint64_t bytes_up_ = 0;
  uint64_t bytes_down_ = 0;

  Watch watch_;  // last, so that it ends first
};

}  // namespace gemel::sync
