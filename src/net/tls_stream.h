// TLS on a socket, without waiting: OpenSSL reads and writes the socket itself, so between records
// nothing is kept but the state of the keys.
//
// Owns     OpenSSL's state of one connection; not the socket.
// Threads  one call at a time, from any thread.
// Limits   kIdleRecordsMax records that bring no bytes: the peer can send no end of them (new keys,
//          empty records; RFC 8446 §4.6.3, D.4), and OpenSSL would read on and on.
// Source   RFC 8446, RFC 5246; SSL_read(3), SSL_write(3), BIO_meth_new(3).
#pragma once

#include <openssl/ssl.h>

#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace gemel::net {

class TlsStream {
 public:
  enum class Side : uint8_t { kServer, kClient };
  /// What a step that could not be finished waits for the socket to be.
  enum class Wait : uint8_t { kNothing, kReadable, kWritable };

  /// `context` must outlive it, and the socket `descriptor` too.
  TlsStream(SSL_CTX* context, int descriptor, Side side);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;
  ~TlsStream() = default;

  SSL* native_handle() { return tls_.get(); }

  /// One step; call it again when the socket is what it waits for. With kNothing it is over:
  /// without `error` it succeeded.
  Wait handshake(boost::system::error_code& error);
  /// Tells the peer that this is the end (close_notify). The same.
  Wait say_end(boost::system::error_code& error);

  /// How many bytes were there; if none, would_block, eof however the stream ended, or what failed.
  size_t receive(std::span<char> room, boost::system::error_code& error);
  /// How many bytes it took; if not all, `error` says why. After would_block the next call must
  /// begin with the bytes that were not taken.
  size_t send(std::string_view bytes, boost::system::error_code& error);
  /// Has it something to receive of which the socket will not tell, for it was read with what came
  /// before: bytes, the peer's goodbye, or what makes the stream fail?
  bool has_more() const {
    return failed_ || SSL_pending(tls_.get()) > 0 ||
           (SSL_get_shutdown(tls_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }

 private:
  struct Free {
    void operator()(SSL* tls) const { SSL_free(tls); }
  };
  static const BIO_METHOD* socket_method();
  static int read_socket(BIO* bio, char* room, int size);
  static int write_socket(BIO* bio, const char* bytes, int size);
  static long control_socket(BIO* bio, int command, long number, void* pointer);
  static void note_message(int is_ours, int version, int type, const void* bytes, size_t size,
                           SSL* tls, void* self);

  template <class Move>
  size_t move_all(size_t size, Move move, boost::system::error_code& error);
  Wait wait_after(int result, boost::system::error_code& error);
  boost::system::error_code failure(int reason, int system_error);

  const int descriptor_;
  bool is_at_end_ = false;            // the peer sends nothing more
  int idle_records_ = 0;              // received since there were last bytes in one
  boost::system::error_code failed_;  // what cannot be repaired: it stays
  std::unique_ptr<SSL, Free> tls_;
};

}  // namespace gemel::net
