#include "admin/scrub.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/log.h"

namespace gemel::admin {
namespace {

constexpr std::string_view kMemory = "scrub";
constexpr std::string_view kKey = "position";
// Of one step in the log; `gemel scrub --known` lists all.
constexpr size_t kLoggedMax = 20;

void log_lost(const MailStore& store, const std::vector<MailStore::LostBody>& lost) {
  for (size_t i = 0; i < std::min(lost.size(), kLoggedMax); ++i) {
    const auto messages = messages_of(store, lost[i], 1);
    log::error("body lost guid={} partition={} message=\"{}\"", lost[i].guid.text(),
               lost[i].partition, messages.empty() ? "" : messages.front());
  }
  if (lost.size() > kLoggedMax) log::error("more bodies lost count={}", lost.size() - kLoggedMax);
}

}  // namespace

std::string text_of(const ScrubPosition& position) {
  return fmt::format("{} {} {} {} {} {}", position.began_s, position.ended_s, position.bodies,
                     position.bytes, position.lost, to_hex(position.cursor));
}

ScrubPosition parse_scrub_position(std::string_view text) {
  std::array<uint64_t, 5> numbers{};
  for (uint64_t& number : numbers) {
    const size_t end = text.find(' ');
    if (end == std::string_view::npos) return {};
    const Result<uint64_t> parsed = parse_number(text.substr(0, end));
    if (!parsed) return {};
    number = *parsed;
    text.remove_prefix(end + 1);
  }
  const Result<std::string> cursor = from_hex(text);
  if (!cursor) return {};
  return {.cursor = *cursor,
          .began_s = static_cast<int64_t>(numbers[0]),
          .ended_s = static_cast<int64_t>(numbers[1]),
          .bodies = numbers[2],
          .bytes = numbers[3],
          .lost = numbers[4]};
}

Scrub::Scrub(MailStore& store, Clock& clock, const ScrubPlan& plan)
    : store_(store), clock_(clock), plan_(plan) {
  if (const auto kept = store_.channel_get(kMemory, kKey); kept && *kept)
    position_ = parse_scrub_position(**kept);
}

Scrub::~Scrub() {
  if (const auto saved = save(); !saved)
    log::warn("scrub position not kept error=\"{}\"", saved.error().text);
}

int64_t Scrub::wait_for_pass(int64_t now_s) const {
  if (!position_.cursor.empty() || position_.began_s == 0) return 0;
  const int64_t next_s = std::max(position_.began_s + plan_.every_s, position_.ended_s + 1);
  return std::clamp((next_s - now_s) * 1000, int64_t{0}, kWaitMsMax);
}

Result<int64_t> Scrub::step() {
  const int64_t now_s = clock_.unix_s();
  if (const int64_t wait_ms = wait_for_pass(now_s); wait_ms > 0) return wait_ms;
  if (position_.cursor.empty()) {
    const std::lock_guard lock(mutex_);
    position_ = ScrubPosition();
    position_.began_s = now_s;
    done_ = 0;
  }
  Result<MailStore::Scrubbed> step =
      store_.scrub(position_.cursor, std::min(plan_.bytes_per_s, kStepBytesMax));
  if (!step && step.error().code == Code::kInvalid) step = store_.scrub("", 1);
  if (!step) return std::unexpected(step.error());
  TRY_OK(took(*step, now_s));
  const auto read_ms = static_cast<int64_t>(step->bytes * 1000 / plan_.bytes_per_s);
  return std::clamp(read_ms, int64_t{1}, kWaitMsMax);
}

Result<void> Scrub::took(const MailStore::Scrubbed& step, int64_t now_s) {
  {
    const std::lock_guard lock(mutex_);
    position_.cursor = step.next;
    position_.bodies += step.bodies;
    position_.bytes += step.bytes;
    position_.lost += step.lost.size();
    if (step.next.empty()) position_.ended_s = now_s;
    done_ = step.done;
  }
  log_lost(store_, step.lost);
  const bool is_over = step.next.empty();
  if (is_over && position_.bodies > 0)
    log::info("scrub read all bodies={} bytes={} lost={}", position_.bodies, position_.bytes,
              position_.lost);
  if (!is_over && clock_.monotonic_ms() - saved_ms_ < kSaveMs) return {};
  return save();
}

Result<void> Scrub::save() {
  saved_ms_ = clock_.monotonic_ms();
  return store_.channel_put(kMemory, {{std::string(kKey), text_of(position_)}});
}

ScrubStatus Scrub::status() const {
  const std::lock_guard lock(mutex_);
  return {.is_under_way = position_.began_s != 0 && position_.ended_s == 0,
          .done = position_.ended_s != 0 ? 1 : done_,
          .began_s = position_.began_s,
          .ended_s = position_.ended_s,
          .bodies = position_.bodies,
          .bytes = position_.bytes,
          .lost = position_.lost,
          .bytes_per_s = plan_.bytes_per_s};
}

std::vector<std::string> messages_of(const MailStore& store, const MailStore::LostBody& body,
                                     size_t count_max) {
  std::vector<std::string> out;
  const auto holders = store.holders(body, count_max);
  if (!holders) return out;
  for (const BodyHolder& holder : *holders) {
    const auto mailbox = store.find(holder.mailbox);
    out.push_back(fmt::format("{} uid {}", mailbox ? mailbox->name.text() : holder.mailbox.text(),
                              holder.uid.value));
  }
  return out;
}

}  // namespace gemel::admin
