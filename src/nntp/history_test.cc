#include "nntp/history.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nntp/test_world.h"

namespace gemel::nntp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::string message(const std::string& id) {
  return fmt::format("Message-ID: {}\r\n\r\ntext\r\n", id);
}

class HistoryTest : public testing::Test {
 protected:
  std::vector<History::Place> places(History& history, const std::string& id) {
    const auto found = history.places(id);
    EXPECT_TRUE(found.has_value()) << found.error().text;
    return found.value_or(std::vector<History::Place>());
  }

  World world_;
  History history_{world_.store(), "news"};
};

TEST_F(HistoryTest, FindsWhatCameByAnyWay) {
  EXPECT_THAT(places(history_, "<1@a>"), IsEmpty());
  world_.append("test.one", message("<1@a>"));
  EXPECT_THAT(places(history_, "<1@a>"),
              ElementsAre(History::Place{world_.group("test.one"), Uid(1)}));
  world_.append("test.two", message("<1@a>"));
  EXPECT_THAT(places(history_, "<1@a>"),
              UnorderedElementsAre(History::Place{world_.group("test.one"), Uid(1)},
                                   History::Place{world_.group("test.two"), Uid(1)}));
  // Mail of people is none of it.
  BodyWriter mail = world_.store().stage("default").value();
  ASSERT_TRUE(mail.append(message("<mail@a>")));
  const UniqueId inbox = world_.store().find({"alice", "INBOX"})->id;
  ASSERT_TRUE(
      world_.store().append({{.mailbox = inbox, .body = mail.finish().value(), .flags = {}}}));
  EXPECT_THAT(places(history_, "<mail@a>"), IsEmpty());
}

TEST_F(HistoryTest, KnowsWhatWasExpungedWhileItIsKept) {
  world_.append("test.one", message("<1@a>"));
  const UniqueId group = world_.group("test.one");
  const auto gone = world_.store().expunge(group, UidSet::of(Uid(1), Uid(1)));
  EXPECT_EQ(history_.claim("<1@a>").error().code, Code::kExists);
  // Another server that starts with tombstones knows it too.
  History other(world_.store(), "news");
  EXPECT_EQ(other.claim("<1@a>").error().code, Code::kExists);

  ASSERT_TRUE(world_.store().purge_expunged(group, gone->committed.modseq));
  EXPECT_EQ(places(history_, "<1@a>").size(), 1u);
  EXPECT_EQ(history_.sweep("").value(), "");
  EXPECT_THAT(places(history_, "<1@a>"), IsEmpty());
  EXPECT_TRUE(history_.claim("<1@a>").has_value());
}

