#include "nntp/wildmat.h"

#include <gtest/gtest.h>

namespace gemel::nntp {
namespace {

TEST(Wildmat, IsDecidedByTheLastPatternThatMatches) {  // RFC 3977 §4.4
  struct Row {
    const char* wildmat;
    const char* name;
    bool matches;
  };
  constexpr Row kRows[] = {
      {"a*,!*b,*c*", "aaa", true},
      {"a*,!*b,*c*", "abb", false},
      {"a*,!*b,*c*", "ccb", true},
      {"a*,!*b,*c*", "xxx", false},
      {"a*,c*,!*b", "ccb", false},
      {"a*,c*,!*b", "ccc", true},
      {"?a*",
       "\xc3\xa9"
       "a",
       true},
      {"??a",
       "\xc3\xa9"
       "a",
       false},
      {"*", "", true},
      {"!a", "b", false},
      {"a?", "a", false},
      {"*.c", "x.c.c", true},
  };
  for (const Row& row : kRows)
    EXPECT_EQ(Wildmat::parse(row.wildmat)->matches(row.name), row.matches)
        << row.wildmat << ' ' << row.name;
  EXPECT_TRUE(Wildmat::all().matches("comp.lang.c"));
}

TEST(Wildmat, RefusesWhatIsNone) {
  for (const char* bad : {"", ",", "a,", "!", "a[b]", "a\\b", "a!b", "a b"})
    EXPECT_EQ(Wildmat::parse(bad).error().code, Code::kSyntax) << bad;
  std::string many = "a";
  for (size_t i = 1; i < kWildmatPatternsMax; ++i) many += ",a";
  EXPECT_TRUE(Wildmat::parse(many).has_value());
  EXPECT_EQ(Wildmat::parse(many + ",a").error().code, Code::kLimit);
}

TEST(Wildmat, HasNoPatternThatTakesForEver) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "*a";
  EXPECT_FALSE(matches_pattern(pattern + "b", std::string(5000, 'a'), PatternKind::kPlain));
}

TEST(Pattern, MayHaveSetsForXpat) {  // RFC 2980 §2.9
  const auto matches = [](const char* pattern, const char* text) {
    return matches_pattern(pattern, text, PatternKind::kSets);
  };
  EXPECT_TRUE(matches("*[Hh]ello*", "oh hello"));
  EXPECT_TRUE(matches("[a-c]?", "bz"));
  EXPECT_FALSE(matches("[^a-c]", "b"));
  EXPECT_TRUE(matches("[]]", "]"));
  EXPECT_TRUE(matches("a\\*", "a*"));
  EXPECT_FALSE(matches("a\\*", "ab"));
  EXPECT_TRUE(matches("[a", "[a"));  // a set that never ends is text
  EXPECT_FALSE(matches_pattern("[a]", "a", PatternKind::kPlain));
}

}  // namespace
}  // namespace gemel::nntp
