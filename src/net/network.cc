#include "net/network.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <future>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/log.h"
#include "base/network_range.h"
#include "net/connection.h"
#include "net/tls.h"

namespace gemel::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
using Endpoint = asio::generic::stream_protocol::endpoint;

constexpr int64_t kAcceptPauseMs = 100;  // after "too many open files"
constexpr auto kRefusalLogPause = std::chrono::seconds(10);

std::string text_of(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return fmt::format(fmt::runtime(endpoint.address().is_v6() ? "[{}]:{}" : "{}:{}"), address,
                     endpoint.port());
}

Error error_of(const error_code& error, std::string what) {
  Code code = Code::kUnavailable;
  if (error == asio::error::address_in_use) code = Code::kExists;
  if (error == asio::error::access_denied) code = Code::kDenied;
  return {code, std::move(what) + ": " + error.message()};
}

tcp::endpoint tcp_endpoint(const Endpoint& endpoint) {
  tcp::endpoint out;
  out.resize(endpoint.size());
  std::memcpy(out.data(), endpoint.data(), endpoint.size());
  return out;
}

bool is_unix(const Endpoint& endpoint) { return endpoint.protocol().family() == AF_UNIX; }

// Facts of an accepted or made connection for its session.
wire::SessionEnv env_of(const Socket& socket) {
  wire::SessionEnv env;
  error_code error;
  const Endpoint local = socket.local_endpoint(error);
  const Endpoint remote = socket.remote_endpoint(error);
  if (error || is_unix(local)) {
    env.peer_address = "unix";
    env.is_local = true;
    return env;
  }
  asio::ip::address peer = tcp_endpoint(remote).address();
  if (peer.is_v6() && peer.to_v6().is_v4_mapped())
    peer = asio::ip::make_address_v4(asio::ip::v4_mapped, peer.to_v6());
  env.peer_address = peer.to_string();
  env.is_local = peer.is_loopback();
  env.local_port = tcp_endpoint(local).port();
  return env;
}

// Makes way for a unix socket, but only where a dead one stands.
Result<void> clear_path(asio::io_context& io, const std::string& path) {
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return fail(Code::kInvalid, "the path of the socket is too long: " + path);
  struct stat there{};
  if (::lstat(path.c_str(), &there) != 0) return {};
  if (!S_ISSOCK(there.st_mode)) return fail(Code::kExists, path + " is there and is no socket");
  error_code error;
  asio::local::stream_protocol::socket probe(io);
  probe.connect(asio::local::stream_protocol::endpoint(path), error);
  if (!error) return fail(Code::kExists, path + " is in use by another server");
  ::unlink(path.c_str());
  return {};
}

void set_options(Socket& socket) {
  error_code ignored;  // a unix socket has neither
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
}

// What a session has to say later stands behind what its socket holds, and a socket takes megabytes
// on a slow link. Beyond what is on the wire it holds no more than this; that is enough to keep
// the wire busy.
void limit_unsent(tcp::socket& socket) {
  using NotSentBytesMax = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>;
  error_code ignored;
  socket.set_option(NotSentBytesMax(128 << 10), ignored);
}

}  // namespace

struct Network::Impl {
  struct Listener {
    Acceptor acceptor;
    ListenOptions options;
  };

  /// A connection being made.
  struct Attempt {
    explicit Attempt(asio::io_context& io) : resolver(io), socket(io), timer(io) {}
    void cancel() {
      error_code ignored;
      is_cancelled = true;
      resolver.cancel();
      socket.close(ignored);
    }
    tcp::resolver resolver;
    tcp::socket socket;
    asio::steady_timer timer;
    bool is_cancelled = false;
  };

  explicit Impl(NetworkOptions made)
      : options(made), guard(asio::make_work_guard(io)), workers(made.workers) {
    thread = std::thread([this] { io.run(); });
  }