TEST_F(HistoryTest, ASweepGoesThroughAllRowsAndKeepsWhatIsThere) {
  for (int i = 0; i < 600; ++i) world_.append("test.one", message(fmt::format("<{}@a>", i)));
  EXPECT_EQ(places(history_, "<0@a>").size(), 1u);
  ASSERT_TRUE(world_.store().expunge(world_.group("test.one"), UidSet::of(Uid(1), Uid(300))));
  ASSERT_TRUE(world_.store().purge_expunged(world_.group("test.one"), ModSeq(10'000)));
  EXPECT_EQ(places(history_, "<0@a>").size(), 1u);
  size_t steps = 0;
  for (std::string after = history_.sweep("").value(); !after.empty(); ++steps)
    after = history_.sweep(after).value();
  EXPECT_EQ(steps, 2u);
  for (const int i : {0, 150, 299})
    EXPECT_THAT(places(history_, fmt::format("<{}@a>", i)), IsEmpty());
  for (const int i : {300, 450, 599})
    EXPECT_EQ(places(history_, fmt::format("<{}@a>", i)).size(), 1u);
}

TEST_F(HistoryTest, SurvivesAPowerCutThatForgotItsLatestRows) {
  world_.append("test.one", message("<1@a>"));
  EXPECT_EQ(places(history_, "<1@a>").size(), 1u);
  world_.append("test.one", message("<2@a>"));
  EXPECT_EQ(places(history_, "<2@a>").size(), 1u);  // its row is written and not synced
  MemoryOpener& disk = world_.disk();
  disk.crash();
  MailStore::Options options;
  options.path = "news";
  options.inline_commits = true;
  options.opener = &disk;
  const auto store = *MailStore::open(options);
  History after(*store, "news");
  for (const char* id : {"<1@a>", "<2@a>"}) EXPECT_EQ(places(after, id).size(), 1u) << id;
}

TEST_F(HistoryTest, AClaimIsForOneAtATime) {
  {
    const auto first = history_.claim("<1@a>");
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(history_.claim("<1@a>").error().code, Code::kBusy);
    EXPECT_TRUE(history_.claim("<2@a>").has_value());
  }
  EXPECT_TRUE(history_.claim("<1@a>").has_value());
  world_.append("test.one", message("<1@a>"));
  EXPECT_EQ(history_.claim("<1@a>").error().code, Code::kExists);
}

TEST_F(HistoryTest, HoldsSoManyClaimsAndNoMore) {
  std::vector<History::Claim> claims;
  claims.reserve(kClaimsMax);
  while (claims.size() < kClaimsMax)
    claims.push_back(history_.claim(fmt::format("<{}@a>", claims.size())).value());
  EXPECT_EQ(history_.claim("<more@a>").error().code, Code::kBusy);
  claims.pop_back();
  EXPECT_TRUE(history_.claim("<more@a>").has_value());
}

TEST_F(HistoryTest, RemembersSomeOfWhatWasRefused) {
  history_.refuse("<first@a>");
  history_.refuse("<first@a>");
  for (size_t i = 1; i < kRefusedMax; ++i) history_.refuse(fmt::format("<{}@a>", i));
  EXPECT_EQ(history_.claim("<first@a>").error().code, Code::kExists);
  history_.refuse("<one more@a>");
  EXPECT_TRUE(history_.claim("<first@a>").has_value());
  EXPECT_EQ(history_.claim("<one more@a>").error().code, Code::kExists);
}

TEST_F(HistoryTest, SaysTryAgainWhileThereIsTooMuchToRead) {
  for (size_t i = 0; i <= kCatchUpMax; ++i)
    world_.append("test.one", message(fmt::format("<{}@a>", i)));
  EXPECT_EQ(history_.places("<0@a>").error().code, Code::kBusy);
  EXPECT_EQ(places(history_, fmt::format("<{}@a>", kCatchUpMax)).size(), 1u);
}

TEST_F(HistoryTest, KeepsSoManyPlacesOfOneId) {
  for (size_t i = 0; i < kPlacesMax + 10; ++i) world_.append("test.one", message("<1@a>"));
  EXPECT_EQ(places(history_, "<1@a>").size(), kPlacesMax);
}

TEST_F(HistoryTest, FollowsGroupsThatAreMadeRenamedAndRemoved) {
  EXPECT_EQ(history_.follow().value(), History::Progress::kDone);
  ASSERT_TRUE(create_newsgroup(world_.store(), "news", {.name = "later"}));
  world_.append("later", message("<1@a>"));
  EXPECT_EQ(places(history_, "<1@a>").size(), 1u);
  // What becomes a group by its name is one from then on.
  ASSERT_TRUE(world_.store().create({.name = {"shared", "elsewhere"}}));
  BodyWriter writer = world_.store().stage("default").value();
  ASSERT_TRUE(writer.append(message("<2@a>")));
  const UniqueId id = world_.store().find({"shared", "elsewhere"})->id;
  ASSERT_TRUE(
      world_.store().append({{.mailbox = id, .body = writer.finish().value(), .flags = {}}}));
  EXPECT_THAT(places(history_, "<2@a>"), IsEmpty());
  ASSERT_TRUE(world_.store().rename({"shared", "elsewhere"}, {"shared", "news/moved"}));
  EXPECT_THAT(places(history_, "<2@a>"), ElementsAre(History::Place{id, Uid(1)}));
  // And one that is removed is remembered while it is kept.
  ASSERT_TRUE(world_.store().remove(id));
  EXPECT_EQ(history_.claim("<2@a>").error().code, Code::kExists);
}

}  // namespace
}  // namespace gemel::nntp
