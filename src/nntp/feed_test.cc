// The client's side of a feed: against our own sessions, and against peers that say what they like.
#include "nntp/feed.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "nntp/test_world.h"

namespace gemel::nntp {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class NntpFeed : public testing::Test {
 protected:
  static FeedOptions to_them() {
    return {.name = "them", .peer_path_name = "them.example", .groups = *Wildmat::parse("test.*")};
  }
  /// Lives as long as the test.
  Feed* make_feed(FeedOptions options = to_them()) {
    feeds_.push_back(std::make_unique<Feed>(Feed::Setup{.store = world_.store(),
                                                        .clock = world_.clock(),
                                                        .prefix = "news",
                                                        .path_identity = "us.example.org"},
                                            std::move(options)));
    return feeds_.back().get();
  }
  void append(std::string_view group, int number, std::string_view more = "") {
    world_.append(
        group, fmt::format("Path: us.example.org!old.example!x\r\nFrom: a@b\r\nNewsgroups: {}\r\n{}"
                           "Subject: {}\r\nDate: Mon, 24 Nov 2025 15:00:00 +0000\r\n"
                           "Message-ID: <{}@x>\r\n\r\n.text\r\n",
                           group, more, number, number));
  }

  // --- one connection ---
  std::string connect(Feed& feed) {
    session_ = feed.connect({.peer_address = "192.0.2.9", .can_tls = true});
    return pump();
  }
  std::string pump() {
    std::string out;
    do {
      session_->produce(out, 4096);
    } while (session_->want() == wire::Want::kMore);
    return out;
  }
  std::string hear(std::string_view bytes) {
    session_->receive(bytes);
    return pump();
  }
  void end(Feed& feed, std::string_view reason = "the peer closed the connection") {
    session_.reset();
    feed.disconnected({Code::kUnavailable, std::string(reason)});
  }
  bool is_closed() const { return session_->want() == wire::Want::kClose; }
  /// Ready to feed a peer that streams, or one that does not.
  std::string begin(Feed& feed, std::string_view mode_answer = "203 ok\r\n") {
    connect(feed);
    EXPECT_EQ(hear("200 hello\r\n"), "MODE STREAM\r\n");
    return hear(mode_answer);
  }

