#include "admin/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gemel::admin {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class MetricsTest : public testing::Test {
 protected:
  MetricsTest() {
    store_ =
        MailStore::open({.path = "metrics", .inline_commits = true, .opener = &opener_}).value();
    services_.store = store_.get();
    services_.channels = [] {
      ChannelStatus channel;
      channel.name = "stand\"by";
      channel.connected = true;
      channel.lag_s = 1.5;
      channel.changes_behind = 7;
      channel.set_aside.push_back({"ann/INBOX", "broken", 10});
      channel.bytes_up = 100;
      return std::vector<ChannelStatus>{channel};
    };
  }
  // What comes back when `input` goes in pieces of `piece` bytes; "..." is put behind what stays
  // open.
  std::string ask(std::string_view input, size_t piece = 65536) {
    const auto session = make_metrics_session(services_);
    std::string out;
    for (size_t at = 0; at < input.size() && session->want() == wire::Want::kInput; at += piece) {
      session->receive(input.substr(at, piece));
      while (session->want() == wire::Want::kMore) session->produce(out, 100);
    }
    return session->want() == wire::Want::kClose ? out : out + "...";
  }

  MemoryOpener opener_;
  std::unique_ptr<MailStore> store_;
  Services services_;
};

constexpr std::string_view kGet = "GET /metrics HTTP/1.1\r\nHost: localhost:9167\r\n\r\n";

TEST_F(MetricsTest, TellsWhatAStatusTells) {
  const std::string said = ask(kGet);
  EXPECT_THAT(said, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(said, HasSubstr("# TYPE gemel_channel_lag_seconds gauge\n"));
  EXPECT_THAT(said, HasSubstr("gemel_channel_lag_seconds{channel=\"stand\\\"by\"} 1.5\n"));
  EXPECT_THAT(said, HasSubstr("gemel_channel_changes_behind{channel=\"stand\\\"by\"} 7\n"));
  EXPECT_THAT(said, HasSubstr("gemel_channel_set_aside{channel=\"stand\\\"by\"} 1\n"));
  EXPECT_THAT(said, HasSubstr("# TYPE gemel_channel_bytes_total counter\n"));
  EXPECT_THAT(said, HasSubstr("{channel=\"stand\\\"by\",direction=\"up\"} 100\n"));
  EXPECT_THAT(said, HasSubstr("role=\"primary\""));
  EXPECT_THAT(said, Not(HasSubstr("INBOX")));
  const size_t body = said.find("\r\n\r\n") + 4;
  EXPECT_THAT(said, HasSubstr("Content-Length: " + std::to_string(said.size() - body) + "\r\n"));
}

TEST_F(MetricsTest, AnswersTheSameWhereverTheBytesAreCut) {
  const std::string whole = ask(kGet);
  for (const size_t piece : {1, 2, 7}) EXPECT_EQ(ask(kGet, piece), whole);
}

TEST_F(MetricsTest, HeadHasNoBody) {
  EXPECT_THAT(ask("HEAD /metrics?x=1 HTTP/1.0\r\n\r\n"), EndsWith("Connection: close\r\n\r\n"));
}

TEST_F(MetricsTest, RefusesEverythingElse) {
  EXPECT_THAT(ask("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("POST /metrics HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(ask("POST /metrics HTTP/1.1\r\n\r\n"), HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  for (const char* bad :
       {"GET /metrics\r\n\r\n", "\r\n\r\n", "GET  HTTP/2\r\n\r\n", "\x16\x03\r\n\r\n"})
    EXPECT_THAT(ask(bad), StartsWith("HTTP/1.1 400 ")) << bad;
}

TEST_F(MetricsTest, ARequestHasAMaximum) {
  const std::string head = "GET /metrics HTTP/1.1\r\nX: ";
  const auto with = [&](size_t size) {
    return head + std::string(size - head.size(), 'x') + "\r\n\r\n";
  };
  EXPECT_THAT(ask(with(kHttpRequestBytesMax), 1000), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask(with(kHttpRequestBytesMax + 1), 1000), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(ask(std::string(20'000, 'x'), 1000), StartsWith("HTTP/1.1 431 "));
  EXPECT_EQ(ask("GET /metr"), "...");
}

}  // namespace
}  // namespace gemel::admin
