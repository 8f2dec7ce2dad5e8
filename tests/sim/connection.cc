#include "connection.h"

#include <algorithm>

namespace gemel::sim {

namespace {
constexpr size_t kPieceBytesMax = 60'000;
}  // namespace

Connection::Connection(Events& events, Dice& dice, Options options)
    : events_(events), dice_(dice), options_(std::move(options)) {}

std::unique_ptr<wire::Session> Connection::make(Side side, const Maker& maker) {
  wire::SessionEnv env{.peer_address = "127.0.0.1", .is_local = true};
  env.wake = [weak = weak_from_this(), side] {
    const std::shared_ptr<Connection> self = weak.lock();
    if (!self) return;
    self->events_.after(0, [weak, side] {
      const std::shared_ptr<Connection> woken = weak.lock();
      if (!woken || !woken->open_) return;
      woken->ends_[side].session->wake();
      woken->drive(side);
      woken->take(side);
    });
  };
  return maker(std::move(env));
}

void Connection::open(const Maker& sender, const Maker& receiver) {
  ends_[kReceiver].session = make(kReceiver, receiver);
  ends_[kSender].session = make(kSender, sender);
  open_ = true;
  drive(kReceiver);
  drive(kSender);
}

// All that an end has to say now.
void Connection::drive(Side side) {
  End& end = ends_[side];
  while (open_ && !end.closing) {
    std::string out;
    end.session->produce(out, 1 + dice_.below(65'536));
    send(other(side), std::move(out));
    const wire::Want want = end.session->want();
    if (want == wire::Want::kClose) {
      end.closing = true;
      return end_soon();
    }
    if (want == wire::Want::kMore) continue;
    // The world's wire does not compress; the sender goes on behind the change.
    if (want == wire::Want::kCompression && side == kSender && !end.compression_seen) {
      end.compression_seen = true;
      continue;
    }
    break;
  }
  watch_time(side);
}

void Connection::send(Side to, std::string bytes) {
  bytes_ += bytes.size();
  for (size_t at = 0; at < bytes.size(); at += kPieceBytesMax) {
    End& end = ends_[to];
    end.flying.push_back(bytes.substr(at, kPieceBytesMax));
    const int64_t arrival = std::max(end.last_arrival_ms, events_.now_ms() + options_.delay_ms +
                                                              static_cast<int64_t>(dice_.below(2)));
    end.last_arrival_ms = arrival;
    events_.after(arrival - events_.now_ms(), [weak = weak_from_this(), to] {
      if (const std::shared_ptr<Connection> self = weak.lock()) self->arrive(to);
    });
  }
}

void Connection::arrive(Side at) {
  End& end = ends_[at];
  if (!open_ || end.flying.empty()) return;
  end.inbox.push_back(std::move(end.flying.front()));
  end.flying.pop_front();
  take(at);
}

void Connection::take(Side side) {
  End& end = ends_[side];
  while (open_ && !end.closing && !end.inbox.empty()) {
    const wire::Want want = end.session->want();
    if (want != wire::Want::kInput && want != wire::Want::kCompression) return;
    const std::string piece = std::move(end.inbox.front());
    end.inbox.pop_front();
    ++end.received;
    options_.on_bytes(side == kSender ? '<' : '>', piece);
    end.session->receive(piece);
    drive(side);
  }
}

void Connection::watch_time(Side side) {
  End& end = ends_[side];
  if (!open_ || end.closing || end.session->want() != wire::Want::kInput) return;
  const std::optional<int64_t> timeout_ms = end.session->input_timeout_ms();
  if (!timeout_ms) return;
  events_.after(*timeout_ms, [weak = weak_from_this(), side, seen = end.received] {
    const std::shared_ptr<Connection> self = weak.lock();
    if (!self || !self->open_ || self->ends_[side].received != seen) return;
    if (self->ends_[side].session->want() != wire::Want::kInput) return;
    self->ends_[side].session->timed_out();
    self->drive(side);
  });
}

// What was said before the end still arrives.
void Connection::end_soon() {
  const int64_t last = std::max(ends_[kSender].last_arrival_ms, ends_[kReceiver].last_arrival_ms);
  events_.after(std::max<int64_t>(0, last - events_.now_ms()) + 1, [weak = weak_from_this()] {
    const std::shared_ptr<Connection> self = weak.lock();
    if (self && self->open_) self->end();
  });
}

void Connection::cut() {
  for (const Side side : {kSender, kReceiver}) {
    End& end = ends_[side];
    if (!open_ || end.closing || end.flying.empty()) continue;
    std::string part = end.flying.front().substr(0, dice_.below(end.flying.front().size() + 1));
    end.flying.clear();
    if (!part.empty()) end.inbox.push_back(std::move(part));
    take(side);
  }
  end();
}

void Connection::end() {
  if (!open_) return;
  open_ = false;
  for (End& end : ends_) {
    end.flying.clear();
    end.inbox.clear();
  }
  // Not within a call of the sessions themselves.
  events_.after(0, [self = shared_from_this()] {
    for (End& end : self->ends_) end.session.reset();
    if (self->options_.on_ended) self->options_.on_ended();
  });
}

void Connection::drop() {
  open_ = false;
  options_.on_ended = nullptr;
  for (End& end : ends_) end.session.reset();
}

}  // namespace gemel::sim
