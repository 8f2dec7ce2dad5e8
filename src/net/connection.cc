#include "net/connection.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/give_back.h"
#include "net/tls.h"

namespace gemel::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kProduceBytes = 64 << 10;
constexpr int64_t kHandshakeMsMax = 60'000;
constexpr int64_t kGoodbyeMsMax = 1'000;
// Then a worker has its place taken by others, if any wait.
constexpr size_t kTurnsMax = 16;
// How long a worker waits for the next command of a client that answers so fast: about as long as
// handing it over twice takes.
constexpr std::chrono::microseconds kLinger(100);
// It does so for one that answered so fast this often in a row: to wait in vain costs more than it
// saves.
constexpr int kPromptRun = 4;

// A thread's, for what is at once copied to its size or thrown away.
std::array<char, kReadBytes>& scratch() {
  static thread_local std::array<char, kReadBytes> buffer;
  return buffer;
}

error_code last_error() { return {errno, boost::system::system_category()}; }

bool must_wait(const error_code& error) {
  return error == asio::error::would_block || error == asio::error::interrupted;
}

/// How many bytes were there, in scratch(); would_block if none, eof at the end.
size_t receive_plain(int socket, error_code& error) {
  const ssize_t got = ::recv(socket, scratch().data(), scratch().size(), MSG_DONTWAIT);
  error = got < 0 ? last_error() : error_code();
  if (got == 0) error = asio::error::eof;
  return got > 0 ? static_cast<size_t>(got) : 0;
}

/// How much of `bytes` the kernel took.
size_t send_now(int socket, std::string_view bytes, error_code& error) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count =
        ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0) {
      error = last_error();
      break;
    }
    sent += static_cast<size_t>(count);
  }
  return sent;
}

}  // namespace

Connection::Connection(Shared shared, Socket socket, Setup setup)
    : shared_(shared),
      socket_(std::move(socket)),
      setup_(std::move(setup)),
      timer_(shared.io),
      is_stranger_(setup_.may_be_stranger) {}

Connection::~Connection() { CHECK(!session_); }

void Connection::start() {
  const std::lock_guard lock(mutex_);
  if (setup_.tls_first)
    handshake();
  else
    start_session();
}

void Connection::shut_down() {
  const std::lock_guard lock(mutex_);
  events_.stopping = true;
  if (handshaking_) return end({Code::kUnavailable, "the server is stopping"});
  pump();
}

void Connection::close(Error reason) {
  const std::lock_guard lock(mutex_);
  end(std::move(reason));
}

bool Connection::gives_way(Error reason) {
  if (!is_stranger_) return false;
  const std::lock_guard lock(mutex_);
  if (!is_stranger_.exchange(false) || closed_) return false;
  end(std::move(reason));
  return true;
}

// --- TLS ---

void Connection::handshake() {
  handshaking_ = true;
  // What was sent in the clear behind STARTTLS could be an attacker's: it must not pass for input
  // of the secured session (RFC 9051 §6.2.1).
  events_.input.clear();
  const bool is_client = setup_.client_tls != nullptr;
  tls_context_ = is_client ? setup_.client_tls : setup_.identity->state_->current();
  tls_ =
      std::make_unique<TlsStream>(tls_context_->native_handle(), socket_.descriptor(),
                                  is_client ? TlsStream::Side::kClient : TlsStream::Side::kServer);
  if (is_client)
    SSL_set_tlsext_host_name(tls_->native_handle(), setup_.server_name.c_str());
  else
    offer_alpn(tls_->native_handle(), setup_.alpn);
  arm(kHandshakeMsMax, Lapse::kPeer);
  step_handshake();
}

void Connection::step_handshake() {
  error_code error;
  const TlsStream::Wait wait = tls_->handshake(error);
  if (wait != TlsStream::Wait::kNothing) return when(wait, &Connection::step_handshake);
  handshake_done(error);
}

void Connection::handshake_done(const error_code& error) {
  handshaking_ = false;
  disarm();
  if (error) return end({Code::kUnavailable, "TLS: " + error.message()});
  // The session reads them only when it is made or told of TLS, which is later.
  if (setup_.tls_facts && setup_.identity)
    *setup_.tls_facts =
        facts_of(tls_->native_handle(), setup_.identity->state_->current_client_name());
  if (!started_) return start_session();
  want_ = wire::Want::kMore;
  events_.tls_started = true;
  pump();
}

