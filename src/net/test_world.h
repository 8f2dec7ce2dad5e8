// What the tests of net share: peers with plain blocking sockets, sessions that do as they are
// told, and a certificate. Tests only.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "net/network.h"

namespace gemel::net::testing {

/// Counts what happened on other threads, and waits for it. Threads: any.
class Counter {
 public:
  void add(uint64_t count) {
    const std::lock_guard lock(mutex_);
    value_ += count;
    changed_.notify_all();
  }
  uint64_t value() {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  void wait_for(uint64_t least) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return value_ >= least; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t value_ = 0;
};

/// Greets, and gives back what it gets; whole lines of these words do more:
/// bye, starttls, zstd, deflate; "flood" makes output without end.
class Echo final : public wire::Session {
 public:
  struct Watch {
    Counter produced;  // bytes
    Counter wakes;
    Counter received;  // bytes
    Counter ended;     // sessions
    std::atomic<size_t> largest_input = 0;
    std::function<void(std::function<void()>)> on_start = [](const std::function<void()>&) {};
    std::optional<int64_t> timeout_ms;
    bool greets_strangers = false;  // until they say a word
  };

  Echo(wire::SessionEnv env, Watch& watch) : env_(std::move(env)), watch_(watch) {
    out_ = "hello " + env_.peer_address + (env_.is_tls ? " tls\n" : "\n");
    watch_.on_start(env_.wake);
  }
  ~Echo() override { watch_.ended.add(1); }

  void receive(std::string_view bytes) override {
    const Alone alone(*this);
    EXPECT_EQ(want_, wire::Want::kInput);
    has_heard_ = true;
    watch_.largest_input = std::max(watch_.largest_input.load(), bytes.size());
    in_ += bytes;
  }
  void produce(std::string& out, size_t bytes_max) override {
    const Alone alone(*this);
    want_ = wire::Want::kInput;
    compression_ = wire::Compression::kNone;
    for (size_t end;
         (end = in_.find('\n')) != std::string::npos && !is_over_ && want_ == wire::Want::kInput;) {
      const std::string line = in_.substr(0, end + 1);
      in_.erase(0, end + 1);
      out_ += line;
      obey(line);
    }
    watch_.received.add(in_.size());
    if (!is_over_) out_ += in_;
    in_.clear();
    if (is_flooding_) out_.append(bytes_max - std::min(bytes_max, out_.size()), 'f');
    const std::string now = out_.substr(0, bytes_max);
    out_.erase(0, now.size());
    if (!out_.empty() || is_flooding_)
      want_ = wire::Want::kMore;
    else if (is_over_)
      want_ = wire::Want::kClose;
    watch_.produced.add(now.size());
    out += now;
  }
  wire::Want want() const override { return want_; }
  wire::Compression compression() const override { return compression_; }
  bool is_stranger() const override { return watch_.greets_strangers && !has_heard_; }
  void wake() override {
    const Alone alone(*this);
    watch_.wakes.add(1);
  }
  void tls_started() override { out_ += "secured\n"; }
  std::optional<int64_t> input_timeout_ms() const override { return watch_.timeout_ms; }
  void timed_out() override { say_last("late\n"); }
  void end_of_input() override { say_last("end\n"); }
  void shut_down() override { say_last("stopping\n"); }

 private:
  // One thread at a time.
  struct Alone {
    explicit Alone(Echo& made) : echo(made) { EXPECT_FALSE(echo.is_running_.exchange(true)); }
    ~Alone() { echo.is_running_ = false; }
    Echo& echo;
  };

  void say_last(std::string_view text) {
    out_ += text;
    is_over_ = true;
    is_flooding_ = false;
  }
  void obey(std::string_view line) {
    if (line == "bye\n") is_over_ = true;
    if (line == "flood\n") is_flooding_ = true;
    if (line == "starttls\n") want_ = wire::Want::kTls;
    if (line == "zstd\n" || line == "deflate\n") {
      want_ = wire::Want::kCompression;
      compression_ = line == "zstd\n" ? wire::Compression::kZstd : wire::Compression::kDeflate;
    }
    if (want_ == wire::Want::kTls) in_.clear();
  }

