#include "sieve/match.h"

#include <gtest/gtest.h>

#include <random>

#include "sieve/limits.h"
#include "sieve/regex.h"

namespace gemel::sieve {
namespace {

std::optional<MatchValues> match(std::string_view pattern, std::string_view value,
                                 Comparator comparator = Comparator::kAsciiCasemap) {
  Budget budget(1'000'000);
  auto found = match_wildcards(comparator, pattern, value, budget);
  EXPECT_TRUE(found);
  return *found;
}

TEST(Wildcards, WhatTheyTake) {  // RFC 5229 §3.2
  EXPECT_EQ(match("*", ""), (MatchValues{"", ""}));
  EXPECT_EQ(match("?", "x"), (MatchValues{"x", "x"}));
  EXPECT_EQ(match("a*c", "abc"), (MatchValues{"abc", "b"}));
  EXPECT_EQ(match("**", "ab"), (MatchValues{"ab", "", "ab"}));
  EXPECT_EQ(match("*?", "ab"), (MatchValues{"ab", "a", "b"}));
  EXPECT_EQ(match("?*", "ab"), (MatchValues{"ab", "a", "b"}));
  EXPECT_EQ(match("*b*b*", "abcbd"), (MatchValues{"abcbd", "a", "c", "d"}));
  EXPECT_EQ(match("", ""), (MatchValues{""}));
}

TEST(Wildcards, AllOfTheValueMustFit) {  // RFC 5228 §2.7.1
  EXPECT_FALSE(match("a", "ab"));
  EXPECT_FALSE(match("b", "ab"));
  EXPECT_FALSE(match("", "a"));
  EXPECT_FALSE(match("a*b", "a"));
  EXPECT_FALSE(match("ab*ba", "aba"));
  EXPECT_FALSE(match("?", ""));
}

TEST(Wildcards, QuotedOnesAreLetters) {
  EXPECT_TRUE(match("\\*", "*"));
  EXPECT_FALSE(match("\\*", "x"));
  EXPECT_TRUE(match("a\\?b", "a?b"));
  EXPECT_TRUE(match("\\\\*", "\\x"));
  EXPECT_TRUE(match("\\a", "a"));
  EXPECT_TRUE(match("\\", "\\"));
}

TEST(Wildcards, ACharacterIsTheComparatorsOne) {
  EXPECT_EQ(match("?x", "äx", Comparator::kUnicodeCasemap), (MatchValues{"äx", "ä"}));
  EXPECT_FALSE(match("?x", "äx", Comparator::kOctet));
  EXPECT_EQ(match("*Ä", "xä", Comparator::kUnicodeCasemap), (MatchValues{"xä", "x"}));
  EXPECT_TRUE(match("?", "\xff", Comparator::kUnicodeCasemap));  // no UTF-8
}

/// The definition, by trying: the first "*" takes as little as it can, then the next.
std::optional<MatchValues> by_trying(std::string_view pattern, std::string_view value) {
  if (pattern.empty()) return value.empty() ? std::optional(MatchValues()) : std::nullopt;
  if (pattern.front() == '*') {
    for (size_t size = 0; size <= value.size(); ++size) {
      if (auto rest = by_trying(pattern.substr(1), value.substr(size))) {
        rest->insert(rest->begin(), std::string(value.substr(0, size)));
        return rest;
      }
    }
    return std::nullopt;
  }
  if (value.empty() || (pattern.front() != '?' && pattern.front() != value.front()))
    return std::nullopt;
  auto rest = by_trying(pattern.substr(1), value.substr(1));
  if (rest && pattern.front() == '?') rest->insert(rest->begin(), std::string(1, value.front()));
  return rest;
}

TEST(Wildcards, AgreeWithTheDefinition) {
  std::mt19937 random(1);
  const auto text = [&](std::string_view letters, size_t size_max) {
    std::string out;
    for (size_t left = random() % (size_max + 1); left > 0; --left)
      out += letters[random() % letters.size()];
    return out;
  };
  size_t matches = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string pattern = text("ab*?", 8);
    const std::string value = text("ab", 10);
    SCOPED_TRACE(pattern + " on " + value);
    auto wanted = by_trying(pattern, value);
    if (wanted) wanted->insert(wanted->begin(), value);
    for (const Comparator comparator :
         {Comparator::kOctet, Comparator::kAsciiCasemap, Comparator::kUnicodeCasemap})
      ASSERT_EQ(match(pattern, value, comparator), wanted);
    matches += wanted ? 1 : 0;
  }
  EXPECT_GT(matches, 1000U);
}

TEST(Wildcards, SpendTheBudget) {
  Budget budget(100);
  const auto found = match_wildcards(Comparator::kOctet, "*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab*",
                                     std::string(5000, 'a'), budget);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kLimit);
  EXPECT_FALSE(budget.take(1));
}

