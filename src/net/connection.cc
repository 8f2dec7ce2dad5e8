#include "net/connection.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <array>
#include <utility>

#include "base/check.h"
#include "net/tls.h"

namespace gemel::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kProduceBytes = 64 << 10;
constexpr int64_t kHandshakeMsMax = 60'000;
constexpr int64_t kGoodbyeMsMax = 2'000;

}  // namespace

Connection::Connection(Shared shared, Socket socket, Setup setup)
    : shared_(shared), socket_(std::move(socket)), setup_(std::move(setup)), timer_(shared.io) {}

Connection::~Connection() { CHECK(!session_); }

void Connection::start() {
  if (setup_.tls_first)
    handshake();
  else
    start_session();
}

void Connection::shut_down() {
  events_.stopping = true;
  if (handshaking_) return close({Code::kUnavailable, "the server is stopping"});
  pump();
}

// --- TLS ---

void Connection::handshake() {
  handshaking_ = true;
  const bool is_client = setup_.client_tls != nullptr;
  tls_context_ = is_client ? setup_.client_tls : setup_.identity->state_->current();
  tls_ = std::make_unique<TlsStream>(socket_, *tls_context_);
  if (is_client) SSL_set_tlsext_host_name(tls_->native_handle(), setup_.server_name.c_str());
  arm(kHandshakeMsMax, true);
  tls_->async_handshake(
      is_client ? asio::ssl::stream_base::client : asio::ssl::stream_base::server,
      [self = shared_from_this()](const error_code& error) { self->handshake_done(error); });
}

void Connection::handshake_done(const error_code& error) {
  handshaking_ = false;
  ++timer_round_;
  if (closed_) return;
  if (error) return close({Code::kUnavailable, "TLS: " + error.message()});
  if (!session_) return start_session();
  want_ = wire::Want::kMore;
  events_.tls_started = true;
  pump();
}

void Connection::start_session() {
  wire::SessionEnv env = setup_.env;
  env.is_tls = tls_ != nullptr;
  env.wake = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->schedule_wake();
  };
  session_ = setup_.session(std::move(env));
  want_ = wire::Want::kMore;
  pump();
}

void Connection::schedule_wake() {
  if (wake_scheduled_.exchange(true)) return;
  asio::post(shared_.io, [self = shared_from_this()] {
    self->wake_scheduled_ = false;
    self->events_.woken = true;
    self->pump();
  });
}

// --- the session's turns ---

bool Connection::may_run() const {
  if (closed_ || working_ || writing_ || handshaking_ || !session_) return false;
  if (want_ == wire::Want::kMore || events_.are_urgent()) return true;
  return want_ == wire::Want::kInput && (!events_.input.empty() || events_.ended);
}

// Input waits until the session wants it.
Connection::Events Connection::take_events() {
  Events out = std::exchange(events_, {});
  if (want_ != wire::Want::kInput) {
    events_.input = std::exchange(out.input, {});
    events_.ended = std::exchange(out.ended, false);
  }
  return out;
}

void Connection::pump() {
  if (!may_run()) return;
  ++timer_round_;  // what it waited for has come
  working_ = true;
  asio::post(shared_.workers, [self = shared_from_this(), events = std::exchange(events_, {})] {
    Outcome outcome = run_session(*self->session_, events);
    asio::post(self->shared_.io, [self, outcome = std::move(outcome)]() mutable {
      self->session_ran(std::move(outcome));
    });
  });
}

Connection::Outcome Connection::run_session(wire::Session& session, const Events& events) {
  if (events.tls_started) session.tls_started();
  if (!events.input.empty()) session.receive(events.input);
  if (events.woken) session.wake();
  if (events.timed_out) session.timed_out();
  if (events.ended) session.end_of_input();
  if (events.stopping) session.shut_down();
  Outcome outcome;
  session.produce(outcome.output, kProduceBytes);
  outcome.want = session.want();
  outcome.compression = session.compression();
  outcome.timeout_ms = session.input_timeout_ms();
  return outcome;
}

void Connection::session_ran(Outcome outcome) {
  working_ = false;
  if (closed_) return finish_session();
  want_ = outcome.want;
  compression_ = outcome.compression;
  input_timeout_ms_ = outcome.timeout_ms;
  if (outcome.output.empty() && !compressor_) return act();
  write(std::move(outcome.output));
}

// What the session wants, now that its output is written.
void Connection::act() {
  switch (want_) {
    case wire::Want::kMore:
      return pump();
    case wire::Want::kClose:
      return say_goodbye();
    case wire::Want::kTls:
      if (tls_ || !setup_.identity) return close({Code::kInvalid, "TLS can't start here"});
      return handshake();
    case wire::Want::kCompression:
      return start_compression();
    case wire::Want::kWake:
      return pump();
    case wire::Want::kInput:
      break;
  }
  if (may_run()) return pump();
  if (input_packed_ && unpack()) return;
  if (at_end_) return close({Code::kUnavailable, "the peer closed the connection"});
  if (input_timeout_ms_) arm(*input_timeout_ms_, false);
  read();
}

// --- output ---

