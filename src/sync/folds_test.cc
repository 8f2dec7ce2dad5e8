// What a mailbox says of messages that went into another one, and what follows from it.
#include "sync/folds.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace gemel::sync {
namespace {

constexpr UniqueId kInto{7, 2};

UidSet range(uint32_t first, uint32_t last) { return UidSet::of(Uid(first), Uid(last)); }

RecordRow row(uint32_t uid, std::string_view body, int64_t savedate_s = 0, bool expunged = false) {
  RecordRow out{
      .uid = Uid(uid), .modseq = ModSeq(1), .flags = {}, .expunged = expunged, .facts = {}};
  out.facts.guid = Guid{sha256(body)};
  out.facts.savedate_s = savedate_s;
  return out;
}

TEST(Folds, AreReadAsTheyWereWritten) {
  Folds folds;
  folds.add(kInto, 1'700'000'000, range(1, 5));
  folds.add({9, 1}, 1'700'000'001, range(7, 7));
  folds.expunge(range(2, 3));
  Attributes attributes;
  folds.put(attributes);
  EXPECT_EQ(attributes.at("went"),
            "0000000000000007-2 1700000000 1:5 2:3 0000000000000009-1 1700000001 7 -");
  Attributes again;
  Folds::of(attributes).put(again);
  EXPECT_EQ(again, attributes);
  Folds().put(again);
  EXPECT_TRUE(again.empty());
}

TEST(Folds, WhatCantBeReadSaysNothing) {
  for (const char* text : {"", " ", "x", "0000000000000007-2 1", "nobody 1 1:5 -", "1 2 3 4 5"})
    EXPECT_TRUE(Folds::of({{"went", text}}).empty()) << text;
  EXPECT_TRUE(Folds::of({{"went", "0000000000000007-2 1 x:y *"}}).uids().empty());
  EXPECT_TRUE(came_from({{"came", "nobody  else"}}).empty());
}

TEST(Folds, AreUnited) {
  Folds a;
  a.add(kInto, 1, range(1, 3));
  Folds b;
  b.add(kInto, 1, range(1, 3));
  b.expunge(range(3, 9));
  b.add(kInto, 2, range(4, 4));
  a.add(b);
  EXPECT_EQ(a.all().size(), 2U);
  EXPECT_EQ(a.uids(), range(1, 4));
  EXPECT_EQ(a.expunged(), range(3, 3));
}

TEST(Folds, VeryManyRangesBecomeOne) {
  UidSet odd;
  for (uint32_t uid = 1; odd.ranges().size() <= kFoldRangesMax; uid += 2) odd.add(Uid(uid));
  Folds folds;
  folds.add(kInto, 1, odd);
  folds.expunge(odd);
  Attributes attributes;
  folds.put(attributes);
  const Folds read = Folds::of(attributes);
  EXPECT_EQ(read.uids(), UidSet::of(odd.first(), odd.last()));
  EXPECT_EQ(read.expunged().ranges().size(), kFoldRangesMax);
}

TEST(Folds, OfVeryManyMailboxesTheHighestAreKept) {
  std::set<UniqueId> ids;
  for (uint64_t i = 0; i <= kCameMax; ++i) ids.insert({1, i + 1});
  Attributes attributes;
  put_came_from(attributes, ids);
  ids.erase(ids.begin());
  EXPECT_EQ(came_from(attributes), ids);
}

class FoldsDue : public testing::Test {
 protected:
  Fold fold{.into = kInto, .at_s = 9, .uids = range(1, 3), .expunged = range(2, 2)};
  Folds onward;
};

TEST_F(FoldsDue, WhatCameByItAtThatTime) {
  const std::vector<RecordRow> from{row(1, "a"), row(2, "b"), row(3, "c"), row(4, "b")};
  EXPECT_EQ(due(fold, from, {row(5, "b", 8), row(6, "a", 9), row(7, "b", 9)}, onward), range(7, 7));
  EXPECT_TRUE(due(fold, from, {row(5, "b", 8)}, onward).empty());
  EXPECT_TRUE(due(fold, from, {row(7, "b", 9, true)}, onward).empty());
}

TEST_F(FoldsDue, AsManyAsWereExpunged) {
  const std::vector<RecordRow> from{row(1, "a"), row(2, "a"), row(3, "a")};
  EXPECT_EQ(due(fold, from, {row(5, "a", 9), row(6, "a", 9), row(7, "a", 9)}, onward), range(5, 5));
  EXPECT_TRUE(
      due(fold, from, {row(5, "a", 9, true), row(6, "a", 9), row(7, "a", 9)}, onward).empty());
  EXPECT_TRUE(due(fold, from, {row(6, "a", 9), row(7, "a", 9)}, onward).empty());
}

TEST_F(FoldsDue, WhatWentOn) {
  const std::vector<RecordRow> from{row(2, "a")};
  onward.add({9, 9}, 10, range(5, 5));
  EXPECT_EQ(due(fold, from, {row(5, "a", 9, true)}, onward), range(5, 5));
  onward.expunge(range(5, 5));
  EXPECT_TRUE(due(fold, from, {row(5, "a", 9, true)}, onward).empty());
}

TEST_F(FoldsDue, TwinsAreFoundWhereTheyAreAsMany) {
  using Pairs = std::vector<std::pair<Uid, Uid>>;
  const std::vector<RecordRow> from{row(1, "a"), row(2, "a")};
  EXPECT_EQ(twins(fold, from, {row(5, "a", 9), row(6, "a", 8), row(8, "a", 9)}),
            (Pairs{{Uid(1), Uid(5)}, {Uid(2), Uid(8)}}));
  EXPECT_TRUE(twins(fold, from, {row(5, "a", 9)}).empty());
}

}  // namespace
}  // namespace gemel::sync
