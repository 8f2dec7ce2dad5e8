#include "sync/channel.h"

#include <algorithm>

#include "base/log.h"
#include "sync/channel_core.h"
#include "sync/sender.h"

namespace gemel::sync {

// --- the channel, as others see it ---

Channel::Channel(MailStore& store, ChannelOptions options, Clock& clock)
    : core_(std::make_shared<ChannelCore>(store, std::move(options), clock)) {}
Channel::~Channel() = default;

std::unique_ptr<wire::Session> Channel::connect(wire::SessionEnv env) {
  return make_sender(core_, std::move(env));
}
void Channel::disconnected(const Error& reason) { core_->disconnected(reason); }
int64_t Channel::next_attempt_ms() const { return core_->next_attempt_ms(); }
void Channel::count_bytes(uint64_t up, uint64_t down) { core_->count_bytes(up, down); }
ChannelStatus Channel::status() const { return core_->status(); }
void Channel::pause() { core_->set_paused(ChannelOptions::Mode::kOneShot); }
void Channel::resume() { core_->set_paused(ChannelOptions::Mode::kRolling); }

void Channel::sync(SyncScope scope, SyncEffect effect, std::function<void(SyncReport)> done) {
  core_->sync({.scope = std::move(scope),
               .effect = effect,
               .done = std::move(done),
               .target = {},
               .report = {}});
}

// --- how things stand ---

ChannelCore::ChannelCore(MailStore& store, ChannelOptions options, Clock& clock)
    : store_(store),
      options_(std::move(options)),
      clock_(clock),
      memory_(store, options_.name),
      mode_(options_.mode),
      position_(memory_.position()) {
  for (const std::string& key : memory_.set_aside())
    if (const auto entity = entity_of(key))
      aside_[*entity] = {.name = name_of(*entity), .reason = "set aside before a restart"};
  if (store_.journal_head() != position_.value_or(JournalSeq()))
    oldest_change_ms_ = clock_.monotonic_ms();
  watch_ = store_.watch_all([this](const Published&) { on_change(); });
}

void ChannelCore::on_change() {
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    if (!oldest_change_ms_) oldest_change_ms_ = clock_.monotonic_ms();
    if (mode_ == ChannelOptions::Mode::kRolling) wake = wake_;
  }
  if (wake) wake();
}

void ChannelCore::connected(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
  session_error_.clear();
  has_asked_ = has_surveyed_ = replica_is_empty_ = false;
}

// What the replica has as a whole tells whether what is remembered of it is right: it may have been
// cut in the middle of a batch, or come back from a backup, or with a new disk.
Result<void> ChannelCore::logged_in(const Digest& replica) {
  TRY_OK(memory_.settle());  // what the last connection did not bring to its end
  has_asked_ = has_surveyed_ = memory_.position() && memory_.in_step() == replica;
  replica_is_empty_ = replica == Digest();
  if (replica_is_empty_ && !has_asked_) {
    TRY_OK(memory_.forget());
    whole_start_.reset();
  }
  const std::lock_guard lock(mutex_);
  position_ = memory_.position();
  if (!position_) aside_.clear();
  connected_ = true;
  attempts_ = 0;
  last_error_.clear();
  return {};
}

void ChannelCore::failed(std::string why) {
  const std::lock_guard lock(mutex_);
  if (session_error_.empty()) session_error_ = std::move(why);
}

void ChannelCore::disconnected(const Error& reason) {
  std::deque<SyncRequest> requests;
  {
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
    connected_ = false;
    last_error_ = session_error_.empty() ? reason.text : session_error_;
    const int64_t wait = std::min(kRetryFirstMs << std::min(attempts_, 10), kRetryLastMs);
    ++attempts_;
    // Several channels that lost the same replica don't all come back at the same moment.
    next_attempt_at_ms_ =
        clock_.monotonic_ms() + wait +
        static_cast<int64_t>(options_.random->u64() % static_cast<uint64_t>(wait / 4));
    requests.swap(requests_);
    if (!oldest_change_ms_) oldest_change_ms_ = oldest_under_way_ms_;
    oldest_under_way_ms_.reset();
  }
  log::warn("channel={} is down: {}", options_.name, last_error_);
  for (SyncRequest& request : requests)
    finish(std::move(request), fail(Code::kUnavailable, last_error_));
}

int64_t ChannelCore::next_attempt_ms() const {
  const std::lock_guard lock(mutex_);
  return std::max<int64_t>(0, next_attempt_at_ms_ - clock_.monotonic_ms());
}

void ChannelCore::count_bytes(uint64_t up, uint64_t down) {
  const std::lock_guard lock(mutex_);
  bytes_up_ += up;
  bytes_down_ += down;
}

void ChannelCore::count_round_trip() {
  const std::lock_guard lock(mutex_);
  ++round_trips_;
}

void ChannelCore::count_batch() {
  const std::lock_guard lock(mutex_);
  ++batches_;
}

ChannelStatus ChannelCore::status() const {
  ChannelStatus status;
  {
    const std::lock_guard lock(mutex_);
    const int64_t now = clock_.monotonic_ms();
    status.connected = connected_;
    status.paused = mode_ == ChannelOptions::Mode::kOneShot;
    status.position = position_.value_or(JournalSeq());
    const auto oldest = oldest_under_way_ms_ ? oldest_under_way_ms_ : oldest_change_ms_;
    status.lag_ms = oldest ? now - *oldest : 0;
    status.last_error = last_error_;
    if (!connected_ && !last_error_.empty())
      status.retry_in_ms = std::max<int64_t>(0, next_attempt_at_ms_ - now);
    for (const auto& [entity, aside] : aside_)
      status.set_aside.push_back(
          {aside.name, aside.reason, std::max<int64_t>(0, aside.due_ms - now)});
    status.strangers.assign(strangers_.begin(), strangers_.end());
    status.batches = batches_;
    status.round_trips = round_trips_;
    status.bytes_up = bytes_up_;
    status.bytes_down = bytes_down_;
  }
  if (const auto entries = store_.journal_since(status.position, kChangesBehindMax))
    status.changes_behind = entries->size();
  if (status.changes_behind == 0) status.lag_ms = 0;
  return status;
}

void ChannelCore::set_paused(ChannelOptions::Mode mode) {
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    mode_ = mode;
    wake = wake_;
  }
  if (wake) wake();
}

void ChannelCore::sync(SyncRequest request) {
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    request.round_trips_before = round_trips_;
    request.bytes_up_before = bytes_up_;
    request.bytes_down_before = bytes_down_;
    requests_.push_back(std::move(request));
    wake = wake_;
  }
  if (wake) wake();
}

std::string ChannelCore::name_of(const Entity& entity) const {
  if (const auto* userid = std::get_if<std::string>(&entity)) return *userid;
  const UniqueId& id = std::get<UniqueId>(entity);
  const Result<MailboxInfo> info = store_.find(id);
  return info ? info->name.text() : id.text();
}

}  // namespace gemel::sync
