#include "imap/view.h"

#include <gtest/gtest.h>

#include "imap/test_world.h"

namespace gemel::imap {
namespace {

class ViewTest : public testing::Test {
 protected:
  ViewTest() : id(world.store().find(MailboxName{"alice", "INBOX"}).value().id) {}

  void append(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      BodyWriter writer = world.store().stage("default").value();
      EXPECT_TRUE(writer.append("message"));
      std::vector<MailStore::Append> one;
      one.push_back({.mailbox = id, .body = writer.finish().value(), .flags = {}});
      EXPECT_TRUE(world.store().append(std::move(one)));
    }
  }
  void expunge(Uid first, Uid last) {
    EXPECT_TRUE(world.store().expunge(id, UidSet::of(first, last)));
  }
  View open(Access access = Access::kReadWrite) {
    return View::open(world.store(), user, world.store().view(id).value(), access).value();
  }
  static Bitmap by_msn(const View& view, std::string_view set) {
    return view.by_msn(parse_sequence(set, 100).value()).value();
  }
  static std::string text(const Bitmap& bitmap) { return uid_set_of(bitmap).text(); }

  World world;
  AccessOptions access_options;
  UserAccess user{world.store(), access_options, "alice"};
  UniqueId id;
};

TEST_F(ViewTest, CountsMessagesFromOneWhateverTheirUids) {
  append(10);
  expunge(Uid(2), Uid(4));
  const View view = open();
  EXPECT_EQ(view.exists(), 7U);
  EXPECT_EQ(view.uid_of(2), Uid(5));
  EXPECT_EQ(view.msn_of(Uid(10)), 7U);
  EXPECT_EQ(text(by_msn(view, "1:3")), "1,5:6");
  EXPECT_EQ(text(by_msn(view, "*:6,1")), "1,9:10");
  EXPECT_FALSE(view.by_msn(parse_sequence("8", 1).value()));
  EXPECT_EQ(text(view.by_msn(parse_sequence("6:9", 1).value(), View::Beyond::kNothing).value()),
            "9:10");
  EXPECT_EQ(text(view.by_uid(parse_sequence("3:5,12:*", 9).value())), "5,10");
}

TEST_F(ViewTest, AnEmptyMailboxHasNoLastMessage) {
  const View view = open();
  EXPECT_TRUE(by_msn(view, "*").isEmpty());
  EXPECT_TRUE(by_msn(view, "1:*").isEmpty());
  EXPECT_TRUE(view.by_uid(parse_sequence("1:*", 1).value()).isEmpty());
  EXPECT_FALSE(view.by_msn(parse_sequence("1", 1).value()));
}

TEST_F(ViewTest, KeepsTheNumbersOfExpungedMessagesUntilTheyAreTold) {
  append(3);
  View view = open();
  expunge(Uid(1), Uid(1));
  append(1);
  const News news = view.learn(world.store()).value();
  EXPECT_EQ(news.arrived, 1U);
  EXPECT_EQ(text(view.gone()), "1");
  EXPECT_EQ(view.exists(), 4U);
  EXPECT_EQ(view.msn_of(Uid(2)), 2U);
  view.forget_gone();
  EXPECT_EQ(view.exists(), 3U);
  EXPECT_EQ(view.msn_of(Uid(2)), 1U);
  EXPECT_EQ(view.learn(world.store()).value().arrived, 0U);
}

TEST_F(ViewTest, GivesRecentToOneSessionOnly) {
  append(2);
  View first = open();
  EXPECT_EQ(first.recent_count(), 2U);
  View second = open();
  EXPECT_EQ(second.recent_count(), 0U);
  append(1);
  EXPECT_EQ(open(Access::kReadOnly).recent_count(), 1U);  // only looked at
  EXPECT_TRUE(second.learn(world.store()));
  EXPECT_EQ(second.recent_count(), 1U);
  EXPECT_TRUE(first.learn(world.store()));
  EXPECT_EQ(first.recent_count(), 2U);
}

TEST_F(ViewTest, ComparesInFullWhereTombstonesArePurged) {
  append(5);
  View view = open();
  expunge(Uid(2), Uid(3));
  FlagNames seen;
  seen.add(SystemFlag::kSeen);
  EXPECT_TRUE(world.store().store_flags(id, UidSet::of(Uid(5), Uid(5)), FlagOp::kAdd, seen));
  append(1);
  EXPECT_TRUE(world.store().purge_expunged(id, world.store().find(id)->highestmodseq));
  const News news = view.learn(world.store()).value();
  EXPECT_EQ(text(view.gone()), "2:3");
  EXPECT_EQ(text(news.changed), "5");
  EXPECT_EQ(news.arrived, 1U);
}

TEST_F(ViewTest, SkipsItsOwnChangeOnlyIfNoOtherCameBetween) {
  append(1);
  View view = open();
  const ModSeq start = view.synced();
  const auto skips = [&](ModSeq modseq, bool has_changed) {
    return view.skip_own(world.store(),
                         {.committed = {modseq, {}}, .has_changed = has_changed, .modified = {}});
  };
  EXPECT_TRUE(skips(start, false));
  EXPECT_TRUE(skips(next(start), true));
  EXPECT_EQ(view.synced(), next(start));
  EXPECT_FALSE(skips(ModSeq(start.value + 2), false));
  EXPECT_FALSE(skips(ModSeq(start.value + 3), true));
  EXPECT_EQ(view.synced(), next(start));
}

TEST_F(ViewTest, SaysThatADeletedMailboxIsClosed) {
  const MailboxInfo box = world.store().create({.name = {"alice", "Box"}}).value();
  View view =
      View::open(world.store(), user, world.store().view(box.id).value(), Access::kReadWrite)
          .value();
  EXPECT_FALSE(view.learn(world.store()).value().is_closed);
  EXPECT_TRUE(world.store().remove(box.id));
  EXPECT_TRUE(view.learn(world.store()).value().is_closed);
}

TEST(MsnCursor, AgreesWithTheRankOfEachUid) {
  Bitmap known;
  for (uint32_t uid = 3; uid < 200'000; uid += uid % 7 + 1) known.add(uid);
  MsnCursor cursor(known);
  uint32_t msn = 0;
  SeededRandom random(1);
  for (Bitmap::const_iterator at = known.begin(); at.i.has_value; ++at) {
    ++msn;
    if (random.u64() % 3 == 0) continue;
    ASSERT_EQ(cursor.msn_of(Uid(*at)), msn);
  }
}

TEST(BitmapWalk, GivesEachMemberOnceInPieces) {
  Bitmap members;
  add_range(members, 1, 10);
  add_range(members, UINT32_MAX - 2, UINT32_MAX);
  BitmapWalk walk(members);
  EXPECT_EQ(walk.next(4).text(), "1:4");
  EXPECT_EQ(walk.next(7).text(), "5:10,4294967293");
  EXPECT_FALSE(walk.at_end());
  EXPECT_EQ(walk.next(100).text(), "4294967294:4294967295");
  EXPECT_TRUE(walk.at_end());
  EXPECT_TRUE(walk.next(1).empty());
}

}  // namespace
}  // namespace gemel::imap