  Result<std::string> bind(Acceptor& acceptor, const ListenOptions& listen);
  void accept(const std::shared_ptr<Listener>& listener);
  void accepted(Listener& listener, Socket socket);
  bool has_room_for(const ListenOptions& listen, const wire::SessionEnv& peer);
  bool make_room_for_client();
  void warn_of_refusal(std::string_view reason, const wire::SessionEnv& peer);
  /// `counted_as`: of a client, its address's network; empty for all others.
  void start(Socket socket, Connection::Setup setup, const std::string& counted_as);
  /// `tls` is null where there is none.
  void make_connection(const std::shared_ptr<ConnectOptions>& connect, const TlsContext& tls);
  void connected(ConnectOptions& connect, const TlsContext& tls, tcp::socket socket);
  void fail_connect(const ConnectOptions& connect, Error reason);
  void forget(uint64_t number, const std::string& counted_as);
  void count_down();
  /// Runs on the network thread and waits for it.
  void on_network(const std::function<void()>& task);

  NetworkOptions options;
  ClientContexts client_contexts;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard;
  Workers workers;
  std::thread thread;

  // The network thread's.
  std::list<std::shared_ptr<Listener>> listeners;
  std::map<uint64_t, std::shared_ptr<Connection>> open;  // as they came
  uint64_t next_number = 0;
  std::set<std::shared_ptr<Attempt>> attempts;
  size_t clients = 0;
  std::map<std::string, size_t> peer_connections;  // of clients, by network
  std::chrono::steady_clock::time_point next_refusal_log{};

  std::atomic<size_t> connections = 0;  // only the network thread changes it
  std::atomic<bool> stopping = false;
  std::mutex mutex;
  std::condition_variable all_gone;
};

Network::Network(NetworkOptions options) : impl_(std::make_unique<Impl>(options)) {}

Network::~Network() { stop(0); }

size_t Network::connections() const { return impl_->connections; }

void Network::post(std::function<void()> task) { impl_->workers.post(std::move(task)); }

void Network::after(int64_t delay_ms, std::function<void()> task) {
  auto timer = std::make_shared<asio::steady_timer>(impl_->io);
  timer->expires_after(std::chrono::milliseconds(delay_ms));
  timer->async_wait([impl = impl_.get(), timer, task = std::move(task)](const error_code& error) {
    if (!error && !impl->stopping) impl->workers.post(task);
  });
}