void Connection::start_session() {
  setup_.env.is_tls = tls_ != nullptr;
  gate_->connection = weak_from_this();
  setup_.env.wake = [gate = gate_] {
    const std::lock_guard lock(gate->mutex);
    if (const auto self = gate->connection.lock()) self->schedule_wake();
  };
  setup_.env.wake_after = [gate = gate_](int64_t delay_ms) {
    const std::lock_guard lock(gate->mutex);
    if (const auto self = gate->connection.lock()) self->wake_after(delay_ms);
  };
  started_ = true;
  want_ = wire::Want::kMore;
  pump();
}

// A timer that does not keep the connection.
void Connection::wake_after(int64_t delay_ms) {
  asio::post(shared_.io, [weak = weak_from_this(), &io = shared_.io, delay_ms] {
    auto timer = std::make_shared<asio::steady_timer>(io, std::chrono::milliseconds(delay_ms));
    timer->async_wait([weak, timer](const error_code&) {
      if (const auto self = weak.lock()) self->schedule_wake();
    });
  });
}

void Connection::schedule_wake() {
  if (wake_scheduled_.exchange(true)) return;
  asio::post(shared_.io, [self = shared_from_this()] {
    self->wake_scheduled_ = false;
    const std::lock_guard lock(self->mutex_);
    self->events_.woken = true;
    self->pump();
  });
}

// --- the session's turns ---

bool Connection::may_run() const {
  if (closed_ || working_ || writing_ || handshaking_ || !started_) return false;
  if (want_ == wire::Want::kClose) return false;  // it has said its last word
  if (want_ == wire::Want::kMore || events_.are_urgent()) return true;
  if (want_ != wire::Want::kInput) return false;
  return !events_.input.empty() || (events_.ended && !input_packed_);
}

// Input waits until the session wants it, and the end until all input before it was given.
Connection::Events Connection::take_events() {
  Events out = std::exchange(events_, {});
  if (want_ != wire::Want::kInput) events_.input = std::exchange(out.input, {});
  if (want_ != wire::Want::kInput || input_packed_) events_.ended = std::exchange(out.ended, false);
  return out;
}

void Connection::pump() {
  if (!may_run()) return;
  disarm();  // what it waited for has come
  working_ = true;
  if (turning_)
    another_turn_ = true;
  else
    shared_.workers.post([self = shared_from_this()] { self->work(); });
}

// A worker's job: turns of the session, as long as the worker can go on without waiting.
void Connection::work() {
  std::unique_lock lock(mutex_);
  for (size_t turn = 1;; ++turn) {
    const Events events = take_events();
    std::string buffer = std::exchange(output_, {});  // its room once more
    lock.unlock();
    Outcome outcome = run_job(events, std::move(buffer));
    lock.lock();
    turning_ = turn < kTurnsMax || !shared_.workers.have_jobs_waiting();
    session_ran(std::move(outcome));
    turning_ = false;
    if (lingers_) linger(lock);
    if (!std::exchange(another_turn_, false)) return;
  }
}

Connection::Outcome Connection::run_job(const Events& events, std::string buffer) {
  if (!session_) session_ = setup_.session(std::move(setup_.env));
  CHECK(session_ != nullptr);
  if (events.tls_started) session_->tls_started();
  if (!events.input.empty()) session_->receive(events.input);
  if (events.woken) session_->wake();
  if (events.timed_out) session_->timed_out();
  if (events.ended) session_->end_of_input();
  if (events.stopping) session_->shut_down();
  Outcome outcome;
  outcome.output = std::move(buffer);
  outcome.output.clear();
  session_->produce(outcome.output, kProduceBytes);
  outcome.want = session_->want();
  outcome.compression = session_->compression();
  outcome.timeout_ms = session_->input_timeout_ms();
  outcome.is_stranger = session_->is_stranger();
  return outcome;
}

