// One connection of a channel to a replica, in the simulated world: what either end says arrives
// late and in pieces, and may be cut at any byte.
#pragma once

#include <deque>
#include <memory>

#include "events.h"
#include "wire/session.h"

namespace gemel::sim {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Options {
    int64_t delay_ms = 1;            // one way
    std::function<void()> on_ended;  // once, in an event of its own
    /// What arrives at the receiver ('>') or the sender ('<').
    std::function<void(char, std::string_view)> on_bytes = [](char, std::string_view) {};
  };
  using Maker = std::function<std::unique_ptr<wire::Session>(wire::SessionEnv)>;
  Connection(Events& events, Dice& dice, Options options);

  /// Both ends begin to talk.
  void open(const Maker& sender, const Maker& receiver);
  /// The line is cut: of what is on the way, a part of the next piece still arrives.
  void cut();
  /// Both ends are told that it is over, in an event of its own.
  void end();
  /// As when a process dies: the sessions are gone at once, and nobody is told.
  void drop();
  bool is_open() const { return open_; }
  uint64_t bytes() const { return bytes_; }

 private:
  enum Side : size_t { kSender, kReceiver };
  struct End {
    std::unique_ptr<wire::Session> session;
    std::deque<std::string> inbox;   // has arrived, not taken yet
    std::deque<std::string> flying;  // on the way to it
    int64_t last_arrival_ms = 0;
    uint64_t received = 0;  // pieces, for the time-out
    bool compression_seen = false;
    bool closing = false;
  };
  static Side other(Side side) { return side == kSender ? kReceiver : kSender; }
  std::unique_ptr<wire::Session> make(Side side, const Maker& maker);
  void drive(Side side);
  void send(Side to, std::string bytes);
  void arrive(Side at);
  void take(Side side);
  void watch_time(Side side);
  void end_soon();

  Events& events_;
  Dice& dice_;
  Options options_;
  End ends_[2];
  bool open_ = false;
  uint64_t bytes_ = 0;
};

}  // namespace gemel::sim
