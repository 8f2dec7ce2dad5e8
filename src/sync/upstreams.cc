#include "sync/upstreams.h"

#include <algorithm>
#include <utility>

namespace gemel::sync {

Upstreams::Entry::Entry(Upstreams& all, Upstream upstream, std::function<void()> wake)
    : all_(all), upstream_(std::move(upstream)), wake_(std::move(wake)) {
  const std::lock_guard lock(all_.mutex_);
  since_at_ms_ = heard_at_ms_ = all_.clock_.monotonic_ms();
  all_.entries_.insert(this);
}

Upstreams::Entry::~Entry() {
  const std::lock_guard lock(all_.mutex_);
  all_.entries_.erase(this);
}

void Upstreams::Entry::heard() {
  const std::lock_guard lock(all_.mutex_);
  heard_at_ms_ = all_.clock_.monotonic_ms();
}

void Upstreams::Entry::unsent(uint64_t count) {
  const std::lock_guard lock(all_.mutex_);
  upstream_.unsent = count;
}

std::vector<Upstream> Upstreams::list() const {
  const std::lock_guard lock(mutex_);
  const int64_t now = clock_.monotonic_ms();
  std::vector<Upstream> out;
  for (const Entry* entry : entries_) {
    Upstream& upstream = out.emplace_back(entry->upstream_);
    upstream.since_ms = now - entry->since_at_ms_;
    upstream.heard_ms = now - entry->heard_at_ms_;
  }
  std::ranges::sort(out, {}, &Upstream::heard_ms);
  return out;
}

bool Upstreams::contains(uint64_t store) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(
      entries_, [&](const Entry* entry) { return entry->upstream_.standing.store == store; });
}

void Upstreams::wake_all() {
  std::vector<std::function<void()>> wakes;
  {
    const std::lock_guard lock(mutex_);
    for (const Entry* entry : entries_) wakes.push_back(entry->wake_);
  }
  for (const auto& wake : wakes) wake();
}

}  // namespace gemel::sync