void Connection::session_ran(Outcome outcome) {
  working_ = false;
  if (closed_) return finish_session();
  want_ = outcome.want;
  compression_ = outcome.compression;
  input_timeout_ms_ = outcome.timeout_ms;
  if (setup_.may_be_stranger) is_stranger_ = outcome.is_stranger;
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
      // A read under way would take the handshake's bytes; nobody who asks for TLS in answer to
      // input has one.
      if (tls_ || reading_ || (!setup_.identity && !setup_.client_tls))
        return end({Code::kInvalid, "TLS can't start here"});
      handshaking_ = true;
      return asio::post(shared_.io, [self = shared_from_this()] {
        const std::lock_guard lock(self->mutex_);
        if (!self->closed_) self->handshake();
      });
    case wire::Want::kCompression:
      return start_compression();
    case wire::Want::kWake:
      return pump();
    case wire::Want::kInput:
      break;
  }
  if (input_packed_ && events_.input.empty() && unpack()) return;
  if (may_run()) return pump();
  if (at_end_) return end({Code::kUnavailable, "the peer closed the connection"});
  // No input puts off what the session is told now; the next may always be there already.
  if (input_timeout_ms_ == 0) return lapsed(Lapse::kInput);
  if (turning_ && (read_now() || may_linger())) return;
  if (input_timeout_ms_) arm(*input_timeout_ms_, Lapse::kInput);
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
  if (!tls_) return write_plain();
  sent_ = 0;
  write_tls();
}

// At once what the kernel takes; the network thread waits for the rest.
void Connection::write_plain() {
  error_code error;
  const size_t sent = send_now(socket_.descriptor(), output_, error);
  if (sent == output_.size()) return written({}, sent);
  if (!must_wait(error)) return written(error, sent);
  writing_ = true;
  arm(shared_.write_stall_ms_max, Lapse::kPeer);
  asio::async_write(socket_.watched(), asio::buffer(output_) + sent,
                    [self = shared_from_this(), sent](const error_code& failed, size_t count) {
                      const std::lock_guard lock(self->mutex_);
                      self->written(failed, sent + count);
                    });
}

// The same.
void Connection::write_tls() {
  error_code error;
  sent_ += tls_->send(std::string_view(output_).substr(sent_), error);
  if (sent_ == output_.size() || !must_wait(error)) return written(error, sent_);
  if (!std::exchange(writing_, true)) arm(shared_.write_stall_ms_max, Lapse::kPeer);
  when(TlsStream::Wait::kWritable, &Connection::write_tls);
}

void Connection::when(TlsStream::Wait wait, void (Connection::*step)()) {
  const auto state = wait == TlsStream::Wait::kReadable ? Socket::wait_read : Socket::wait_write;
  socket_.watched().async_wait(state, [self = shared_from_this(), step](const error_code& error) {
    const std::lock_guard lock(self->mutex_);
    if (self->closed_) return;
    if (error) return self->end({Code::kUnavailable, error.message()});
    (self.get()->*step)();
  });
}

void Connection::written(const error_code& error, size_t count) {
  writing_ = false;
  disarm();
  if (setup_.on_bytes) setup_.on_bytes(count, 0);
  if (closed_) return finish_session();
  if (error) return end({Code::kUnavailable, error.message()});
  act();
  if (!writing_ && !working_ && !lingers_) give_back(output_);
}

// --- input ---

size_t Connection::receive_now(error_code& error) {
  return tls_ ? tls_->receive(scratch(), error) : receive_plain(socket_.descriptor(), error);
}

// Takes what is there already. False: nothing, or not now.
bool Connection::read_now() {
  if (reading_ || decompressor_) return false;
  error_code error;
  const size_t count = receive_now(error);
  if (error) return false;  // whatever it is, whoever waits for input meets it too
  if (setup_.on_bytes) setup_.on_bytes(0, count);
  take_input({scratch().data(), count});
  return true;
}

// True: the worker will, see work().
bool Connection::may_linger() {
  if (prompt_run_ < kPromptRun || reading_ || decompressor_) return false;
  if (shared_.workers.have_jobs_waiting()) return false;
  return lingers_ = shared_.workers.begin_lingering();
}

// As if the session still worked: what happens meanwhile it is told of afterwards.
void Connection::linger(std::unique_lock<std::mutex>& lock) {
  lingers_ = false;
  working_ = true;
  socket_.unwatch();  // what comes is for this thread alone
  pollfd socket{.fd = socket_.descriptor(), .events = POLLIN, .revents = 0};
  lock.unlock();
  const timespec patience{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(kLinger).count()};
  const bool came = ::ppoll(&socket, 1, &patience, nullptr) > 0;
  shared_.workers.end_lingering();
  lock.lock();
  working_ = false;
  if (closed_) return finish_session();
  const int run = std::exchange(prompt_run_, 0);  // it does not wait again
  turning_ = true;
  act();
  turning_ = false;
  if (came) prompt_run_ = run;
  if (!writing_ && !working_) give_back(output_);
}

