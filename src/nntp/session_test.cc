// Limits and long answers; whole conversations are in transcript_test.cc.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/bytes.h"
#include "nntp/intake.h"
#include "nntp/test_world.h"
#include "wire/sasl.h"

namespace gemel::nntp {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string post(const std::string& body, const std::string& more_header = "") {
  return article_text(
      "From: Bob <bob@example.org>\r\nNewsgroups: test.one\r\nSubject: s\r\n" + more_header, body);
}

class NntpSession : public testing::Test {
 protected:
  void fill(std::string_view group, int count) {
    for (int i = 0; i < count; ++i)
      world_.append(group, fmt::format("From: a@b\r\nSubject: number {}\r\nMessage-ID: <{}@{}>\r\n"
                                       "\r\ntext\r\n",
                                       i, i, group));
  }
  World world_;
};

TEST_F(NntpSession, S03ALineMayBeSoLongAndNoLonger) {
  const size_t longest = world_.options()->limits.line_bytes_max;
  Client client(world_);
  client.log_in();
  const std::string line = "STAT <" + std::string(longest - 9, 'x') + ">\r\n";
  ASSERT_EQ(line.size(), longest);
  EXPECT_EQ(client.send(line), "501 that is no message id\r\n");
  EXPECT_EQ(client.send("x" + line), "501 the line is too long\r\n");
  EXPECT_THAT(client.send(std::string(3 * longest, 'x') + "\r\nDATE\r\n"),
              testing::MatchesRegex("501 the line is too long\r\n111 [0-9]+\r\n"));
}

TEST_F(NntpSession, ATooLongLineEndsALoginUnderWay) {
  Client client(world_);
  client.pump();
  client.line("AUTHINFO SASL PLAIN");
  EXPECT_EQ(client.send(std::string(100'000, 'A') + "\r\n"), "501 the line is too long\r\n");
  EXPECT_THAT(client.line("DATE"), StartsWith("111 "));
}

TEST_F(NntpSession, AHeaderAndAnArticleMayBeSoBigAndNoBigger) {
  Limits& limits = world_.change_options().limits;
  limits.header_bytes_max = 1000;
  limits.article_bytes_max = 5000;
  Client client(world_);
  client.log_in();
  const auto answer = [&](const std::string& article) {
    client.line("POST");
    return client.send(article);
  };
  const std::string without =
      "From: Bob <bob@example.org>\r\nNewsgroups: test.one\r\nSubject: s\r\n";
  const std::string filler = "X: " + std::string(1000 - without.size() - 5, 'x') + "\r\n";
  ASSERT_EQ(without.size() + filler.size(), 1000u);
  EXPECT_EQ(answer(post("text\r\n", filler)), "240 posted\r\n");
  EXPECT_EQ(answer(post("text\r\n", "x" + filler)), "441 the header is too big\r\n");
  const size_t room = 5000 - without.size() - 2;
  EXPECT_EQ(answer(post(std::string(room - 2, '.') + "\r\n")), "240 posted\r\n");
  EXPECT_EQ(answer(post(std::string(room - 1, '.') + "\r\n")), "441 the article is too big\r\n");
  EXPECT_THAT(client.line("DATE"), StartsWith("111 "));  // each was read to its end
}

TEST_F(NntpSession, OverviewsOfAGreatGroupComeInPieces) {
  fill("test.one", 3000);
  Client client(world_);
  client.log_in();
  client.line("GROUP test.one");
  const std::string said = client.line("OVER 1-");
  EXPECT_EQ(std::ranges::count(said, '\n'), 3002);
  EXPECT_THAT(said, EndsWith("\r\n.\r\n"));
  EXPECT_LT(client.largest_piece(), 80u << 10);
  EXPECT_EQ(std::ranges::count(client.line("LISTGROUP"), '\n'), 3002);
}

TEST_F(NntpSession, AClientThatDoesNotReadStopsItsOwnAnswerAndNoMore) {
  fill("test.one", 2000);
  Client client(world_);
  client.log_in();
  client.line("GROUP test.one");
  client.session().receive("OVER 1-\r\nDATE\r\n");
  std::string out;
  client.session().produce(out, 4096);
  EXPECT_LT(out.size(), 80u << 10);
  EXPECT_EQ(client.session().want(), wire::Want::kMore);
  // What happens meanwhile: the rest is expunged, and the answer ends where articles do.
  ASSERT_TRUE(world_.store().expunge(world_.group("test.one"), UidSet::of(Uid(1000), Uid(2000))));
  out += client.pump();
  EXPECT_THAT(out, testing::ContainsRegex("\r\n999\tnumber 998\t[^\r]*\r\n\\.\r\n111 "));
}

TEST_F(NntpSession, AnArticleOfManyChunksIsServedWhole) {
  std::string body;
  for (int i = 0; body.size() < 3 * kBodyChunkBytes; ++i)
    body += fmt::format(".{} {}\r\n", i, std::string(static_cast<size_t>(i % 90), 'x'));
  Client client(world_);
  client.log_in();
  client.line("POST");
  EXPECT_EQ(client.send(post(body, "Message-ID: <big@bob>\r\n")), "240 posted\r\n");
  const std::string said = client.line("BODY <big@bob>");
  const std::string stuffed = post(body).substr(post("").size() - 3);
  EXPECT_EQ(said, "222 0 <big@bob>\r\n" + stuffed);
  EXPECT_LT(client.largest_piece(), 140u << 10);
}

// M02, M04, M05, M07, M08, S13: whatever is in a group can be read, and takes bounded memory.
TEST_F(NntpSession, HostileMessagesAreServed) {
  std::string nested = "Subject: nested\r\n";
  for (int level = 0; level < 20'000; ++level)
    nested += fmt::format("Content-Type: multipart/mixed; boundary=b{0}\r\n\r\n--b{0}\r\n", level);
  std::string parameters = "Content-Type: text/plain";
  for (int i = 0; i < 50'000; ++i) parameters += fmt::format(";\r\n a*{}=x", i);
  std::string names;
  for (int i = 0; i < 200'000; ++i) names += fmt::format("X-{}: {}\r\n", i, i);
  const std::vector<std::string> messages = {
      nested,
      parameters + "\r\n\r\n",
      names + "\r\ntext\r\n",
      "Subject: " + std::string(4 << 20, 'x') + "\r\nMessage-ID: <big@x>\r\n\r\ntext\r\n",
      "From: undisclosed:;\r\nTo: g: a@b, c@d;\r\n\r\n",
      "Subject: =?utf-8?Q?=C3?=\r\nX-Cut: \xc3\r\n\r\n<p>\xc3<",
      "",
      std::string("\0\n\0", 3)};
  for (const std::string& message : messages) world_.append("test.one", message);
  Client client(world_);
  client.log_in();
  client.line("GROUP test.one");
  const auto count = messages.size();
  const std::string overviews = client.line(fmt::format("OVER 1-{}", count));
  EXPECT_EQ(std::ranges::count(overviews, '\n'), static_cast<ptrdiff_t>(count + 2));
  for (size_t number = 1; number <= count; ++number) {
    EXPECT_THAT(client.line(fmt::format("ARTICLE {}", number)), EndsWith("\r\n.\r\n"));
    EXPECT_THAT(client.line(fmt::format("HDR Subject {}", number)), StartsWith("225 "));
  }
  EXPECT_THAT(client.line("XPAT X-199999 1-8 *"), StartsWith("221 "));
  EXPECT_LT(client.largest_piece(), 6u << 20);  // a header is one piece
  EXPECT_THAT(client.line("DATE"), StartsWith("111 "));
}

// RFC 3977 §3.1.1: what IMAP may keep and a block may not have.
TEST_F(NntpSession, AnArticleIsSentWithoutNulAndStrayCr) {
  const std::string line(70, 'x');
  // A CR LF and a CR, across the ends of all pieces that are read or sent.
  std::string body = "a\rb" + std::string(1, '\0') + "c\r\nbare\nend\r";
  for (const size_t end : {size_t{64} << 10, size_t{128} << 10, size_t{1} << 20, size_t{2} << 20})
    for (const std::string_view cut : {"\r\n", "\r.", "\r"}) {
      std::string text = "Subject: s\r\n\r\n";
      while (text.size() + line.size() + 2 < end - 1) text += line + "\r\n";
      text += std::string(end - 1 - text.size(), 'y') + std::string(cut) + body;
      world_.append("test.one", text);
    }
  world_.append("test.one", "Subject: a" + std::string(1, '\0') + "b\rc\r\n\r\n" + body);
  Client client(world_);
  client.log_in();
  client.line("GROUP test.one");
  for (int number = 1; number <= 13; ++number) {
    const std::string said = client.line(fmt::format("ARTICLE {}", number));
    ASSERT_THAT(said, EndsWith("a b c\r\nbare\r\nend \r\n.\r\n"));
    EXPECT_EQ(said.find('\0'), std::string::npos) << number;
    EXPECT_EQ(std::ranges::count(said, '\r'), std::ranges::count(said, '\n')) << number;
    const std::string bytes = client.line(fmt::format("HDR :bytes {}", number));
    const size_t sent = said.size() - said.find('\n') - 1 - 3;  // without the dot
    EXPECT_THAT(bytes, HasSubstr(fmt::format("\r\n{} {}\r\n", number, sent))) << number;
  }
}

TEST_F(NntpSession, ManyStreamedArticlesMayWaitForTheDisk) {
  Client peer(world_, Client::Link::kPeer);
  peer.pump();
  std::string all;
  std::string wanted;
  for (int i = 0; i < 200; ++i) {
    const std::string id = fmt::format("<{}@them>", i);
    all += "TAKETHIS " + id + "\r\n" +
           article_text(
               "Path: them.example!x\r\nFrom: a@b\r\nNewsgroups: test.one\r\nSubject: s\r\n"
               "Date: Mon, 24 Nov 2025 15:00:00 +0000\r\nMessage-ID: " +
                   id + "\r\n",
               "text\r\n");
    wanted += "239 " + id + "\r\n";
  }
  EXPECT_EQ(peer.send(all), wanted);
  EXPECT_EQ(world_.store().find(world_.group("test.one"))->exists, 200u);
}

TEST_F(NntpSession, ScramEndsWithTheServersProof) {  // RFC 4643 §2.4.2
  SeededRandom random(7);
  const auto scram = *wire::ScramClient::make("alice", "secret", random);
  Client client(world_, Client::Link::kRemote);
  client.pump();
  const auto challenge = [](const std::string& line) {
    return *from_base64(line.substr(4, line.size() - 6));
  };
  const std::string first = client.line("AUTHINFO SASL SCRAM-SHA-256 " + to_base64(scram.first()));
  ASSERT_THAT(first, StartsWith("383 "));
  wire::ScramClient answering = scram;
  const std::string last = client.line(to_base64(*answering.answer(challenge(first))));
  ASSERT_THAT(last, StartsWith("283 "));
  EXPECT_TRUE(answering.verify(challenge(last)).has_value());
  EXPECT_THAT(client.line("GROUP test.one"), StartsWith("211 "));
}

TEST_F(NntpSession, ARightTakenAwayIsGoneAtOnce) {
  fill("test.one", 2);
  Client client(world_);
  client.log_in("bob");
  client.line("GROUP test.one");
  ASSERT_TRUE(
      world_.store().set_attributes(world_.group("test.one"), {{"acl/authenticated", "l"}}));
  EXPECT_EQ(client.line("STAT 1"), "423 there is no such article\r\n");
  EXPECT_EQ(client.line("STAT <1@test.one>"), "430 no such article\r\n");
  EXPECT_EQ(client.line("OVER 1-2"), "423 there is no such article\r\n");
  EXPECT_EQ(client.line("GROUP test.one"), "411 no such newsgroup\r\n");
}

TEST_F(NntpSession, S19TimesOutSoonBeforeALoginAndLateAfterIt) {
  Client client(world_, Client::Link::kRemoteWithTls);
  client.pump();
  const Limits limits;
  EXPECT_EQ(client.session().input_timeout_ms(), limits.login_timeout_ms);
  world_.clock().advance_s(170);
  client.line("DATE");
  EXPECT_EQ(client.session().input_timeout_ms(), limits.login_timeout_ms - 170'000);
  world_.clock().advance_s(60);
  EXPECT_EQ(client.session().input_timeout_ms(), 0);
  Client local(world_);
  local.log_in();
  EXPECT_EQ(local.session().input_timeout_ms(), limits.idle_timeout_ms);
}

class NntpAcknowledged : public NntpSession {
 protected:
  NntpAcknowledged() {
    replica_->link(AckGate::Link::kUp);
    world_.change_options().ack_gate = &gate_;
  }
  void acknowledge(std::string_view group) {
    const UniqueId id = world_.group(group);
    replica_->reached(id, world_.store().find(id)->highestmodseq, AckGate::Held::kDurable);
  }
  void wait_in_vain() {
    world_.clock().advance_ms(kAckWaitMs);
    gate_.expire();
  }
  static std::string takethis(int number, std::string_view group = "test.one") {
    return fmt::format("TAKETHIS <{0}@x>\r\n", number) +
           article_text(fmt::format("Path: them.example!x\r\nFrom: a@b.example\r\n"
                                    "Newsgroups: {}\r\nSubject: s\r\n"
                                    "Date: Mon, 24 Nov 2025 15:00:00 +0000\r\n"
                                    "Message-ID: <{}@x>\r\n",
                                    group, number),
                        "text\r\n");
  }
  AckGate gate_{world_.clock()};
  std::shared_ptr<AckGate::Replica> replica_ =
      gate_.add("standby", {.level = AckLevel::kDurable, .away = AckPolicy::Away::kRefuse});
};

TEST_F(NntpAcknowledged, APostIsAnsweredWhenTheReplicaHasIt) {
  Client client(world_);
  client.log_in();
  client.line("POST");
  // What is pipelined behind it waits with it.
  EXPECT_EQ(client.send(post("text\r\n") + "DATE\r\n"), "");
  EXPECT_EQ(client.session().want(), wire::Want::kWake);
  acknowledge("test.one");
  EXPECT_THAT(client.pump(), testing::MatchesRegex("240 posted\r\n111 [0-9]+\r\n"));
  client.line("POST");
  EXPECT_EQ(client.send(post("text\r\n") + "QUIT\r\n"), "");
  client.session().end_of_input();
  EXPECT_EQ(client.pump(), "");
  EXPECT_EQ(client.session().want(), wire::Want::kWake);
  acknowledge("test.one");
  EXPECT_THAT(client.pump(), testing::MatchesRegex("240 posted\r\n205 .*\r\n"));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(NntpAcknowledged, AStreamingPeerGoesOnAndEachArticleWaitsForItself) {
  Client client(world_, Client::Link::kPeer);
  client.pump();
  EXPECT_EQ(client.send(takethis(1) + "CHECK <7@x>\r\n" + takethis(2, "test.two")), "");
  EXPECT_EQ(client.session().want(), wire::Want::kInput);
  acknowledge("test.two");
  EXPECT_EQ(client.pump(), "");  // answers come in order
  EXPECT_EQ(client.send(takethis(3, "test.two")), "");
  const UniqueId one = world_.group("test.one");
  acknowledge("test.one");
  EXPECT_EQ(client.pump(), "239 <1@x>\r\n238 <7@x>\r\n239 <2@x>\r\n");
  acknowledge("test.two");
  EXPECT_EQ(client.pump(), "239 <3@x>\r\n");
  EXPECT_EQ(world_.store().find(one)->exists, 1U);
}

TEST_F(NntpAcknowledged, SoManyStreamedArticlesMayWaitForTheReplica) {
  const size_t most = world_.options()->limits.filings_max;
  Client client(world_, Client::Link::kPeer);
  client.pump();
  for (size_t i = 1; i < most; ++i) EXPECT_EQ(client.send(takethis(static_cast<int>(i))), "");
  EXPECT_EQ(client.session().want(), wire::Want::kInput);
  EXPECT_EQ(client.send(takethis(1000)), "");
  EXPECT_EQ(client.session().want(), wire::Want::kWake);
  acknowledge("test.one");
  EXPECT_THAT(client.pump(), EndsWith("239 <1000@x>\r\n"));
  EXPECT_EQ(client.send("CHECK <1001@x>\r\n"), "238 <1001@x>\r\n");
}

TEST_F(NntpAcknowledged, SaysTryAgainWhereTheReplicaIsAwayAndMustNotBe) {
  Client poster(world_);
  poster.log_in();
  poster.line("POST");
  EXPECT_EQ(poster.send(post("text\r\n")), "");
  Client peer(world_, Client::Link::kPeer);
  peer.pump();
  EXPECT_THAT(peer.line("IHAVE <9@x>"), StartsWith("335 "));
  const std::string offered = takethis(9);
  EXPECT_EQ(peer.send(offered.substr(offered.find('\n') + 1)), "");
  Client stream(world_, Client::Link::kPeer);
  stream.pump();
  EXPECT_EQ(stream.send(takethis(1) + takethis(2) + "DATE\r\n"), "");
  // All are on this server's disk, but nobody knows whether there.
  wait_in_vain();
  EXPECT_EQ(poster.pump(), "441 try again\r\n");
  EXPECT_EQ(peer.pump(), "436 try again\r\n");
  EXPECT_EQ(stream.pump(), "400 try again\r\n(closed)\r\n");
  EXPECT_TRUE(stream.is_closed());
  EXPECT_EQ(world_.store().find(world_.group("test.one"))->exists, 4U);
  // From now on nothing is taken.
  poster.line("POST");
  EXPECT_EQ(poster.send(post("text\r\n")), "441 try again\r\n");
  EXPECT_EQ(world_.store().find(world_.group("test.one"))->exists, 4U);
}

TEST(Intake, SaysTheSameWhereverTheHeaderIsCut) {
  MemoryOpener disk;
  const auto store = *MailStore::open(
      {.path = "intake", .partitions = {}, .inline_commits = true, .opener = &disk});
  const std::string text = article_text("A: b\r\nC: d\r\n", ".body\r\n");
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    SCOPED_TRACE(cut);
    std::string header;
    Intake intake({.header_bytes_max = 100, .article_bytes_max = 100},
                  [&](std::string_view block) -> Result<std::vector<BodyWriter>> {
                    header = block;
                    std::vector<BodyWriter> writers;
                    writers.push_back(store->stage("default").value());
                    return writers;
                  });
    size_t taken = intake.take(text.substr(0, cut));
    taken += intake.take(text.substr(cut) + "QUIT\r\n");
    EXPECT_EQ(taken, text.size());
    ASSERT_TRUE(intake.done());
    EXPECT_EQ(header, "A: b\r\nC: d\r\n");
    EXPECT_EQ(intake.body_head(), ".body\r\n");
    EXPECT_EQ(intake.finish().value().front().size(), 7u);
  }
}

}  // namespace
}  // namespace gemel::nntp
