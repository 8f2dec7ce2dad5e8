// Empties the outbox: over a connection to a relay, or by a sendmail command for each message.
//
// Owns     one thread, which waits most of the time.
// Threads  the constructor and destructor on one thread.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "bin/config_delivery.h"
#include "net/network.h"
#include "outgoing/queue.h"
#include "outgoing/relay_session.h"

namespace gemel::bin {

struct OutgoingSetup {
  OutgoingConfig config;
  std::string hostname;
};

class Outgoing {
 public:
  /// What is passed must outlive this.
  Outgoing(MailStore& store, Outbox& outbox, net::Network& network, OutgoingSetup setup);
  /// Call stop() and stop the network first.
  ~Outgoing();

  /// No mail leaves any more, but for what is under way.
  void stop();

 private:
  void run();
  void wait();
  void wake();
  bool is_stopping();
  void relay();
  void run_commands();

  MailStore& store_;
  Outbox& outbox_;
  net::Network& network_;
  OutgoingSetup setup_;
  outgoing::Queue queue_;
  outgoing::RelayOptions relay_options_;
  std::mutex mutex_;
  std::condition_variable woken_;
  // Under mutex_.
  bool has_news_ = true;
  bool is_connected_ = false;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace gemel::bin
