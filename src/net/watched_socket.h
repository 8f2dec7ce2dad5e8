// A connection's socket, of which the network thread hears only while it waits for it: what comes
// on a socket that its reactor knows wakes that thread, whether or not anything waits there.
//
// Owns     the descriptor. Threads  one at a time.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <utility>

namespace gemel::net {

using Socket = boost::asio::generic::stream_protocol::socket;

class WatchedSocket {
 public:
  explicit WatchedSocket(Socket socket)
      : socket_(std::move(socket)), descriptor_(socket_.native_handle()) {}
  WatchedSocket(const WatchedSocket&) = delete;
  WatchedSocket& operator=(const WatchedSocket&) = delete;
  ~WatchedSocket() { close(); }

  /// -1 once it is closed.
  int descriptor() const { return descriptor_; }

  /// To wait for it on the network thread. Cost: some system calls, if it was not watched.
  Socket& watched() {
    boost::system::error_code error;  // it is not open then, which all that waits for it is told
    // Of the protocol only the type counts.
    if (!socket_.is_open()) socket_.assign({AF_UNSPEC, 0}, descriptor_, error);
    return socket_;
  }

  /// Until watched() is called. Nothing may wait for it.
  void unwatch() {
    boost::system::error_code ignored;  // then it goes on to be watched
    if (socket_.is_open()) socket_.release(ignored);
  }

  /// All that waits for it is told so.
  void close() {
    boost::system::error_code ignored;
    if (socket_.is_open())
      socket_.close(ignored);
    else if (descriptor_ >= 0)
      ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  Socket socket_;
  int descriptor_;
};

}  // namespace gemel::net
