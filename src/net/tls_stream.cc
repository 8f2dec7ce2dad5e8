#include "net/tls_stream.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>

#include "base/check.h"

namespace gemel::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {
// A handshake with long chains of certificates takes some ten.
constexpr int kIdleRecordsMax = 64;
}  // namespace

// OpenSSL's own method writes by write(), which kills the process when the peer is gone, and would
// wait on a socket that may block.
const BIO_METHOD* TlsStream::socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    CHECK(made != nullptr);
    BIO_meth_set_read(made, read_socket);
    BIO_meth_set_write(made, write_socket);
    BIO_meth_set_ctrl(made, control_socket);
    return made;
  }();
  return method;
}

int TlsStream::read_socket(BIO* bio, char* room, int size) {
  auto* const self = static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self->idle_records_ > kIdleRecordsMax) {
    errno = EPROTO;
    return -1;
  }
  const ssize_t got = ::recv(self->descriptor_, room, static_cast<size_t>(size), MSG_DONTWAIT);
  // An end without a goodbye would fail the whole state, and nothing more could be said.
  if (got == 0) self->is_at_end_ = true;
  if (got == 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) BIO_set_retry_read(bio);
  return got > 0 ? static_cast<int>(got) : -1;
}

int TlsStream::write_socket(BIO* bio, const char* bytes, int size) {
  auto* const self = static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t sent =
      ::send(self->descriptor_, bytes, static_cast<size_t>(size), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

long TlsStream::control_socket(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;  // nothing is held back
}

void TlsStream::note_message(int is_ours, int /*version*/, int type, const void* /*bytes*/,
                             size_t /*size*/, SSL* /*tls*/, void* self) {
  if (is_ours == 0 && type == SSL3_RT_HEADER) ++static_cast<TlsStream*>(self)->idle_records_;
}

TlsStream::TlsStream(SSL_CTX* context, int descriptor, Side side)
    : descriptor_(descriptor), tls_(SSL_new(context)) {
  BIO* const bio = BIO_new(socket_method());
  CHECK(tls_ && bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls_.get(), bio, bio);
  SSL_set_mode(tls_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS);
  SSL_set_msg_callback(tls_.get(), note_message);
  SSL_set_msg_callback_arg(tls_.get(), this);
  if (side == Side::kClient)
    SSL_set_connect_state(tls_.get());
  else
    SSL_set_accept_state(tls_.get());
}

TlsStream::Wait TlsStream::handshake(error_code& error) {
  if (failed_) return wait_after(-1, error);
  ERR_clear_error();
  return wait_after(SSL_do_handshake(tls_.get()), error);
}

TlsStream::Wait TlsStream::say_end(error_code& error) {
  if (failed_) return wait_after(-1, error);
  ERR_clear_error();
  const int result = SSL_shutdown(tls_.get());
  return result == 0 ? wait_after(1, error) : wait_after(result, error);  // 0: it is said
}

// Calls move(done, count) until `size` bytes are done or `error` says why no more are; it sets
// count to how many it did.
template <class Move>
size_t TlsStream::move_all(size_t size, Move move, error_code& error) {
  size_t done = 0;
  error = {};
  while (done < size) {
    size_t count = 0;
    ERR_clear_error();
    const int result = failed_ ? -1 : move(done, count);
    if (wait_after(result, error) != Wait::kNothing) error = asio::error::would_block;
    if (error) break;
    done += count;
  }
  return done;
}

size_t TlsStream::receive(std::span<char> room, error_code& error) {
  const auto read = [&](size_t done, size_t& count) {
    const int result = SSL_read_ex(tls_.get(), room.data() + done, room.size() - done, &count);
    if (result > 0) idle_records_ = 0;
    return result;
  };
  const size_t got = move_all(room.size(), read, error);
  if (got > 0) error = {};  // what ended it, the next call meets too
  return got;
}

size_t TlsStream::send(std::string_view bytes, error_code& error) {
  const auto write = [&](size_t done, size_t& count) {
    return SSL_write_ex(tls_.get(), bytes.data() + done, bytes.size() - done, &count);
  };
  return move_all(bytes.size(), write, error);
}

TlsStream::Wait TlsStream::wait_after(int result, error_code& error) {
  const int system_error = errno;
  error = failed_;
  if (failed_ || result > 0) return Wait::kNothing;
  const int reason = SSL_get_error(tls_.get(), result);
  if (reason == SSL_ERROR_WANT_WRITE) return Wait::kWritable;
  if (reason == SSL_ERROR_WANT_READ && !is_at_end_) return Wait::kReadable;
  // Of the peer's bytes only: it may still be told something.
  if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_ZERO_RETURN)
    error = asio::error::eof;
  else
    error = failed_ = failure(reason, system_error);
  return Wait::kNothing;
}

error_code TlsStream::failure(int reason, int system_error) {
  if (const unsigned long code = ERR_get_error(); code != 0)
    return {static_cast<int>(code), asio::error::get_ssl_category()};
  if (reason == SSL_ERROR_SYSCALL && system_error != 0)
    return {system_error, boost::system::system_category()};
  return asio::ssl::error::stream_truncated;
}

}  // namespace gemel::net
