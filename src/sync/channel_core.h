// What a channel and its session share: what to do next, and how things stand.
//
// Threads  as said for each part.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "sync/agenda.h"
#include "sync/bandwidth_cap.h"
#include "sync/channel.h"
#include "sync/dry_run.h"
#include "sync/journal_times.h"

namespace gemel::sync {

/// Requests that wait; one more is refused with kBusy.
inline constexpr size_t kRequestsMax = 1000;

struct SyncRequest {
  SyncScope scope;
  SyncEffect effect = SyncEffect::kSend;
  std::function<void(SyncReport)> done;
  SyncReport report;
  /// Of everything: to get there.
  std::optional<JournalSeq> target = {};
  /// Of some: what it waits for, by its tickets of the agenda.
  std::map<Entity, uint64_t> waits = {};
  enum class Stage : uint8_t { kNew, kUnderWay } stage = Stage::kNew;
  size_t failures = 0;
  std::string first_failure = {};
  uint64_t round_trips_before = 0;
  uint64_t bytes_up_before = 0;
  uint64_t bytes_down_before = 0;
  bool is_trial() const { return effect == SyncEffect::kDryRun || effect == SyncEffect::kVerify; }
};

class ChannelCore final : public CycleEvents {
 public:
  ChannelCore(MailStore& store, ChannelOptions options, Clock& clock);

  // --- the session's thread ---
  const ChannelOptions& options() const { return options_; }
  MailStore& store() { return store_; }
  ReplicaMemory& memory() { return memory_; }
  Clock& clock() { return clock_; }
  void connected(std::function<void()> wake);
  /// The session gives its reason before it ends; the first one counts.
  enum class End : uint8_t {
    kFault,
    kGoodbye,  // the other end's will
    kApart,    // nothing is to be sent there
    kRenewal,  // to log in anew, at once
  };
  void ended(End how, std::string why);
  /// The login is done: whether it goes on, from what each end said of itself. Where the other
  /// knows of a later term, this server is a replica afterwards. Errors: kIo.
  Result<Meeting> meet(const Standing& ours, const Standing& theirs);
  /// Errors: kIo.
  Result<void> heard(const Term& term);
  /// `replica`: its store's digest now. Errors: kIo.
  Result<void> logged_in(const Digest& replica);
  void count_round_trip();
  void count_batch();
  /// Before each batch: adds what is due. False: nothing new. Errors: kIo.
  Result<bool> fill(Cycle& cycle);
  /// The answers of a batch have come, or what was added needed no words. Errors: the link must
  /// end, and rest.
  Result<void> batch_over(const Cycle& cycle);
  /// Nothing is left to be sent, or is to be sent, by itself.
  bool is_at_rest();
  /// The line that ends a batch.
  enum class Receipt : uint8_t { kNotOffered, kOffered };
  std::string sync_line(const Cycle& cycle, Receipt receipt) const;
  /// A request that wants to be tried only.
  std::optional<SyncRequest> take_dry_run();
  Cycle::Trust trust() const;
  void finish(SyncRequest request, Result<void> result);
  /// Until something may be sent, as far as the channel's cap goes; 0: now.
  int64_t throttle_ms();
  /// Until something set aside is due.
  std::optional<int64_t> next_due_ms() const;

  // --- of its cycle (the session's thread) ---
  void over(const Entity& entity, Result<void> result) override;
  void sending(const Entity& entity, const std::string& action) override;
  void reached(const Entity& entity, ModSeq modseq, Held held) override;
  void differs(const std::string& userid) override { agenda_.differs(userid); }
  void stale(const Term& term) override;
  void stranger(const std::string& name) override;
  bool is_waited_for() const override;

  // --- any thread ---
  void disconnected(const Error& reason);
  void renew();
  int64_t next_attempt_ms() const;
  void count_bytes(uint64_t up, uint64_t down);
  ChannelStatus status() const;
  std::vector<UserLag> users_behind() const;
  void sync(SyncRequest request);
  void set_paused(ChannelOptions::Mode mode);

 private:
  void on_change(const Published& published);
  Result<void> adopt(const Digest& replica);
  int64_t wait_ms();
  void take_requests();
  Result<std::map<Entity, uint64_t>> want(const SyncScope& scope);
  Agenda::Flow flow() const;
  void note_in_step();
  void acknowledge(const Entity& entity, const Result<void>& result);
  void tell_link();
  std::map<Entity, int64_t> lags() const;
  void finish_requests(const Cycle& cycle);
  void show(const Cycle& cycle);

  MailStore& store_;
  const ChannelOptions options_;
  Clock& clock_;

  // The session's thread only.
  ReplicaMemory memory_;
  Agenda agenda_;
  bool is_in_doubt_ = true;  // the replica may not be where it was left
  Standing told_;            // of this server, in the login

  mutable std::mutex mutex_;  // guards all below; never held while the store is asked to write
  std::function<void()> wake_;
  bool connected_ = false;
  ChannelOptions::Mode mode_;
  std::deque<SyncRequest> requests_;
  std::map<Entity, Agenda::Aside> aside_;  // as the agenda's when the last batch was over
  std::set<std::string> strangers_;
  JournalSeq sent_;
  JournalSeq cursor_;
  size_t pending_ = 0;
  std::vector<std::pair<Entity, JournalSeq>> under_way_;  // as the agenda's, too
  JournalTimes times_;
  std::string session_end_;
  End end_ = End::kFault;
  bool is_apart_ = false;
  std::string last_error_;
  int attempts_ = 0;
  int64_t next_attempt_at_ms_ = 0;
  BandwidthCap cap_;
  uint64_t batches_ = 0;
  uint64_t round_trips_ = 0;
  uint64_t bytes_up_ = 0;
  uint64_t bytes_down_ = 0;

  Watch watch_;  // last, so that it ends first
};

}  // namespace gemel::sync
