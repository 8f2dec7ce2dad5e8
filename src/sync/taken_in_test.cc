#include "sync/taken_in.h"

#include <gtest/gtest.h>

namespace gemel::sync {
namespace {

constexpr Term kFirst{1, 10};
constexpr Term kSecond{2, 20};
constexpr Term kThird{3, 30};

TEST(TakenIn, HasEachStateOnTheWay) {
  TakenIn taken;
  const Lineage lineage{{kFirst, ModSeq()}, {kSecond, ModSeq(5)}};
  taken.add(lineage, ModSeq(9), ModSeq(3));
  EXPECT_TRUE(taken.has(lineage, ModSeq(9)));
  EXPECT_TRUE(taken.has(lineage, ModSeq(6)));
  EXPECT_TRUE(taken.has(lineage, ModSeq(5)));
  EXPECT_TRUE(taken.has({{kFirst, ModSeq()}}, ModSeq(4)));
  EXPECT_FALSE(taken.has(lineage, ModSeq(10)));
  EXPECT_FALSE(taken.has({{kFirst, ModSeq()}}, ModSeq(6)));
  EXPECT_FALSE(taken.has({{kFirst, ModSeq()}, {kThird, ModSeq(5)}}, ModSeq(6)));
  EXPECT_FALSE(taken.has({}, ModSeq(1)));
}

TEST(TakenIn, IsReadAsItIsWritten) {
  TakenIn taken;
  EXPECT_EQ(taken.text(), "");
  EXPECT_EQ(TakenIn::parse(""), taken);
  EXPECT_EQ(TakenIn::parse("nonsense"), taken);
  taken.add({{kFirst, ModSeq()}, {kSecond, ModSeq(5)}}, ModSeq(9), ModSeq(5));
  EXPECT_EQ(taken.text(), "(2.0000000000000014@9)");
  EXPECT_EQ(TakenIn::parse(taken.text()), taken);
}

TEST(TakenIn, TakesInWhatAnotherHas) {
  TakenIn a;
  a.add({{kFirst, ModSeq()}}, ModSeq(9), ModSeq());
  TakenIn b;
  b.add({{kFirst, ModSeq()}, {kSecond, ModSeq(4)}}, ModSeq(7), ModSeq());
  a.add(b);
  EXPECT_EQ(a.text(), "(1.000000000000000a@9 2.0000000000000014@7)");
}

TEST(TakenIn, KeepsTheLastTerms) {
  TakenIn taken;
  for (uint64_t epoch = 1; epoch <= kLineageTermsMax + 1; ++epoch)
    taken.add({{{epoch, 1}, ModSeq()}}, ModSeq(5), ModSeq());
  EXPECT_FALSE(taken.has({{{1, 1}, ModSeq()}}, ModSeq(5)));
  EXPECT_TRUE(taken.has({{{2, 1}, ModSeq()}}, ModSeq(5)));
  EXPECT_EQ(TakenIn::parse(taken.text()), taken);
}

}  // namespace
}  // namespace gemel::sync