void Connection::write(std::string bytes) {
  if (compressor_) {
    // Only when nothing more follows at once must the peer be able to read all.
    const bool more = want_ == wire::Want::kMore;
    const auto flush = more ? wire::Compressor::Flush::kHold : wire::Compressor::Flush::kFlush;
    output_.clear();
    if (!bytes.empty() || (holds_output_ && !more)) compressor_->write(bytes, flush, output_);
    holds_output_ = more && (holds_output_ || !bytes.empty());
    if (output_.empty()) return act();
  } else {
    output_ = std::move(bytes);
  }
  writing_ = true;
  arm(shared_.write_stall_ms_max, true);
  const auto done = [self = shared_from_this()](const error_code& error, size_t count) {
    self->written(error, count);
  };
  if (tls_)
    asio::async_write(*tls_, asio::buffer(output_), done);
  else
    asio::async_write(socket_, asio::buffer(output_), done);
}

void Connection::written(const error_code& error, size_t count) {
  writing_ = false;
  ++timer_round_;
  if (setup_.on_bytes) setup_.on_bytes(count, 0);
  output_ = {};
  if (closed_) return finish_session();
  if (error) return close({Code::kUnavailable, error.message()});
  act();
}

// --- input ---

void Connection::read() {
  if (reading_) return;
  reading_ = true;
  if (tls_)
    read_tls();
  else
    read_plain();
}

// A buffer is borrowed only once there is something to read, so an idle connection has none.
void Connection::read_plain() {
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& error) {
    static thread_local std::array<char, kReadBytes> buffer;
    if (error || self->closed_) return self->received(error, 0);
    error_code failed;
    self->socket_.non_blocking(true, failed);
    const size_t count = self->socket_.read_some(asio::buffer(buffer), failed);
    if (failed == asio::error::would_block) return self->read_plain();
    self->read_buffer_.assign(buffer.data(), count);
    self->received(failed, count);
  });
}

void Connection::read_tls() {
  read_buffer_.resize(kReadBytes / 4);  // a TLS record has at most 16 KiB
  tls_->async_read_some(asio::buffer(read_buffer_),
                        [self = shared_from_this()](const error_code& error, size_t count) {
                          self->received(error, count);
                        });
}

void Connection::received(const error_code& error, size_t count) {
  reading_ = false;
  if (closed_) return finish_session();
  if (error) {
    read_buffer_ = {};
    // The session may still have something to write: it decides when to close.
    if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
      at_end_ = true;
      events_.ended = true;
      return pump();
    }
    return close({Code::kUnavailable, error.message()});
  }
  if (setup_.on_bytes) setup_.on_bytes(0, count);
  const std::string bytes = std::exchange(read_buffer_, {});
  take_input(std::string_view(bytes).substr(0, count));
}

void Connection::take_input(std::string_view bytes) {
  if (!decompressor_) {
    events_.input += bytes;
    return pump();
  }
  decompressor_->feed(bytes);
  if (!unpack() && !working_ && !writing_) act();
}

// Gives the session a piece of what the decompressor holds. False if there was none.
bool Connection::unpack() {
  const size_t room = events_.input.size() < kReadBytes ? kReadBytes - events_.input.size() : 0;
  const Result<size_t> count =
      room > 0 ? decompressor_->read(events_.input, room) : Result<size_t>(0);
  if (!count) {
    close(count.error());
    return true;
  }
  input_packed_ = *count == room;
  if (*count == 0) return false;
  pump();
  return true;
}

void Connection::start_compression() {
  compressor_ = wire::make_compressor(compression_);
  decompressor_ = wire::make_decompressor(compression_);
  want_ = wire::Want::kMore;
  pump();
}

// --- time and end ---

void Connection::arm(int64_t timeout_ms, bool for_write) {
  const uint64_t round = ++timer_round_;
  timer_.expires_after(std::chrono::milliseconds(timeout_ms));
  timer_.async_wait([self = shared_from_this(), round, for_write](const error_code& error) {
    if (error || self->closed_ || round != self->timer_round_) return;
    if (for_write) return self->close({Code::kUnavailable, "the peer does not read"});
    self->events_.timed_out = true;
    self->pump();
  });
}

// TLS says that this is the end, so that the peer knows nothing was cut off.
void Connection::say_goodbye() {
  if (!tls_) return close({Code::kUnavailable, "closed"});
  arm(kGoodbyeMsMax, true);
  tls_->async_shutdown([self = shared_from_this()](const error_code&) {
    self->close({Code::kUnavailable, "closed"});
  });
}

void Connection::close(Error reason) {
  if (closed_) return;
  closed_ = true;
  reason_ = std::move(reason);
  timer_.cancel();
  error_code ignored;
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
  finish_session();
}

// The session may wait for the disk as it goes, so it goes on a worker, after its last job.
void Connection::finish_session() {
  if (working_ || session_finished_) return;
  session_finished_ = true;
  asio::post(shared_.workers, [self = shared_from_this()] {
    self->session_.reset();
    if (self->setup_.on_end) self->setup_.on_end(self->reason_);
  });
}

}  // namespace gemel::net
