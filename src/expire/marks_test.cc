#include "admin/expire.h"

#include <gtest/gtest.h>

namespace gemel::admin {
namespace {

constexpr int64_t kDay = 86'400;

class ManualClock final : public Clock {
 public:
  int64_t unix_s() override { return now_s; }
  int64_t monotonic_ms() override { return now_s * 1000; }
  int64_t now_s = 1'764'000'000;
};

TEST(ExpireMarks, AreTextAndBack) {
  const std::vector<ExpireMark> marks = {{100, ModSeq(5)}, {200, ModSeq(7)}};
  EXPECT_EQ(text_of(marks), "100:5 200:7");
  EXPECT_EQ(parse_marks("100:5 200:7"), marks);
  EXPECT_TRUE(parse_marks("").empty());
  EXPECT_TRUE(parse_marks("100").empty());
  EXPECT_TRUE(parse_marks("1:2 x:3").empty());
}

TEST(ExpireMarks, AreBoundedInNumber) {
  std::vector<ExpireMark> marks;
  for (int64_t hour = 0; hour < 24 * 365; ++hour) {
    add_mark(marks, {hour * 3600, ModSeq(static_cast<uint64_t>(hour) + 1)}, 14 * kDay);
    take_due(marks, hour * 3600, 14 * kDay);
    ASSERT_LE(marks.size(), static_cast<size_t>(kMarksPerRetention) + 1);
  }
}

class ExpireTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ =
        *MailStore::open({.path = "mail", .partitions = {}, .clock = &clock_, .opener = &engines_});
    ASSERT_TRUE(store_->create_user("alice", {}));
    inbox_ = store_->find(MailboxName{"alice", "INBOX"})->id;
    for (const char* text : {"a", "b", "c"}) append(inbox_, text);
  }
  void append(const UniqueId& mailbox, std::string_view text) {
    BodyWriter writer = *store_->stage("default");
    ASSERT_TRUE(writer.append(text));
    ASSERT_TRUE(store_->append({{.mailbox = mailbox, .body = *writer.finish(), .flags = {}}}));
  }
  ExpireReport sweep() {
    const auto report = expire(*store_, clock_, {14 * kDay, 7 * kDay}, [] { return false; });
    EXPECT_TRUE(report);
    return report ? *report : ExpireReport();
  }

  ManualClock clock_;
  MemoryOpener engines_;
  std::unique_ptr<MailStore> store_;
  UniqueId inbox_;
};

TEST_F(ExpireTest, FreesWhatWasExpungedLongEnoughAgoAndNothingElse) {
  ASSERT_TRUE(store_->expunge(inbox_, UidSet::of(Uid(1), Uid(1))));
  EXPECT_EQ(sweep().expunged_freed, 0U);
  clock_.now_s += 10 * kDay;
  ASSERT_TRUE(store_->expunge(inbox_, UidSet::of(Uid(2), Uid(2))));
  EXPECT_EQ(sweep().expunged_freed, 0U);
  clock_.now_s += 4 * kDay;
  EXPECT_EQ(sweep().expunged_freed, 1U);
  EXPECT_EQ(store_->find(inbox_)->expunged, 1U);
  EXPECT_EQ(store_->find(inbox_)->exists, 1U);
  clock_.now_s += 10 * kDay;
  EXPECT_EQ(sweep().expunged_freed, 1U);
  EXPECT_EQ(sweep().expunged_freed, 0U);
  EXPECT_EQ(store_->find(inbox_)->exists, 1U);
}

TEST_F(ExpireTest, FreesDeletedMailboxes) {
  const UniqueId gone = store_->create({.name = {"alice", "gone"}})->id;
  append(gone, "d");
  ASSERT_TRUE(store_->remove(gone));
  clock_.now_s += 7 * kDay - 1;
  EXPECT_EQ(sweep().mailboxes_freed, 0U);
  clock_.now_s += 1;
  EXPECT_EQ(sweep().mailboxes_freed, 1U);
  EXPECT_EQ(sweep().mailboxes_freed, 0U);
}

TEST_F(ExpireTest, IsThePrimarysWork) {
  ASSERT_TRUE(store_->expunge(inbox_, UidSet::of(Uid(1), Uid(1))));
  sweep();
  clock_.now_s += 15 * kDay;
  ASSERT_TRUE(store_->demote());
  const auto report = expire(*store_, clock_, {14 * kDay, 7 * kDay}, [] { return false; });
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::kReadOnly);
}

TEST_F(ExpireTest, StopsWhenAsked) {
  const auto report = expire(*store_, clock_, {0, 0}, [] { return true; });
  EXPECT_EQ(report->mailboxes, 0U);
}

}  // namespace
}  // namespace gemel::admin