void Network::Impl::on_network(const std::function<void()>& task) {
  std::promise<void> done;
  asio::post(io, [&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

// --- listening ---

Result<std::string> Network::listen(ListenOptions options) {
  if (options.tls != ListenOptions::Tls::kNone && !options.identity)
    return fail(Code::kInvalid, "TLS needs a certificate");
  auto listener = std::make_shared<Impl::Listener>(Acceptor(impl_->io), std::move(options));
  TRY(std::string address, impl_->bind(listener->acceptor, listener->options));
  impl_->on_network([&] {
    impl_->listeners.push_back(listener);
    impl_->accept(listener);
  });
  return address;
}

Result<std::string> Network::Impl::bind(Acceptor& acceptor, const ListenOptions& listen) {
  error_code error;
  Endpoint endpoint;
  const bool is_tcp = listen.path.empty();
  const std::string name = is_tcp ? fmt::format("{}:{}", listen.host, listen.port) : listen.path;
  if (is_tcp) {
    const auto address = asio::ip::make_address(listen.host, error);
    if (error) return fail(Code::kInvalid, "\"" + listen.host + "\" is no address");
    endpoint = tcp::endpoint(address, listen.port);
  } else {
    TRY_OK(clear_path(io, listen.path));
    endpoint = asio::local::stream_protocol::endpoint(listen.path);
  }
  acceptor.open(endpoint.protocol(), error);
  if (!error && is_tcp) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  // Before listen() nobody can connect, so the mode holds for everyone.
  if (!error && !is_tcp && ::chmod(listen.path.c_str(), listen.mode) != 0)
    error.assign(errno, boost::system::system_category());
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return std::unexpected(error_of(error, "can't listen on " + name));
  return is_tcp ? text_of(tcp_endpoint(acceptor.local_endpoint(error))) : listen.path;
}

void Network::Impl::accept(const std::shared_ptr<Listener>& listener) {
  listener->acceptor.async_accept([this, listener](const error_code& error, Socket socket) {
    if (error == asio::error::operation_aborted || stopping) return;
    if (!error) {
      accepted(*listener, std::move(socket));
      return accept(listener);
    }
    log::warn("accept failed error=\"{}\"", error.message());
    auto timer =
        std::make_shared<asio::steady_timer>(io, std::chrono::milliseconds(kAcceptPauseMs));
    timer->async_wait([this, listener, timer](const error_code&) {
      if (!stopping) accept(listener);
    });
  });
}

void Network::Impl::warn_of_refusal(std::string_view reason, const wire::SessionEnv& peer) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_refusal_log) return;
  next_refusal_log = now + kRefusalLogPause;
  log::warn("connection refused reason=\"{}\" peer={} open={}", reason, peer.peer_address,
            connections.load());
}

// One that is closed gives its place back a moment later, which connections_max leaves room for.
bool Network::Impl::make_room_for_client() {
  if (clients < options.client_connections_max) return true;
  for (const auto& [number, connection] : open)
    if (connection->gives_way({Code::kUnavailable, "a newer connection took its place"}))
      return true;
  return false;
}

bool Network::Impl::has_room_for(const ListenOptions& listen, const wire::SessionEnv& peer) {
  const bool is_client = listen.whom == ListenOptions::For::kClients;
  const auto found = peer_connections.find(network_of(peer.peer_address));
  const bool is_counted = is_client && peer.local_port != 0;  // not on unix sockets
  if (is_counted && found != peer_connections.end() &&
      found->second >= options.peer_connections_max) {
    warn_of_refusal("too many from one address", peer);
    return false;
  }
  if (connections < options.connections_max && (!is_client || make_room_for_client())) return true;
  warn_of_refusal("too many connections", peer);
  return false;
}

void Network::Impl::accepted(Listener& listener, Socket socket) {
  Connection::Setup setup;
  setup.env = env_of(socket);
  if (!has_room_for(listener.options, setup.env)) return;
  setup.session = listener.options.session;
  setup.identity = listener.options.identity;
  setup.tls_first = listener.options.tls == ListenOptions::Tls::kImplicit;
  setup.env.can_tls = listener.options.tls == ListenOptions::Tls::kStartTls;
  setup.alpn = listener.options.alpn;
  if (setup.identity) {
    setup.tls_facts = std::make_shared<wire::TlsFacts>();
    setup.env.tls = setup.tls_facts;
  }
  ++connections;
  std::string counted_as;
  if (listener.options.whom == ListenOptions::For::kClients) {
    setup.may_be_stranger = true;
    counted_as = network_of(setup.env.peer_address);
    ++clients;
    ++peer_connections[counted_as];
  }
  start(std::move(socket), std::move(setup), counted_as);
}

// The connection is counted already.
void Network::Impl::start(Socket socket, Connection::Setup setup, const std::string& counted_as) {
  set_options(socket);
  const uint64_t number = next_number++;
  // The connection is forgotten when its session is gone.
  setup.on_end = [this, number, then = std::move(setup.on_end), counted_as](const Error& reason) {
    if (then) then(reason);
    asio::post(io, [this, number, counted_as] { forget(number, counted_as); });
  };
  auto connection = std::make_shared<Connection>(
      Shared{.io = io, .workers = workers, .write_stall_ms_max = options.write_stall_ms_max},
      std::move(socket), std::move(setup));
  open.emplace(number, connection);
  connection->start();
  if (stopping) connection->shut_down();
}

void Network::Impl::forget(uint64_t number, const std::string& counted_as) {
  open.erase(number);
  if (!counted_as.empty()) {
    --clients;
    const auto found = peer_connections.find(counted_as);
    if (--found->second == 0) peer_connections.erase(found);
  }
  count_down();
}

void Network::Impl::count_down() {
  const std::lock_guard lock(mutex);
  --connections;
  all_gone.notify_all();
}

// --- connecting ---

void Network::connect(ConnectOptions options) {
  auto connect = std::make_shared<ConnectOptions>(std::move(options));
  // To read the certificates of CAs takes long, so the network thread does not.
  Result<TlsContext> tls =
      connect->tls ? impl_->client_contexts.find(*connect->tls) : Result<TlsContext>();
  asio::post(impl_->io, [impl = impl_.get(), connect, tls = std::move(tls)] {
    ++impl->connections;
    if (!tls) return impl->fail_connect(*connect, tls.error());
    impl->make_connection(connect, *tls);
  });
}

void Network::Impl::fail_connect(const ConnectOptions& connect, Error reason) {
  workers.post([this, on_end = connect.on_end, reason = std::move(reason)] {
    on_end(reason);
    asio::post(io, [this] { count_down(); });
  });
}

void Network::Impl::make_connection(const std::shared_ptr<ConnectOptions>& connect,
                                    const TlsContext& tls) {
  if (stopping) return fail_connect(*connect, {Code::kUnavailable, "the server is stopping"});
  auto attempt = std::make_shared<Attempt>(io);
  attempts.insert(attempt);
  attempt->timer.expires_after(std::chrono::milliseconds(connect->connect_timeout_ms));
  attempt->timer.async_wait([attempt](const error_code& error) {
    if (!error) attempt->cancel();
  });
  const auto made = [this, connect, tls, attempt](const error_code& error, const tcp::endpoint&) {
    attempt->timer.cancel();
    attempts.erase(attempt);
    if (!error) return connected(*connect, tls, std::move(attempt->socket));
    const std::string what = fmt::format("can't connect to {}:{}", connect->host, connect->port);
    fail_connect(*connect, attempt->is_cancelled ? Error{Code::kUnavailable, what + ": no answer"}
                                                 : error_of(error, what));
  };
  attempt->resolver.async_resolve(
      connect->host, std::to_string(connect->port),
      [attempt, made](const error_code& error, const tcp::resolver::results_type& found) {
        if (error) return made(error, {});
        if (attempt->is_cancelled) return made(asio::error::operation_aborted, {});
        asio::async_connect(attempt->socket, found, made);
      });
}

void Network::Impl::connected(ConnectOptions& connect, const TlsContext& tls, tcp::socket socket) {
  Connection::Setup setup;
  setup.session = connect.session;
  setup.on_bytes = connect.on_bytes;
  setup.on_end = connect.on_end;
  if (connect.tls) {
    setup.client_tls = tls;
    setup.server_name = connect.tls->server_name;
    setup.tls_first = connect.tls->when == ConnectOptions::Tls::When::kFirst;
  }
  limit_unsent(socket);
  Socket generic(std::move(socket));
  setup.env = env_of(generic);
  setup.env.can_tls = setup.client_tls != nullptr && !setup.tls_first;
  start(std::move(generic), std::move(setup), "");
}

// --- stopping ---

void Network::stop(int64_t grace_ms) {
  if (impl_->stopping.exchange(true)) return;
  impl_->on_network([&] {
    for (const auto& listener : impl_->listeners) {
      error_code ignored;
      listener->acceptor.close(ignored);
      if (!listener->options.path.empty()) ::unlink(listener->options.path.c_str());
    }
    const auto attempts = impl_->attempts;
    for (const auto& attempt : attempts) attempt->cancel();
    const auto open = impl_->open;
    for (const auto& [number, connection] : open) connection->shut_down();
  });
  const auto gone = [&] { return impl_->connections == 0; };
  std::unique_lock lock(impl_->mutex);
  if (!impl_->all_gone.wait_for(lock, std::chrono::milliseconds(grace_ms), gone)) {
    lock.unlock();
    impl_->on_network([&] {
      const auto open = impl_->open;
      for (const auto& [number, connection] : open)
        connection->close({Code::kUnavailable, "the server is stopping"});
    });
    lock.lock();
    impl_->all_gone.wait(lock, gone);
  }
  lock.unlock();
  impl_->workers.join();
  impl_->guard.reset();
  impl_->io.stop();
  impl_->thread.join();
}

}  // namespace gemel::net
