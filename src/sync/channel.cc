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
void Channel::renew() { core_->renew(); }
void Channel::count_bytes(uint64_t up, uint64_t down) { core_->count_bytes(up, down); }
ChannelStatus Channel::status() const { return core_->status(); }
std::vector<UserLag> Channel::users_behind() const { return core_->users_behind(); }
void Channel::pause() { core_->set_paused(ChannelOptions::Mode::kOneShot); }
void Channel::resume() { core_->set_paused(ChannelOptions::Mode::kRolling); }

void Channel::sync(SyncScope scope, SyncEffect effect, std::function<void(SyncReport)> done) {
  core_->sync({.scope = std::move(scope), .effect = effect, .done = std::move(done), .report = {}});
}

// --- how things stand ---

ChannelCore::ChannelCore(MailStore& store, ChannelOptions options, Clock& clock)
    : store_(store),
      options_(std::move(options)),
      clock_(clock),
      memory_(store, options_.name),
      agenda_(store, memory_, clock),
      mode_(options_.mode),
      aside_(agenda_.aside()),
      sent_(agenda_.sent()),
      cursor_(agenda_.cursor()),
      cap_(options_.bytes_per_s_max) {
  times_.note(store_.journal_head(), clock_.monotonic_ms());
  watch_ = store_.watch_all([this](const Published& published) { on_change(published); });
  tell_link();
}

void ChannelCore::on_change(const Published& published) {
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    times_.note(published.journal, clock_.monotonic_ms());
    if (mode_ == ChannelOptions::Mode::kRolling) wake = wake_;
  }
  if (wake) wake();
}

void ChannelCore::connected(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
  session_end_.clear();
  end_ = End::kFault;
}

// What the replica has as a whole tells whether what is remembered of it is right: it may have been
// cut in the middle of a batch, or come back from a backup, or with a new disk.
Result<void> ChannelCore::logged_in(const Digest& replica) {
  TRY_OK(memory_.settle());  // what the last connection did not bring to its end
  TRY_OK(adopt(replica));
  const bool is_in_step = memory_.position() && memory_.in_step() == replica;
  const bool is_empty = replica == Digest() && !is_in_step;
  if (is_empty) TRY_OK(memory_.forget());
  is_in_doubt_ = !is_in_step && !is_empty;
  memory_.set_belief(is_in_doubt_ ? ReplicaMemory::Belief::kUnsure : ReplicaMemory::Belief::kSure);
  agenda_.begin(is_in_step ? Agenda::Replica::kInStep
                : is_empty ? Agenda::Replica::kEmpty
                           : Agenda::Replica::kUnsure);
  {
    const std::lock_guard lock(mutex_);
    aside_ = agenda_.aside();
    sent_ = agenda_.sent();
    cursor_ = agenda_.cursor();
    connected_ = true;
    is_apart_ = false;
    attempts_ = 0;
    last_error_.clear();
  }
  tell_link();
  return {};
}

void ChannelCore::tell_link() {
  if (!options_.acknowledges) return;
  AckGate::Link link = AckGate::Link::kDown;
  {
    const std::lock_guard lock(mutex_);
    if (mode_ == ChannelOptions::Mode::kOneShot)
      link = AckGate::Link::kResting;
    else if (connected_)
      link = AckGate::Link::kUp;
  }
  options_.acknowledges->link(link);
}

// Where both have the same, the other is where we are, whoever brought it there: a server that was
// just promoted, or began as a copy of the other, need not look at the whole. Where each mailbox is
// there, it is asked when something is to be sent.
Result<void> ChannelCore::adopt(const Digest& replica) {
  if (memory_.position()) return {};
  const JournalSeq head = store_.journal_head();
  if (replica == Digest() || store_.digest() != replica) return {};
  memory_.adopt(head, replica);
  return memory_.settle();
}