TEST(Comparators, Numbers) {  // RFC 4790 §9.1.1
  const auto order = [](std::string_view a, std::string_view b) {
    return compare(Comparator::kAsciiNumeric, a, b);
  };
  EXPECT_EQ(order("7", "007"), std::weak_ordering::equivalent);
  EXPECT_EQ(order("7 apples", "7"), std::weak_ordering::equivalent);
  EXPECT_EQ(order("9", "10"), std::weak_ordering::less);
  EXPECT_EQ(order("0", "00"), std::weak_ordering::equivalent);
  EXPECT_EQ(order("x", "y"), std::weak_ordering::equivalent);
  EXPECT_EQ(order("x", "99999999999999999999"), std::weak_ordering::greater);
  EXPECT_EQ(order("1", ""), std::weak_ordering::less);
  EXPECT_EQ(order("-1", "1"), std::weak_ordering::greater);
}

TEST(Comparators, Letters) {  // RFC 4790 §9.2, §9.3
  EXPECT_EQ(compare(Comparator::kAsciiCasemap, "HELLO", "hello"), std::weak_ordering::equivalent);
  EXPECT_NE(compare(Comparator::kAsciiCasemap, "Ä", "ä"), std::weak_ordering::equivalent);
  EXPECT_EQ(compare(Comparator::kAsciiCasemap, "a", "_"),
            std::weak_ordering::less);  // as upper case
  EXPECT_EQ(compare(Comparator::kOctet, "a", "_"), std::weak_ordering::greater);
  EXPECT_EQ(compare(Comparator::kOctet, "\x80", "a"), std::weak_ordering::greater);
}

TEST(Comparators, Unicode) {  // RFC 5051 §2
  const auto equal = [](std::string_view a, std::string_view b) {
    return compare(Comparator::kUnicodeCasemap, a, b) == 0;
  };
  EXPECT_TRUE(equal("ÄRGER", "ärger"));
  EXPECT_TRUE(equal("a\xcc\x88", "ä"));      // decomposed
  EXPECT_TRUE(equal("ǆ", "ǅ"));              // titlecase
  EXPECT_FALSE(equal("ﬁ", "fi"));            // decomposed behind the change of case
  EXPECT_FALSE(equal("straße", "strasse"));  // one character never becomes two by case
  EXPECT_FALSE(equal("a", "ä"));
}

TEST(Relations, Hold) {  // RFC 5231 §4
  const auto less = std::weak_ordering::less;
  const auto same = std::weak_ordering::equivalent;
  EXPECT_TRUE(holds(Relation::kLt, less) && holds(Relation::kLe, less) &&
              holds(Relation::kNe, less));
  EXPECT_FALSE(holds(Relation::kGt, less) || holds(Relation::kGe, less) ||
               holds(Relation::kEq, less));
  EXPECT_TRUE(holds(Relation::kEq, same) && holds(Relation::kLe, same) &&
              holds(Relation::kGe, same));
  EXPECT_EQ(find_relation("GE"), Relation::kGe);
  EXPECT_FALSE(find_relation("="));
}

TEST(Regex, GroupsThatTookNoPartAreEmpty) {
  const auto regex = Regex::compile("(a)|(b)", Comparator::kOctet);
  ASSERT_TRUE(regex);
  EXPECT_EQ(regex->search("xb"), (std::vector<std::string>{"b", "", "b"}));
  EXPECT_FALSE(regex->search("B"));
}

TEST(Regex, WhatIsNotPosixIsAnError) {
  for (const char* pattern : {"\\d", "(?i)a", "a\\1", "(?=a)", "\\bx", "[[:letter:]]"})
    EXPECT_FALSE(Regex::compile(pattern, Comparator::kOctet)) << pattern;
}

}  // namespace
}  // namespace gemel::sieve
