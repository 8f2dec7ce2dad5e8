// When the journal was where, so that a position in it says how old what follows is.
//
// Memory   at most kSamplesMax samples, whatever the time: older ones are thinned out.
// Threads  one at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "mail/ids.h"

namespace gemel::sync {

class JournalTimes {
 public:
  static constexpr size_t kSamplesMax = 512;
  /// Changes closer to each other than this have one time.
  static constexpr int64_t kGrainMs = 100;

  /// The journal has come to `head`.
  void note(JournalSeq head, int64_t now_ms) {
    if (!samples_.empty() && now_ms - samples_.back().ms < kGrainMs) {
      samples_.back().head = std::max(samples_.back().head, head);
      return;
    }
    samples_.push_back({head, now_ms});
    if (samples_.size() <= kSamplesMax) return;
    for (size_t i = 1; 2 * i < samples_.size(); ++i) samples_[i] = samples_[2 * i];
    samples_.resize((samples_.size() + 1) / 2);
  }

  /// When the entry was made, about; never earlier than it was, and of what is older than all
  /// samples the first. Nothing was noted: `otherwise`.
  int64_t time_of(JournalSeq seq, int64_t otherwise) const {
    if (samples_.empty()) return otherwise;
    const auto at = std::ranges::lower_bound(samples_, seq, {}, &Sample::head);
    return at == samples_.end() ? samples_.back().ms : at->ms;
  }

 private:
  struct Sample {
    JournalSeq head;
    int64_t ms = 0;
  };
  std::vector<Sample> samples_;
};

}  // namespace gemel::sync
