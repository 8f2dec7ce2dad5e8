#include "admin/scrub.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/test_clock.h"

namespace gemel::admin {
namespace {

constexpr int64_t kDay = 86'400;

TEST(ScrubPosition, IsTextAndBack) {
  const ScrubPosition position{.cursor = std::string("l\0\xff", 3),
                               .began_s = 1,
                               .ended_s = 2,
                               .bodies = 3,
                               .bytes = 4,
                               .lost = 5};
  EXPECT_EQ(parse_scrub_position(text_of(position)), position);
  for (const char* broken : {"", "1 2 3", "a b c d e ", "1 2 3 4 5 xy"})
    EXPECT_EQ(parse_scrub_position(broken), ScrubPosition());
}

class ScrubTest : public testing::Test {
 protected:
  ScrubTest() {
    log::set_level(log::Level::kOff);
    open();
    EXPECT_TRUE(store_->create_user("alice", {}));
    inbox_ = store_->find(MailboxName{"alice", "INBOX"}).value().id;
    std::vector<MailStore::Append> messages;
    for (int i = 0; i < 10; ++i)
      messages.push_back({inbox_, stage(std::string(1000, static_cast<char>('a' + i))), {}, 1});
    EXPECT_TRUE(store_->append(messages));
  }
  ~ScrubTest() override { log::set_level(log::Level::kInfo); }
  void open() {
    store_.reset();
    store_ = MailStore::open({.path = "mail",
                              .partitions = {},
                              .inline_commits = true,
                              .clock = &clock_,
                              .opener = &engines_})
                 .value();
  }
  StagedBody stage(std::string_view bytes) {
    BodyWriter writer = store_->stage("default").value();
    EXPECT_TRUE(writer.append(bytes));
    return writer.finish().value();
  }
  /// Steps, with the waits between them, until the pass is over; the milliseconds that it took.
  int64_t finish(Scrub& scrub) {
    const int64_t before = clock_.monotonic_ms();
    do clock_.advance_ms(scrub.step().value());
    while (scrub.status().is_under_way);
    return clock_.monotonic_ms() - before;
  }
  ManualClock clock_;
  MemoryOpener engines_;
  std::unique_ptr<MailStore> store_;
  UniqueId inbox_;
  const ScrubPlan plan_{.bytes_per_s = 2000, .every_s = 30 * kDay};
};

TEST_F(ScrubTest, KeepsToItsPaceAndWaitsForTheNextPass) {
  Scrub scrub(*store_, clock_, plan_);
  EXPECT_EQ(scrub.status().began_s, 0);
  const int64_t began_s = clock_.unix_s();
  EXPECT_EQ(finish(scrub), 5000);  // for 10,000 bytes
  EXPECT_EQ(scrub.status().bodies, 10u);
  EXPECT_EQ(scrub.status().bytes, 10'000u);
  EXPECT_EQ(scrub.step().value(), Scrub::kWaitMsMax);
  EXPECT_EQ(scrub.status().bodies, 10u);
  clock_.advance_s(began_s + plan_.every_s - clock_.unix_s());
  EXPECT_TRUE(scrub.step());
  EXPECT_TRUE(scrub.status().is_under_way);
  EXPECT_EQ(scrub.status().bodies, 2u);
}

TEST_F(ScrubTest, GoesOnWhereItWasAfterARestart) {
  {
    Scrub scrub(*store_, clock_, plan_);
    EXPECT_TRUE(scrub.step());
    EXPECT_TRUE(scrub.step());
    EXPECT_EQ(scrub.status().bodies, 4u);
  }
  open();
  Scrub scrub(*store_, clock_, plan_);
  EXPECT_TRUE(scrub.status().is_under_way);
  finish(scrub);
  EXPECT_EQ(scrub.status().bodies, 10u);
}

TEST_F(ScrubTest, ACrashSetsItBackByLittle) {
  const ScrubPlan slow{.bytes_per_s = 100, .every_s = kDay};
  auto scrub = std::make_unique<Scrub>(*store_, clock_, slow);
  for (int i = 0; i < 5; ++i) clock_.advance_ms(scrub->step().value());
  EXPECT_TRUE(store_->put_user_items("alice", {{"syncs", "what came before"}}));
  engines_.crash();
  scrub.reset();
  open();
  EXPECT_EQ(Scrub(*store_, clock_, slow).status().bodies, 5u);
}

TEST_F(ScrubTest, FindsWhatRotsAndABrokenPositionStartsAnew) {
  const Guid guid{sha256(std::string(1000, 'c'))};
  engines_.rot("mail", {Table::kBody, std::string(guid.view()), std::string("\0other", 6)});
  EXPECT_TRUE(store_->channel_put("scrub", {{"position", "1 0 0 0 0 6d"}}));
  Scrub scrub(*store_, clock_, plan_);
  finish(scrub);
  EXPECT_EQ(scrub.status().lost, 1u);
  const auto lost = store_->lost_bodies().value();
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(messages_of(*store_, lost[0], 10), std::vector<std::string>{"alice/INBOX uid 3"});
}

}  // namespace
}  // namespace gemel::admin
