// One connection of a feed: the client's side of NNTP.
//
// Owns     what was received and not yet used; at most kFeedWindowMax articles by name.
// Threads  as wire::Session.
// Source   as nntp/feed.h.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "nntp/answer.h"
#include "nntp/feed.h"

namespace gemel::nntp {

class FeedSession final : public wire::Session {
 public:
  FeedSession(Feed& feed, wire::SessionEnv env);
  ~FeedSession() override;

  void receive(std::string_view bytes) override;
  void produce(std::string& out, size_t bytes_max) override;
  wire::Want want() const override;
  void wake() override { has_news_ = true; }
  void tls_started() override;
  std::optional<int64_t> input_timeout_ms() const override;
  void timed_out() override;
  void end_of_input() override { is_closing_ = true; }
  void shut_down() override { quit(); }

 private:
  using Item = FeedQueue::Item;
  // What the next line of the peer answers to.
  enum class Stage : uint8_t {
    kGreeting,
    kStartTls,
    kUser,
    kPass,
    kModeStream,
    kFeeding,
    kQuit,
  };
  enum class Ask : uint8_t { kCheck, kTakethis, kIhave, kIhaveArticle };
  struct Asked {
    Ask ask;
    Item item;
  };

  static bool answers(Ask ask, int code);
  void take_line(std::string_view line);
  void take_setup_answer(int code, std::string_view line);
  void take_feed_answer(int code, std::string_view line);
  void begin_login();
  void begin_feeding();
  void settle(const Item& item, uint64_t FeedStatus::* counter);
  void defer(Item item);
  bool make_output();
  bool offer_next();
  Result<std::optional<Item>> next_item();
  void send_article(Asked asked);
  void fail_with(Error error);
  void quit();
  void save();

  Feed& feed_;
  const FeedOptions& options_;
  wire::SessionEnv env_;
  Watch watch_;
  Stage stage_ = Stage::kGreeting;
  bool is_streaming_ = false;
  std::string input_;
  std::string output_;
  std::deque<Asked> asked_;                 // in the order of the answers
  std::deque<Item> wanted_;                 // the peer said 238, or is to be sent an article
  std::deque<Item> deferred_;               // to be offered again
  int64_t deferred_ms_ = 0;                 // when the last one was deferred
  std::unique_ptr<ArticleAnswer> article_;  // being sent
  bool has_news_ = true;
  bool has_more_ = false;
  bool is_starting_tls_ = false;
  bool is_closing_ = false;
};

}  // namespace gemel::nntp