// A buffer is borrowed only once there is something to read, so an idle connection has none.
void Connection::read() {
  if (std::exchange(reading_, true)) return;
  asked_at_ = std::chrono::steady_clock::now();
  const auto take = [self = shared_from_this()](const error_code& error) {
    const std::lock_guard lock(self->mutex_);
    if (error || self->closed_) return self->received(error, 0);
    error_code failed;
    const size_t count = self->receive_now(failed);
    if (!must_wait(failed)) return self->received(failed, count);
    self->reading_ = false;
    self->read();
  };
  if (tls_ && tls_->has_more()) return asio::post(shared_.io, [take] { take({}); });
  socket_.watched().async_wait(Socket::wait_read, take);
}

void Connection::received(const error_code& error, size_t count) {
  reading_ = false;
  if (closed_) return finish_session();
  if (error) {
    // The session may still have something to write: it decides when to close.
    if (error == asio::error::eof) {
      at_end_ = true;
      events_.ended = true;
      return pump();
    }
    return end({Code::kUnavailable, error.message()});
  }
  const bool at_once = std::chrono::steady_clock::now() - asked_at_ < kLinger;
  prompt_run_ = at_once ? std::min(prompt_run_ + 1, kPromptRun) : 0;
  if (setup_.on_bytes) setup_.on_bytes(0, count);
  take_input({scratch().data(), count});
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
    end(count.error());
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

// The timer goes on through many waits, and is set anew only for an earlier one: most things come
// long before they are late.
void Connection::arm(int64_t timeout_ms, Lapse lapse) {
  lapse_ = lapse;
  deadline_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  if (!timer_waits_ || timer_.expiry() > *deadline_) wait_for_deadline();
}

void Connection::wait_for_deadline() {
  timer_waits_ = true;
  timer_.expires_at(*deadline_);
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    const std::lock_guard lock(self->mutex_);
    if (error || self->closed_) return;
    self->timer_waits_ = false;
    if (!self->deadline_) return;
    if (std::chrono::steady_clock::now() < *self->deadline_) return self->wait_for_deadline();
    self->lapsed(self->lapse_);
  });
}

void Connection::lapsed(Lapse lapse) {
  disarm();
  if (lapse == Lapse::kPeer) return end({Code::kUnavailable, "the peer does not go on"});
  events_.timed_out = true;
  pump();
}

// The peer shall get all that was written. TLS says that this is the end, so that the peer knows
// nothing was cut off; and the peer's own last bytes are read and dropped, for a socket closed with
// unread input resets the connection and takes what we wrote with it (RFC 9293 §3.6.1).
void Connection::say_goodbye() {
  arm(kGoodbyeMsMax, Lapse::kPeer);
  if (tls_)
    say_tls_end();
  else
    half_close();
}

void Connection::say_tls_end() {
  error_code error;  // whatever it is, there is no more to say
  const TlsStream::Wait wait = tls_->say_end(error);
  if (wait == TlsStream::Wait::kWritable) return when(wait, &Connection::say_tls_end);
  half_close();
}

void Connection::half_close() {
  if (closed_) return;
  ::shutdown(socket_.descriptor(), SHUT_WR);
  drain();
}

void Connection::drain() {
  socket_.watched().async_wait(Socket::wait_read, [self = shared_from_this()](error_code error) {
    const std::lock_guard lock(self->mutex_);
    if (self->closed_) return;
    if (!error) receive_plain(self->socket_.descriptor(), error);
    if (!error || error == asio::error::would_block) return self->drain();
    self->end({Code::kUnavailable, "closed"});
  });
}

void Connection::end(Error reason) {
  if (closed_) return;
  closed_ = true;
  reason_ = std::move(reason);
  disarm();
  timer_.cancel();
  ::shutdown(socket_.descriptor(), SHUT_RDWR);
  socket_.close();
  finish_session();
}

// The session may wait for the disk as it goes, so it goes on a worker, after its last job.
void Connection::finish_session() {
  if (working_ || session_finished_) return;
  session_finished_ = true;
  shared_.workers.post([self = shared_from_this()] {
    {
      const std::lock_guard lock(self->gate_->mutex);
      self->gate_->connection.reset();
    }
    self->session_.reset();
    if (self->setup_.on_end) self->setup_.on_end(self->reason_);
  });
}

}  // namespace gemel::net
