// One connection: a socket, its TLS and compression layers, and the session that speaks on it.
//
// Threads  the session is made, runs and goes on workers, one job at a time: a job hands it what
//          has happened since (input, wakes, lapses) and lets it produce. The worker then sends the
//          output itself, takes the input that is there already, and goes on with it; so a command
//          costs one hand-over, from the network thread that saw it come, and none where the peer
//          has been so prompt for a while that the worker waits for its next one. Then the network
//          thread hears nothing of it, and the worker stays as long as no other session needs it.
//          What must wait longer waits on the network thread; handshakes are made there. The mutex
//          is held wherever anything but the session is touched, and never while the session works.
// Memory   idle, no buffer of its own, nor any of TLS but the state of its keys.
#pragma once

#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "net/network.h"
#include "net/tls_stream.h"
#include "net/watched_socket.h"
#include "net/workers.h"
#include "wire/compression.h"

namespace gemel::net {

/// What connections share with the network they belong to.
struct Shared {
  boost::asio::io_context& io;
  Workers& workers;
  int64_t write_stall_ms_max;
};

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  struct Setup {
    wire::SessionFactory session;
    std::shared_ptr<TlsIdentity> identity;  // as a server
    std::shared_ptr<boost::asio::ssl::context> client_tls;
    std::string server_name;
    bool tls_first = false;                          // before the session starts
    bool may_be_stranger = false;                    // gives_way() to others
    std::vector<std::string> alpn;                   // as a server
    std::shared_ptr<wire::TlsFacts> tls_facts = {};  // that env.tls shows, as a server
    wire::SessionEnv env;
    std::function<void(uint64_t, uint64_t)> on_bytes;
    std::function<void(Error)> on_end;  // on a worker, after the session is gone
  };

  Connection(Shared shared, Socket socket, Setup setup);
  ~Connection();

  /// Call once. These three on the network thread.
  void start();
  /// The session is told to end.
  void shut_down();
  /// At once.
  void close(Error reason);
  /// Closes it if nobody knows yet whose it is. False: it stays, or is closed already.
  bool gives_way(Error reason);

 private:
  // Through this the session's wake() finds its connection, from any thread. It is shut when the
  // session ends, so that no waker can touch a connection, or its network, that is going away.
  struct WakeGate {
    std::mutex mutex;
    std::weak_ptr<Connection> connection;
  };

  // What a job tells the session of, in this order.
  struct Events {
    std::string input;
    bool tls_started = false;
    bool woken = false;
    bool timed_out = false;
    bool ended = false;
    bool stopping = false;
    /// The session is told of these whatever it wants.
    bool are_urgent() const { return tls_started || woken || timed_out || stopping; }
  };
  struct Outcome {
    std::string output;
    wire::Want want = wire::Want::kClose;
    wire::Compression compression = wire::Compression::kNone;
    std::optional<int64_t> timeout_ms;
    bool is_stranger = false;
  };

  /// Of which wait the timer tells: the session's for input, or ours for a peer that must go on.
  enum class Lapse : uint8_t { kInput, kPeer };

  void handshake();
  void step_handshake();
  void handshake_done(const boost::system::error_code& error);
  void start_session();

  void pump();
  bool may_run() const;
  Events take_events();
  void work();
  Outcome run_job(const Events& events, std::string buffer);
  void session_ran(Outcome outcome);
  void act();

  void write(std::string bytes);
  void write_plain();
  void write_tls();
  void written(const boost::system::error_code& error, size_t count);

  void read();
  bool read_now();
  bool may_linger();
  void linger(std::unique_lock<std::mutex>& lock);
  size_t receive_now(boost::system::error_code& error);
  void received(const boost::system::error_code& error, size_t count);
  void take_input(std::string_view bytes);
  bool unpack();

  void start_compression();
  void arm(int64_t timeout_ms, Lapse lapse);
  void disarm() { deadline_.reset(); }
  void wait_for_deadline();
  void lapsed(Lapse lapse);
  void schedule_wake();
  void wake_after(int64_t delay_ms);
  void say_goodbye();
  void say_tls_end();
  /// Calls `step` when the socket is so, unless the connection is closed by then.
  void when(TlsStream::Wait wait, void (Connection::*step)());
  void half_close();
  void drain();
  void end(Error reason);
  void finish_session();

  Shared shared_;
  WatchedSocket socket_;
  std::shared_ptr<boost::asio::ssl::context> tls_context_;  // keeps what tls_ uses
  std::unique_ptr<TlsStream> tls_;
  Setup setup_;
  std::unique_ptr<wire::Session> session_;  // the job's, without the mutex

  std::mutex mutex_;
  // Guarded by mutex_, as all that follows but the gate.
  boost::asio::steady_timer timer_;
  bool timer_waits_ = false;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  Lapse lapse_ = Lapse::kPeer;  // at deadline_
  Events events_;
  wire::Want want_ = wire::Want::kMore;
  wire::Compression compression_ = wire::Compression::kNone;  // that the session wants next
  std::optional<int64_t> input_timeout_ms_;
  bool started_ = false;  // there is or will be a session
  bool working_ = false;
  bool turning_ = false;                                 // a worker acts, and may go on itself
  bool another_turn_ = false;                            // it shall
  bool lingers_ = false;                                 // it waits for input first
  int prompt_run_ = 0;                                   // how often in a row input came at once
  std::chrono::steady_clock::time_point asked_at_ = {};  // for input
  bool writing_ = false;
  bool reading_ = false;
  bool handshaking_ = false;
  bool at_end_ = false;  // the peer sends no more
  bool closed_ = false;
  bool session_finished_ = false;
  std::atomic<bool> is_stranger_;  // no mutex needed: the network looks at many
  const std::shared_ptr<WakeGate> gate_ = std::make_shared<WakeGate>();
  std::atomic<bool> wake_scheduled_ = false;
  std::string output_;  // being written
  size_t sent_ = 0;     // of output_, by TLS
  Error reason_{Code::kUnavailable, "closed"};

  std::unique_ptr<wire::Compressor> compressor_;
  std::unique_ptr<wire::Decompressor> decompressor_;
  bool holds_output_ = false;  // the compressor may hold output not yet flushed
  bool input_packed_ = false;  // the decompressor may hold input not yet read
};

}  // namespace gemel::net
