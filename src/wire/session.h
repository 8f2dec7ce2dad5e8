// A protocol session without I/O: bytes in, bytes out. IMAP, LMTP, the sync link's two ends and the
// admin protocol are sessions; net runs them on sockets, tests on strings, the simulator in a world
// of its own.
//
// Threads  one at a time. receive, wake, produce, timed_out, end_of_input, shut_down may wait for
// the
//          disk, so they are never called on a network thread. SessionEnv::wake may be called from
//          any thread at any time, also after the session has ended.
// The loop of whoever runs it:
//   produce until it has nothing more; write; then by want(): read and receive, or wait for wake,
//   or start TLS or compression and produce again, or close.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "wire/tls_facts.h"

namespace gemel::wire {

/// What the session wants when its output so far has been written.
enum class Want {
  kInput,  // more bytes; wake() may come meanwhile
  kMore,   // call produce again once what it gave is on its way
  kWake,   // nothing, not even input, until wake()
  kTls,    // handshake now, by the side that connected as the client, drop what was read in plain
           // text before it, call tls_started
  kCompression,  // compress both directions from the next byte on (see Session::compression)
  kClose,        // close after the output is written
};

/// kZstdAnswers: what a peer reads as kZstdWords, made with more care for what is short; for the
/// end that says little.
enum class Compression { kNone, kDeflate, kZstd, kZstdWords, kZstdAnswers };

/// Facts about the connection, and the way to wake its session.
struct SessionEnv {
  std::string peer_address;                  // "127.0.0.1", "::1", or "unix"
  uint16_t local_port = 0;                   // 0 on a unix socket
  bool is_local = false;                     // a unix socket or the loopback
  bool is_tls = false;                       // TLS from the first byte
  bool can_tls = false;                      // a certificate is there: STARTTLS may be offered
  std::shared_ptr<const TlsFacts> tls = {};  // what they are is known once TLS is on
  std::function<void()> wake = [] {};        // schedules Session::wake; cheap, any thread
  std::function<void(int64_t delay_ms)> wake_after = [](int64_t) {};  // once; as wake
};

class Session {
 public:
  virtual ~Session() = default;

  /// Bytes from the peer, at most 64 KiB at once, only while want() is kInput. They are taken in
  /// whole; the session bounds what it keeps and stops wanting input where it must.
  virtual void receive(std::string_view bytes) = 0;

  /// Appends about `bytes_max` bytes of output to `out` (more by at most one indivisible piece) and
  /// does the work that makes them. The first call gives the greeting. Nothing appended means that
  /// there is nothing to say now.
  virtual void produce(std::string& out, size_t bytes_max) = 0;

  /// Asked after each produce.
  virtual Want want() const = 0;

  /// Something that the session asked to be told of has happened (a change in the store, a lapse).
  virtual void wake() {}

  /// The TLS handshake asked for is done.
  virtual void tls_started() {}
  virtual Compression compression() const { return Compression::kNone; }

  /// The peer has yet to say who it is. Where there are no places left, such a connection makes way
  /// for a new one. Asked after each produce.
  virtual bool is_stranger() const { return false; }

  /// How long to wait for input before timed_out(), in milliseconds; asked each time input is
  /// awaited. With 0 none is awaited.
  virtual std::optional<int64_t> input_timeout_ms() const { return std::nullopt; }
  /// No input came: say goodbye in what produce gives, then want kClose.
  virtual void timed_out() = 0;

  /// The peer will send nothing more.
  virtual void end_of_input() = 0;

  /// The server is stopping: finish the command under way, say goodbye, then want kClose.
  virtual void shut_down() = 0;
};

/// Makes the session of one connection; it may be called from any thread.
using SessionFactory = std::function<std::unique_ptr<Session>(SessionEnv)>;

}  // namespace gemel::wire
