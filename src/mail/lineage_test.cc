#include "mail/lineage.h"

#include <gtest/gtest.h>

namespace gemel {
namespace {

constexpr Term kFirst{1, 0xaa};
constexpr Term kSecond{2, 0xbb};
constexpr Term kThird{3, 0xaa};

ModSeq common(const Lineage& a, uint64_t highest_a, const Lineage& b, uint64_t highest_b) {
  const ModSeq found = common_modseq(a, ModSeq(highest_a), b, ModSeq(highest_b));
  EXPECT_EQ(found, common_modseq(b, ModSeq(highest_b), a, ModSeq(highest_a)));
  return found;
}

TEST(Lineage, OneThatIsOnlyBehindHasAllThatItHasInCommon) {
  const Lineage both{{kFirst, ModSeq(0)}};
  EXPECT_EQ(common(both, 10, both, 10), ModSeq(10));
  EXPECT_EQ(common(both, 7, both, 10), ModSeq(7));
  const Lineage ahead{{kFirst, ModSeq(0)}, {kSecond, ModSeq(10)}};
  EXPECT_EQ(common(both, 7, ahead, 12), ModSeq(7));
  EXPECT_EQ(common(both, 10, ahead, 12), ModSeq(10));
}

TEST(Lineage, TheCommonPastEndsWhereANewTermBeganWithoutTheOldOnesLastChanges) {
  const Lineage old{{kFirst, ModSeq(0)}};
  const Lineage promoted{{kFirst, ModSeq(0)}, {kSecond, ModSeq(8)}};
  EXPECT_EQ(common(old, 10, promoted, 9), ModSeq(8));
  EXPECT_EQ(common(old, 10, promoted, 8), ModSeq(8));
  const Lineage later{{kFirst, ModSeq(0)}, {kSecond, ModSeq(8)}, {kThird, ModSeq(20)}};
  EXPECT_EQ(common(later, 25, promoted, 22), ModSeq(20));
  EXPECT_EQ(common(later, 25, old, 10), ModSeq(8));
}

TEST(Lineage, TermsOfBothWithoutACommonOneGiveNothing) {
  EXPECT_EQ(common({{kFirst, ModSeq(0)}}, 10, {{kSecond, ModSeq(0)}}, 10), ModSeq());
  EXPECT_EQ(common({}, 10, {{kSecond, ModSeq(0)}}, 10), ModSeq());
  EXPECT_EQ(common({}, 10, {}, 10), ModSeq());
}

TEST(Lineage, TwoServersThatWerePromotedToOneEpochAreDifferentTerms) {
  constexpr Term kOther{2, 0xcc};
  EXPECT_LT(kSecond, kOther);
  EXPECT_EQ(common({{kFirst, ModSeq(0)}, {kSecond, ModSeq(8)}}, 12,
                   {{kFirst, ModSeq(0)}, {kOther, ModSeq(6)}}, 12),
            ModSeq(6));
}

TEST(Lineage, IsExtendedByANewTermOnly) {
  Lineage lineage = extended({}, kFirst, ModSeq(0));
  EXPECT_EQ(lineage, (Lineage{{kFirst, ModSeq(0)}}));
  lineage = extended(lineage, kFirst, ModSeq(5));
  EXPECT_EQ(lineage.size(), 1U);
  lineage = extended(lineage, kSecond, ModSeq(8));
  EXPECT_EQ(lineage, (Lineage{{kFirst, ModSeq(0)}, {kSecond, ModSeq(8)}}));
  EXPECT_EQ(extended(lineage, kFirst, ModSeq(9)), lineage);
}

TEST(Lineage, KeepsTheLatestTermsWhenThereAreTooMany) {
  Lineage lineage;
  for (uint64_t epoch = 1; epoch <= kLineageTermsMax + 3; ++epoch)
    lineage = extended(lineage, {epoch, 1}, ModSeq(epoch * 10));
  ASSERT_EQ(lineage.size(), kLineageTermsMax);
  EXPECT_EQ(lineage.front().term.epoch, 4U);
  EXPECT_EQ(lineage.back().term.epoch, kLineageTermsMax + 3);
  EXPECT_TRUE(is_sound(lineage, ModSeq(1000)));
  // One that knows only what was dropped from the front has nothing in common any more.
  EXPECT_EQ(common(lineage, 1000, {{{3, 1}, ModSeq(30)}}, 40), ModSeq());
  EXPECT_EQ(common(lineage, 1000, {{{4, 1}, ModSeq(40)}}, 45), ModSeq(45));
}

TEST(Lineage, IsSoundOnlyInOrderAndWithinTheState) {
  EXPECT_TRUE(is_sound({}, ModSeq(0)));
  EXPECT_TRUE(is_sound({{kFirst, ModSeq(0)}, {kSecond, ModSeq(0)}}, ModSeq(0)));
  EXPECT_FALSE(is_sound({{kFirst, ModSeq(3)}}, ModSeq(2)));
  EXPECT_FALSE(is_sound({{Term{}, ModSeq(0)}}, ModSeq(2)));
  EXPECT_FALSE(is_sound({{kSecond, ModSeq(0)}, {kFirst, ModSeq(1)}}, ModSeq(2)));
  EXPECT_FALSE(is_sound({{kFirst, ModSeq(2)}, {kSecond, ModSeq(1)}}, ModSeq(2)));
  Lineage many;
  for (uint64_t epoch = 1; epoch <= kLineageTermsMax + 1; ++epoch)
    many.push_back({{epoch, 1}, ModSeq(0)});
  EXPECT_FALSE(is_sound(many, ModSeq(2)));
}

}  // namespace
}  // namespace gemel
