#include "sync/merge_keywords.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace gemel::sync {
namespace {

// k100, k101 and so on.
FlagNames some(size_t count, size_t first = 100) {
  FlagNames out;
  for (size_t i = first; i < first + count; ++i) EXPECT_TRUE(out.add(fmt::format("k{}", i)));
  return out;
}

FlagNames one(std::string_view keyword) {
  FlagNames out;
  EXPECT_TRUE(out.add(keyword));
  return out;
}

TEST(KeywordChoice, GivesUpNothingThatHasAPlace) {
  KeywordChoice choice;
  choice.keep(some(100));
  choice.count(some(100), 1);
  choice.count(some(kMailboxKeywordPlaces - 100, 200), 0);
  choice.count(one("K100"), 1);  // the same one, whatever the case
  EXPECT_EQ(choice.given_up(), KeywordSet());
}

TEST(KeywordChoice, GivesUpWhatTheFewestMessagesHaveThenTheLastByName) {
  KeywordChoice choice;
  choice.count(some(kMailboxKeywordPlaces - 2), 3);
  choice.count(one("a"), 2);
  choice.count(one("B"), 1);
  choice.count(one("b"), 1);
  choice.count(one("hidden"), 0);
  EXPECT_EQ(choice.given_up(), KeywordSet({"hidden"}));
  choice.count(one("z"), 2);
  choice.count(one("Y"), 2);
  EXPECT_EQ(choice.given_up(), KeywordSet({"hidden", "z", "y"}));
}

TEST(KeywordChoice, WhatIsToStayStays) {
  KeywordChoice choice;
  choice.keep(some(kMailboxKeywordPlaces));
  choice.count(one("x"), 1000);
  EXPECT_EQ(choice.given_up(), KeywordSet({"x"}));
  EXPECT_EQ(without(some(1), choice.given_up()), some(1));
  EXPECT_EQ(without(one("X"), choice.given_up()), FlagNames());
}

}  // namespace
}  // namespace gemel::sync