  World world_;
  std::vector<std::unique_ptr<Feed>> feeds_;
  std::unique_ptr<wire::Session> session_;
};

TEST_F(NntpFeed, BringsArticlesToAnotherServerOnce) {
  append("test.one", 1);
  append("test.two", 2);
  World other;
  other.change_options().path_identity = "them.example";
  Feed* const feed = make_feed();
  ASSERT_TRUE(*feed->has_work());
  Client them(other, Client::Link::kPeer);
  connect(*feed);
  for (std::string theirs = them.pump(); !theirs.empty();) {
    const std::string ours = hear(theirs);
    theirs = ours.empty() ? "" : them.send(ours);
  }
  EXPECT_EQ(feed->status().offered, 2U);
  EXPECT_EQ(feed->status().accepted, 2U);
  const std::string taken = other.newest(*mailbox_of_newsgroup("shared", "news", "test.two"));
  EXPECT_THAT(taken, StartsWith("Path: them.example!"));
  EXPECT_THAT(taken, HasSubstr("us.example.org!"));
  EXPECT_THAT(taken, HasSubstr("\r\n\r\n.text\r\n"));
  end(*feed);
  // What was answered to is known after a restart.
  EXPECT_FALSE(*make_feed()->has_work());
  append("test.one", 3);
  EXPECT_TRUE(*make_feed()->has_work());
}

TEST_F(NntpFeed, OffersACrossPostOnceAndNothingThatIsNotForThePeer) {
  FeedOptions options = to_them();
  options.groups = *Wildmat::parse("test.*,!test.two");
  Feed* const feed = make_feed(options);
  for (const char* group : {"test.one", "test.closed"})
    world_.append(group, "Path: x\r\nMessage-ID: <1@x>\r\n\r\nthe same bytes\r\n");
  append("test.two", 2);
  append("test.one", 3, "Distribution: local\r\n");
  world_.append("test.one", "Path: a!THEM.example!b\r\nMessage-ID: <4@x>\r\n\r\nx\r\n");
  EXPECT_THAT(begin(*feed), testing::Eq("CHECK <1@x>\r\n"));
}

TEST_F(NntpFeed, HasSoManyOffersOnTheirWayAndNoMore) {
  for (size_t i = 0; i <= kFeedWindowMax; ++i) append("test.one", static_cast<int>(i));
  Feed* const feed = make_feed();
  const std::string said = begin(*feed);
  EXPECT_EQ(static_cast<size_t>(std::ranges::count(said, '\n')), kFeedWindowMax);
  EXPECT_EQ(hear("438 <0@x>\r\n"), fmt::format("CHECK <{}@x>\r\n", kFeedWindowMax));
}

TEST_F(NntpFeed, SendsByIhaveWhereThePeerDoesNotStream) {
  for (int i = 1; i <= 3; ++i) append("test.one", i);
  Feed* const feed = make_feed();
  EXPECT_EQ(begin(*feed, "501 what?\r\n"), "IHAVE <1@x>\r\n");
  EXPECT_THAT(hear("335 send\r\n"), testing::EndsWith("\r\n\r\n..text\r\n.\r\n"));
  EXPECT_EQ(hear("235 ok\r\n"), "IHAVE <2@x>\r\n");
  EXPECT_EQ(hear("435 no\r\n"), "IHAVE <3@x>\r\n");
  EXPECT_EQ(hear("436 later\r\n"), "");
  EXPECT_EQ(feed->status().accepted, 1U);
  EXPECT_EQ(feed->status().refused, 1U);
  EXPECT_EQ(feed->status().deferred, 1U);
  EXPECT_EQ(session_->input_timeout_ms(), kFeedDeferMs);
  session_->timed_out();
  EXPECT_EQ(pump(), "IHAVE <3@x>\r\n");
}

TEST_F(NntpFeed, OffersAgainWhatWasNotAnsweredTo) {
  for (int i = 1; i <= 3; ++i) append("test.one", i);
  Feed* const feed = make_feed();
  EXPECT_EQ(begin(*feed), "CHECK <1@x>\r\nCHECK <2@x>\r\nCHECK <3@x>\r\n");
  hear("438 <1@x>\r\n431 <2@x>\r\n");
  end(*feed);
  EXPECT_THAT(feed->status().last_error, HasSubstr("closed the connection"));
  ASSERT_TRUE(*feed->has_work());
  EXPECT_EQ(begin(*feed), "CHECK <2@x>\r\nCHECK <3@x>\r\n");
}

TEST_F(NntpFeed, PassesOverAnArticleThatIsExpungedMeanwhile) {
  append("test.one", 1);
  append("test.one", 2);
  Feed* const feed = make_feed();
  begin(*feed);
  ASSERT_TRUE(world_.store().expunge(world_.group("test.one"), *UidSet::parse("1", 1)));
  EXPECT_EQ(hear("238 <1@x>\r\n"), "");
  EXPECT_THAT(hear("238 <2@x>\r\n"), StartsWith("TAKETHIS <2@x>\r\nPath: "));
  hear("239 <2@x>\r\n");
  end(*feed);
  EXPECT_FALSE(*feed->has_work());
}

TEST_F(NntpFeed, WaitsForNewsAndEndsWhenThereIsNone) {
  append("test.one", 1);
  Feed* const feed = make_feed();
  begin(*feed);
  EXPECT_EQ(hear("438 <1@x>\r\n"), "");
  append("test.one", 2);
  session_->wake();
  EXPECT_EQ(pump(), "CHECK <2@x>\r\n");
  hear("438 <2@x>\r\n");
  EXPECT_EQ(session_->input_timeout_ms(), kFeedIdleMs);
  session_->timed_out();
  EXPECT_EQ(pump(), "QUIT\r\n");
  hear("205 bye\r\n");
  EXPECT_TRUE(is_closed());
  end(*feed);
  EXPECT_EQ(feed->status().last_error, "");
}

TEST_F(NntpFeed, LogsInOverTls) {
  FeedOptions options = to_them();
  options.userid = "us";
  options.password = "secret";
  options.tls = FeedOptions::Tls::kStartTls;
  Feed* const feed = make_feed(options);
  connect(*feed);
  EXPECT_EQ(hear("200 hello\r\n"), "STARTTLS\r\n");
  EXPECT_EQ(hear("382 go on\r\n"), "");
  ASSERT_EQ(session_->want(), wire::Want::kTls);
  session_->tls_started();
  EXPECT_EQ(pump(), "AUTHINFO USER us\r\n");
  EXPECT_EQ(hear("381 more\r\n"), "AUTHINFO PASS secret\r\n");
  EXPECT_EQ(hear("481 wrong\r\n"), "");
  EXPECT_TRUE(is_closed());
  end(*feed);
  EXPECT_EQ(feed->status().last_error, "the peer says 481 wrong");
}

TEST_F(NntpFeed, SendsNoPasswordWhereThePeerHasNoTls) {
  FeedOptions options = to_them();
  options.userid = "us";
  options.password = "secret";
  options.tls = FeedOptions::Tls::kStartTls;
  Feed* const feed = make_feed(options);
  connect(*feed);
  hear("200 hello\r\n");
  EXPECT_EQ(hear("580 no TLS\r\n"), "");
  EXPECT_TRUE(is_closed());
}

TEST_F(NntpFeed, S01NothingFromBeforeTlsCountsBehindIt) {
  FeedOptions options = to_them();
  options.userid = "us";
  options.password = "secret";
  options.tls = FeedOptions::Tls::kStartTls;
  Feed* const feed = make_feed(options);
  connect(*feed);
  hear("200 hello\r\n");
  EXPECT_EQ(hear("382 go on\r\n281 welcome\r\n203 stream\r\n"), "");
  EXPECT_EQ(hear("400 closing\r\n"), "");
  ASSERT_EQ(session_->want(), wire::Want::kTls);
  session_->tls_started();
  EXPECT_EQ(pump(), "AUTHINFO USER us\r\n");
}

TEST_F(NntpFeed, APeerMayMisbehaveAndEndsOnlyItsConnection) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {std::string(kFeedLineBytesMax + 1, 'x'), "too long"},
      {"438 a\r\n438 b\r\n438 c\r\n438 d\r\n438 e\r\n438 f\r\n", "unasked"},
      {"239 <1@x>\r\n", "239"},
      {"999\r\n", "999"},
      {"\r\n", "the peer says"},
      {"400 going down\r\n", "400 going down"}};
  int articles = 0;
  for (const auto& [said, expected] : cases) {
    Feed* const feed = make_feed();
    append("test.one", ++articles);
    begin(*feed);
    hear(said);
    EXPECT_TRUE(is_closed()) << said;
    end(*feed);
    EXPECT_THAT(feed->status().last_error, HasSubstr(expected));
  }
}

TEST_F(NntpFeed, GivesUpAPeerThatDoesNotAnswer) {
  append("test.one", 1);
  Feed* const feed = make_feed();
  begin(*feed);
  EXPECT_EQ(session_->input_timeout_ms(), kFeedAnswerMsMax);
  session_->timed_out();
  EXPECT_TRUE(is_closed());
}

TEST_F(NntpFeed, SendsFromThePrimaryAlone) {
  append("test.one", 1);
  append("test.one", 2);
  Feed* const feed = make_feed();
  begin(*feed);
  ASSERT_TRUE(world_.store().demote());
  session_->wake();
  EXPECT_EQ(pump(), "QUIT\r\n");
  end(*feed);
  EXPECT_FALSE(*feed->has_work());
  ASSERT_TRUE(world_.store().promote());
  EXPECT_TRUE(*feed->has_work());
}

TEST_F(NntpFeed, ANewFeedBeginsAtItsBacklog) {
  append("test.one", 1);
  world_.clock().advance_s(3 * 86'400);
  append("test.one", 2);
  Feed* const feed = make_feed();
  EXPECT_EQ(begin(*feed), "CHECK <2@x>\r\n");
}

}  // namespace
}  // namespace gemel::nntp