  wire::SessionEnv env_;
  Watch& watch_;
  std::string in_;
  std::string out_;
  wire::Want want_ = wire::Want::kInput;
  wire::Compression compression_ = wire::Compression::kNone;
  bool has_heard_ = false;
  bool is_over_ = false;
  bool is_flooding_ = false;
  std::atomic<bool> is_running_ = false;
};

inline wire::SessionFactory echo(Echo::Watch& watch) {
  return [&watch](wire::SessionEnv env) { return std::make_unique<Echo>(std::move(env), watch); };
}

/// The other end of a connection: blocking, so the order of things is the test's. A read waits at
/// most a minute, so that a failure ends.
class Peer {
 public:
  /// "127.0.0.1:1234", or the path of a unix socket.
  explicit Peer(const std::string& address) {
    const bool is_unix = address.starts_with('/');
    descriptor_ = ::socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
    const timeval minute{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof minute);
    if (is_unix) {
      sockaddr_un to{};
      to.sun_family = AF_UNIX;
      std::strncpy(to.sun_path, address.c_str(), sizeof to.sun_path - 1);
      EXPECT_EQ(::connect(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    } else {
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port =
          htons(static_cast<uint16_t>(*parse_number(address.substr(address.find(':') + 1))));
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      EXPECT_EQ(::connect(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    }
  }
  ~Peer() {
    SSL_free(tls_);
    SSL_CTX_free(context_);
    ::close(descriptor_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// True if the handshake went well.
  bool start_tls() { return start_tls({}); }
  struct TlsWish {
    std::string host = {};  // SNI
    std::string alpn = {};  // as on the wire: each name behind its length
    std::string certificate_file = {};
    std::string key_file = {};
    int version_max = TLS1_3_VERSION;
  };
  bool start_tls(const TlsWish& wish) {
    context_ = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context_, wish.version_max);
    if (!wish.certificate_file.empty()) {
      SSL_CTX_use_certificate_chain_file(context_, wish.certificate_file.c_str());
      SSL_CTX_use_PrivateKey_file(context_, wish.key_file.c_str(), SSL_FILETYPE_PEM);
    }
    tls_ = SSL_new(context_);
    if (!wish.host.empty()) SSL_set_tlsext_host_name(tls_, wish.host.c_str());
    if (!wish.alpn.empty())
      SSL_set_alpn_protos(tls_, reinterpret_cast<const unsigned char*>(wish.alpn.data()),
                          static_cast<unsigned>(wish.alpn.size()));
    SSL_set_fd(tls_, descriptor_);
    return SSL_connect(tls_) == 1;
  }
  SSL* tls() { return tls_; }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = tls_ != nullptr
                               ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                               : ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  /// Up to `count` bytes, fewer only at the end.
  std::string read(size_t count) {
    std::string out;
    while (out.size() < count) {
      const std::string piece = read_some(count - out.size());
      if (piece.empty()) break;
      out += piece;
    }
    return out;
  }
  std::string read_some(size_t count) {
    std::string out(std::min<size_t>(count, 64 << 10), '\0');
    const ssize_t got = tls_ != nullptr ? SSL_read(tls_, out.data(), static_cast<int>(out.size()))
                                        : ::recv(descriptor_, out.data(), out.size(), 0);
    out.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return out;
  }
  std::string read_line() {
    std::string out;
    while (!out.ends_with('\n')) {
      const std::string piece = read(1);
      if (piece.empty()) break;
      out += piece;
    }
    return out;
  }
  std::string read_to_end() { return read(SIZE_MAX); }
  void send_end() { ::shutdown(descriptor_, SHUT_WR); }
  /// `bytes` and TLS's goodbye, in one piece; the socket stays open.
  void send_with_goodbye(std::string_view bytes) {
    set_cork(1);
    send(bytes);
    SSL_shutdown(tls_);
    set_cork(0);
  }

 private:
  void set_cork(int is_on) {
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_CORK, &is_on, sizeof is_on);
  }

  int descriptor_ = -1;
  SSL_CTX* context_ = nullptr;
  SSL* tls_ = nullptr;
};

/// A socket that listens on the loopback, in place of a server.
class Listener {
 public:
  /// `received_bytes_max`: of a connection's buffer; 0: the system's.
  explicit Listener(int queue_max, int received_bytes_max = 0)
      : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (received_bytes_max > 0)
      ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &received_bytes_max,
                   sizeof received_bytes_max);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::bind(descriptor_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    CHECK(::listen(descriptor_, queue_max) == 0);
    socklen_t size = sizeof at;
    ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
  }
  ~Listener() { ::close(descriptor_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  uint16_t port() const { return port_; }
  /// The next connection; it is the caller's.
  int accept() const { return ::accept(descriptor_, nullptr, nullptr); }

 private:
  int descriptor_;
  uint16_t port_ = 0;
};

/// A directory that goes with the test.
class Directory {
 public:
  Directory() {
    std::string name = ::testing::TempDir() + "gemel-net-XXXXXX";
    CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// Writes a new key and a certificate for `name`, "mail.example", that it signs itself.
struct CertificateNames {
  const char* common = "mail.example";
  const char* alternative = "DNS:mail.example";
};
inline void make_certificate(const std::string& certificate_file, const std::string& key_file,
                             const CertificateNames& names_in_it = {}) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, key);
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(names_in_it.common), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_EXTENSION* const names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names_in_it.alternative);
  X509_add_ext(certificate, names, -1);
  CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
  BIO* const certificate_out = BIO_new_file(certificate_file.c_str(), "w");
  CHECK(PEM_write_bio_X509(certificate_out, certificate) == 1);
  BIO* const key_out = BIO_new_file(key_file.c_str(), "w");
  CHECK(PEM_write_bio_PrivateKey(key_out, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  BIO_free(certificate_out);
  BIO_free(key_out);
  X509_EXTENSION_free(names);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

}  // namespace gemel::net::testing