Result<Meeting> ChannelCore::meet(const Standing& ours, const Standing& theirs) {
  told_ = ours;
  const bool is_source =
      options_.upstreams != nullptr && options_.upstreams->contains(theirs.store);
  const Meeting meeting = sync::meet(ours, theirs, is_source ? IsSource::kYes : IsSource::kNo);
  if (meeting == Meeting::kStale) {
    TRY_OK(heard(theirs.term));
    ended(End::kApart, "the other end is in a later term, " + text_of(theirs.term));
  }
  if (meeting == Meeting::kApart)
    ended(End::kApart, theirs.role == Role::kPrimary ? "the other end is the primary"
                       : is_source                   ? "the other end sends to this server"
                                                     : "this server has nothing to send yet");
  return meeting;
}

// Terms are told by the other end after it has proved who it is.
Result<void> ChannelCore::heard(const Term& term) {
  if (term <= store_.heard()) return {};
  const bool was_primary = store_.role() == Role::kPrimary;
  if (was_primary)
    log::warn("term {} has begun elsewhere: this server, primary in term {}, takes no more writes",
              text_of(term), text_of(store_.term()));
  TRY_OK(store_.demote(term));
  if (was_primary) options_.on_standing();
  return {};
}

void ChannelCore::ended(End how, std::string why) {
  const std::lock_guard lock(mutex_);
  if (!session_end_.empty()) return;
  end_ = how;
  session_end_ = std::move(why);
}

void ChannelCore::renew() {
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    next_attempt_at_ms_ = 0;
    attempts_ = 0;
    wake = wake_;
  }
  if (wake) wake();
}

void ChannelCore::disconnected(const Error& reason) {
  std::deque<SyncRequest> requests;
  {
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
    connected_ = false;
    const bool was_apart = std::exchange(is_apart_, end_ == End::kApart);
    const std::string before =
        std::exchange(last_error_, session_end_.empty() ? reason.text : session_end_);
    next_attempt_at_ms_ = clock_.monotonic_ms() + wait_ms();
    requests.swap(requests_);
    if (end_ == End::kFault)
      log::warn("channel={} is down: {}", options_.name, last_error_);
    else if (!was_apart || !is_apart_ || before != last_error_)
      log::info("channel={} has ended: {}", options_.name, last_error_);
    // A connection that can't be made has no session to say why.
    end_ = End::kFault;
    session_end_.clear();
  }
  tell_link();
  for (SyncRequest& request : requests)
    finish(std::move(request), fail(Code::kUnavailable, last_error_));
}

// Until the next attempt to connect.
int64_t ChannelCore::wait_ms() {
  if (end_ == End::kRenewal) return 0;
  const int64_t wait = std::min(kRetryFirstMs << std::min(attempts_, 10), kRetryLastMs);
  ++attempts_;
  // Several channels that lost the same replica don't all come back at the same moment.
  return wait + static_cast<int64_t>(options_.random->u64() % static_cast<uint64_t>(wait / 4));
}

int64_t ChannelCore::next_attempt_ms() const {
  const std::lock_guard lock(mutex_);
  return std::max<int64_t>(0, next_attempt_at_ms_ - clock_.monotonic_ms());
}

void ChannelCore::count_bytes(uint64_t up, uint64_t down) {
  const std::lock_guard lock(mutex_);
  bytes_up_ += up;
  bytes_down_ += down;
  cap_.spend(up, clock_.monotonic_ms());
}

int64_t ChannelCore::throttle_ms() {
  const std::lock_guard lock(mutex_);
  return cap_.wait_ms(clock_.monotonic_ms());
}

void ChannelCore::count_round_trip() {
  const std::lock_guard lock(mutex_);
  ++round_trips_;
}

void ChannelCore::count_batch() {
  const std::lock_guard lock(mutex_);
  ++batches_;
}

void ChannelCore::set_paused(ChannelOptions::Mode mode) {
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    mode_ = mode;
    wake = wake_;
  }
  tell_link();
  if (wake) wake();
}

}  // namespace gemel::sync
