#include "mail/fuzzy.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "mail/text.h"

namespace gemel {
namespace {

uint32_t relevance(std::string_view key, std::initializer_list<std::string_view> texts) {
  const FuzzyKey fuzzy(key);
  FuzzyMatch match(fuzzy);
  for (const std::string_view text : texts) match.look(search_fold(text));
  return match.relevance();
}

TEST(Fuzzy, FindsWordsInAnyOrderAndPlace) {  // RFC 6203 §3
  EXPECT_EQ(relevance("IMAP break", {"an imap break"}), kRelevanceMax);
  const uint32_t apart = relevance("IMAP break", {"breaking the IMAP"});
  EXPECT_GT(apart, 0);
  EXPECT_LT(apart, kRelevanceMax);
  EXPECT_EQ(relevance("IMAP break", {"From: imap", "a break"}), apart);
  EXPECT_EQ(relevance("IMAP break", {"IMAP"}), 0);
  EXPECT_EQ(relevance("IMAP break", {}), 0);
}

TEST(Fuzzy, AllowsErrorsInLongerWords) {  // RFC 6203 §4
  const uint32_t exact = relevance("Helo x", {"x helo"});
  for (const char* text : {"x hello", "x help", "x hlo", "x hElq"}) {
    EXPECT_GT(relevance("Helo x", {text}), 0) << text;
    EXPECT_LT(relevance("Helo x", {text}), exact) << text;
  }
  EXPECT_EQ(relevance("Helo", {"halp"}), 0);
  EXPECT_EQ(relevance("cat", {"cut"}), 0);
  EXPECT_GT(relevance("announcement", {"anouncment"}), 0);
  EXPECT_GT(relevance("announcement", {"announcemnet"}), 0);
  EXPECT_EQ(relevance("announcement", {"anouncmnt"}), 0);
  // The fewer the errors, the more relevant.
  EXPECT_GT(relevance("announcement x", {"x anouncement"}),
            relevance("announcement x", {"x anouncment"}));
}

TEST(Fuzzy, KnowsNoCaseAndNoWords) {
  EXPECT_EQ(relevance("ÜBER", {"über"}), kRelevanceMax);
  EXPECT_EQ(relevance("...", {"a ... b"}), kRelevanceMax);
  EXPECT_EQ(relevance("...", {"ab"}), 0);
  EXPECT_EQ(relevance("", {"anything"}), kRelevanceMax);
}

TEST(Fuzzy, HasLimits) {
  std::string many;
  for (size_t i = 0; i < kFuzzyWordsMax + 5; ++i) many += "w" + std::to_string(i) + " ";
  EXPECT_EQ(FuzzyKey(many).words().size(), kFuzzyWordsMax);
  const FuzzyKey large(std::string(1000, 'a') + " " + std::string(1000, 'b'));
  ASSERT_EQ(large.words().size(), 2);
  EXPECT_EQ(large.words()[0].folded.size(), kFuzzyWordBytesMax);
  EXPECT_GT(relevance(std::string(1000, 'a') + " b", {"b " + std::string(64, 'a')}), 0);
}

/// The fewest changes that make `word` of a part of `text`, by the table of Sellers.
size_t distance(std::string_view text, std::string_view word) {
  std::vector<size_t> column(word.size() + 1);
  for (size_t i = 0; i <= word.size(); ++i) column[i] = i;
  size_t best = column.back();
  for (const char c : text) {
    size_t diagonal = std::exchange(column[0], 0);
    for (size_t i = 1; i <= word.size(); ++i) {
      const size_t old = column[i];
      column[i] = std::min({old + 1, column[i - 1] + 1, diagonal + (word[i - 1] == c ? 0U : 1U)});
      diagonal = old;
    }
    best = std::min(best, column.back());
  }
  return best;
}

TEST(Fuzzy, CountsErrorsAsATableOfAllDistancesDoes) {
  SeededRandom random(9);
  const auto word = [&](size_t size) {
    std::string out;
    for (size_t i = 0; i < size; ++i) out += static_cast<char>('A' + random.u64() % 4);
    return out;
  };
  size_t matched = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = word(1 + random.u64() % 15);
    const std::string text = word(random.u64() % 40);
    const FuzzyKey fuzzy(key);
    FuzzyMatch match(fuzzy);
    match.look(search_fold(text));
    const bool is_match = distance(text, key) <= fuzzy.words().front().errors_max;
    ASSERT_EQ(match.relevance() > 0, is_match) << key << " in " << text;
    if (!is_match) continue;
    ++matched;
    // What an index is asked for.
    const auto parts = FuzzyKey::parts_of(fuzzy.words().front());
    EXPECT_TRUE(
        std::ranges::any_of(parts, [&](std::string_view part) { return text.contains(part); }))
        << key << " in " << text;
  }
  EXPECT_GT(matched, 1000);
}

}  // namespace
}  // namespace gemel
