// Newsgroups as the configuration wants them: NNTP sessions, the message-id index, and the feeds to
// other servers.
//
// Owns     one thread, which follows the index and makes the feeds' connections.
// Threads  make(), start(), stop() and the destructor on one thread; sessions on any.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "admin/services.h"
#include "bin/config.h"
#include "net/network.h"
#include "nntp/feed.h"
#include "nntp/options.h"

namespace gemel::bin {

class News {
 public:
  /// All must outlive this. `outbox`: null where no mail leaves.
  struct Parts {
    MailStore& store;
    const AccessOptions& access;
    wire::CredentialSource& users;
    Outbox* outbox;
    AckGate& ack_gate;
    std::string server_secret;
    wire::LoginServices login;
  };
  static std::unique_ptr<News> make(const Config& config, const Parts& parts);
  /// Stop it, and then the network, first.
  ~News();

  wire::SessionFactory sessions() const;
  std::vector<admin::NewsFeedStatus> feeds() const;
  /// The index is followed and the feeds run until stop(). Call once.
  void start(net::Network& network);
  void stop();

 private:
  struct Line;  // a feed and how its connection stands

  News(const Config& config, const Parts& parts);
  void make_options(const Parts& parts, const nntp::Limits& limits);
  void make_lines();
  void run(net::Network& network);
  void work(net::Network& network);
  void look_at(Line& line, net::Network& network);
  void connect(Line& line, net::Network& network);
  void ended(Line& line, const Error& reason);
  void sweep();
  void wake();

  const NewsConfig& config_;
  MailStore& store_;
  const std::string hostname_;
  nntp::History history_;
  std::shared_ptr<const nntp::Options> options_;
  std::vector<std::unique_ptr<Line>> lines_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool has_news_ = true;   // under mutex_
  bool stopping_ = false;  // under mutex_
  int64_t swept_ms_ = 0;
  std::thread thread_;
};

}  // namespace gemel::bin
