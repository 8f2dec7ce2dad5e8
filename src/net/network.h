// Sockets for sessions: listens, connects, and runs each wire::Session on its connection.
//
// Owns     descriptors, TLS, compression layers, timers, one network thread and a pool of workers.
//          Knows no mail.
// Threads  any, for every call; stop() and the destructor not from a session or a task. The network
//          thread sees what comes and never waits; sessions run on workers, each on one at a time,
//          and may wait there. A worker sends what its session says, and takes what comes
//          meanwhile.
// Limits   at most 64 KiB are read before a session gets them, and nothing is read while its output
//          waits to be written: a peer that does not read costs one piece of output.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "wire/session.h"

namespace gemel::net {

struct NetworkOptions {
  int workers = 64;                        // sessions that wait for the disk at the same time
  size_t connections_max = 21'000;         // of all kinds; more are closed as soon as accepted
  size_t client_connections_max = 20'000;  // of them, of listeners for clients
  size_t peer_connections_max = 5'000;     // the same, of one network_of(address)
  int64_t write_stall_ms_max = 300'000;    // a peer that reads nothing for so long is dropped
};

/// What a server shows of itself, and whose clients' certificates it believes. PEM files.
struct TlsFiles {
  struct Certificate {
    std::string certificate_file;
    std::string key_file;
  };
  /// A client that names a host (SNI, RFC 6066 §3) gets the first that is for it; one that names
  /// none, or another, the first of all.
  std::vector<Certificate> certificates = {};
  std::string client_ca_file = {};  // empty: clients are not asked for certificates
  /// What in a client's certificate is a userid.
  enum class ClientName : uint8_t {
    kEmail,
    kLocalPart,
    kCommonName
  } client_name = ClientName::kEmail;
};

/// The files, read. Reloading changes it for new handshakes only.
class TlsIdentity {
 public:
  /// Errors: kNotFound, kInvalid, naming the file and what is wrong with it.
  static Result<std::shared_ptr<TlsIdentity>> load(const TlsFiles& files);
  /// Reads `files` in place of what is in use. On an error that stays in use.
  Result<void> reload(const TlsFiles& files);
  ~TlsIdentity();

 private:
  friend class Network;
  friend class Connection;
  struct State;
  explicit TlsIdentity(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct ListenOptions {
  std::string host = {};  // an address, for TCP
  uint16_t port = 0;      // 0: one that is free
  std::string path = {};  // a unix socket instead; one that nobody listens on is replaced
  unsigned mode = 0600;   // of the unix socket
  enum class Tls : uint8_t { kNone, kStartTls, kImplicit } tls = Tls::kNone;
  std::shared_ptr<TlsIdentity> identity = {};  // for kStartTls and kImplicit
  /// Names of the protocol (RFC 7301); a client that names only others is refused, so that nothing
  /// meant for another server reaches this one. Empty: none is agreed on.
  std::vector<std::string> alpn = {};
  /// Clients share places of their own: one that finds none free takes that of the connection which
  /// has been a stranger (wire::Session::is_stranger) for longest, and is closed if there is none.
  enum class For : uint8_t { kServers, kClients } whom = For::kServers;
  wire::SessionFactory session = {};
};

struct ConnectOptions {
  std::string host = {};
  uint16_t port = 0;
  struct Tls {
    std::string ca_file = {};      // empty: the system's
    std::string server_name = {};  // that the certificate must have
    enum class Least : uint8_t { kTls13, kTls12 } least = Least::kTls13;
    /// kAsked: when the session wants it (Want::kTls); it may be offered can_tls.
    enum class When : uint8_t { kFirst, kAsked } when = When::kFirst;
  };
  std::unique_ptr<Tls> tls = {};  // none: plain text
  int64_t connect_timeout_ms = 10'000;
  wire::SessionFactory session = {};
  /// Bytes on the wire before TLS, after compression, as they go. One call at a time; be quick.
  std::function<void(uint64_t sent, uint64_t received)> on_bytes = [](uint64_t, uint64_t) {};
  /// Called once, when the connection has ended or could not be made; the text says why. The
  /// session is gone by then. On a worker.
  std::function<void(Error reason)> on_end = [](const Error&) {};
};

class Network {
 public:
  explicit Network(NetworkOptions options);
  /// As stop(0).
  ~Network();

  /// Returns "address:port" or the path as it really is. Errors: kExists, the address is in use or
  /// the path is no socket; kDenied; kInvalid, also for TLS without an identity.
  Result<std::string> listen(ListenOptions options);

  void connect(ConnectOptions options);

  /// Runs `task` on a worker after `delay_ms`, unless the network stops before.
  void after(int64_t delay_ms, std::function<void()> task);
  /// Runs `task` on a worker soon.
  void post(std::function<void()> task);

  /// Accepts no more; tells every session to shut down; after `grace_ms` closes what is left.
  /// Returns when all sessions are gone. Call once.
  void stop(int64_t grace_ms);

  /// Connections of both kinds, those being made too.
  size_t connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gemel::net
