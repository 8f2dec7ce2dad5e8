#include "nntp/feed.h"

#include "base/log.h"
#include "nntp/feed_session.h"

namespace gemel::nntp {

Feed::Feed(Setup setup, FeedOptions options)
    : setup_(std::move(setup)),
      options_(std::move(options)),
      queue_(setup_.store, setup_.clock, setup_.prefix, options_) {}

Feed::~Feed() = default;

Result<bool> Feed::has_work() {
  if (setup_.store.role() != Role::kPrimary) return false;
  if (waiting_) return true;
  TRY(waiting_, queue_.next());
  TRY_OK(queue_.save());
  return waiting_.has_value();
}

std::unique_ptr<wire::Session> Feed::connect(wire::SessionEnv env) {
  note([](FeedStatus& status) {
    status.connected = true;
    status.ended_well = false;
    status.last_error.clear();
  });
  log::info("feed={} connected peer={}", options_.name, env.peer_address);
  return std::make_unique<FeedSession>(*this, std::move(env));
}

void Feed::disconnected(const Error& reason) {
  waiting_.reset();
  queue_.rewind();
  note([&](FeedStatus& status) {
    // The session says why it ended; where there was none, or the peer just went, the network does.
    if (!status.ended_well && status.last_error.empty()) status.last_error = reason.text;
    if (!status.last_error.empty())
      log::warn("feed={} error=\"{}\"", options_.name, status.last_error);
    else
      log::info("feed={} ended", options_.name);
    status.connected = false;
    status.streaming = false;
  });
}

FeedStatus Feed::status() const {
  const std::scoped_lock lock(mutex_);
  return status_;
}

}  // namespace gemel::nntp
