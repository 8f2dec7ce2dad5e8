// The scrub that never ends: reads every body again at a set pace, pass after pass, so that what
// has rotted is found while the other server still has it.
//
// Owns     the position, kept with the store as a channel's memory of the name "scrub"; a crash may
//          set it back by kSaveMs.
// Threads  step() on one; status() on any.
// Source   doc/operations.md, "Bodies that rot".
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "admin/services.h"
#include "base/clock.h"
#include "store/mail_store.h"

namespace gemel::admin {

struct ScrubPlan {
  uint64_t bytes_per_s = 0;  // above 0
  int64_t every_s = 0;       // from the start of a pass to that of the next
};

/// A pass, or the last one.
struct ScrubPosition {
  std::string cursor;   // where it goes on; empty: the pass is over
  int64_t began_s = 0;  // unix time; 0: there was none yet
  int64_t ended_s = 0;
  uint64_t bodies = 0;
  uint64_t bytes = 0;
  uint64_t lost = 0;
  bool operator==(const ScrubPosition&) const = default;
};
std::string text_of(const ScrubPosition& position);
/// What text_of gave; that of no pass if it is broken.
ScrubPosition parse_scrub_position(std::string_view text);

class Scrub {
 public:
  static constexpr int64_t kSaveMs = 10'000;
  static constexpr int64_t kWaitMsMax = 3'600'000;
  static constexpr uint64_t kStepBytesMax = 4 << 20;

  /// Goes on where the last one was. The store and clock must outlive this.
  Scrub(MailStore& store, Clock& clock, const ScrubPlan& plan);
  /// Keeps the position.
  ~Scrub();
  Scrub(const Scrub&) = delete;
  Scrub& operator=(const Scrub&) = delete;

  /// Reads a second's worth, or waits for the next pass; gives the milliseconds until the next
  /// call, from 1 to kWaitMsMax. Bodies that it finds lost are in the log. Errors: kIo.
  Result<int64_t> step();
  ScrubStatus status() const;

 private:
  int64_t wait_for_pass(int64_t now_s) const;
  Result<void> took(const MailStore::Scrubbed& step, int64_t now_s);
  Result<void> save();

  MailStore& store_;
  Clock& clock_;
  ScrubPlan plan_;
  int64_t saved_ms_ = 0;
  mutable std::mutex mutex_;
  ScrubPosition position_;  // guarded by mutex_, written by step()'s thread only
  double done_ = 0;         // the same
};

/// "alice/INBOX uid 7" for each message that names the body, expunged ones too, at most
/// `count_max`.
std::vector<std::string> messages_of(const MailStore& store, const MailStore::LostBody& body,
                                     size_t count_max);

}  // namespace gemel::admin
