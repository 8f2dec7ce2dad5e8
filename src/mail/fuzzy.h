// Texts that are about like what is looked for: FUZZY.
//
// What is looked for is taken as words. A text matches when each of them is somewhere in it, inside
// of other words too, with one wrong, missing or additional byte where the word has at least
// kFuzzyOneError bytes, and with two from kFuzzyTwoErrors on. Case, accents and so on count as
// little as in search_fold.
//
// Threads  any; values made for one search.
// Source   RFC 6203 §3 and §4 (scores); Wu and Manber, "Fast text searching allowing errors", 1992.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gemel {

inline constexpr size_t kFuzzyOneError = 4;
inline constexpr size_t kFuzzyTwoErrors = 12;
/// Further words, and further bytes of a word, are not looked at.
inline constexpr size_t kFuzzyWordsMax = 12;
inline constexpr size_t kFuzzyWordBytesMax = 64;
/// Of a match; what is found as it was asked for has the highest (RFC 6203 §4).
inline constexpr uint32_t kRelevanceMax = 100;

class FuzzyKey {
 public:
  /// `utf8` is valid.
  explicit FuzzyKey(std::string_view utf8);

  struct Word {
    std::string folded;
    uint32_t errors_max;
    std::array<uint64_t, 256> places;  // a bit for each place of the byte in the word
  };
  const std::vector<Word>& words() const { return words_; }
  /// The whole, folded.
  const std::string& phrase() const { return phrase_; }

  /// What FuzzyMatch needs of the piece of a text before, as LookAtText has it.
  size_t overlap_bytes() const;

  /// Parts of a word of which at least one is in any text that has the word, errors and all.
  static std::vector<std::string_view> parts_of(const Word& word);

 private:
  std::string phrase_;
  std::vector<Word> words_;
};

/// The texts of one message against a key.
class FuzzyMatch {
 public:
  /// `key` must outlive it.
  explicit FuzzyMatch(const FuzzyKey& key);
  /// `folded` by search_fold; a long text may come in pieces that overlap. Cost: O(bytes × words).
  void look(std::string_view folded);
  /// 0: the texts seen so far don't match; kRelevanceMax: one has the whole as it is; between:
  /// fewer for each error.
  uint32_t relevance() const;

 private:
  const FuzzyKey& key_;
  bool has_phrase_ = false;
  std::vector<uint32_t> errors_;  // by word: the fewest seen
};

}  // namespace gemel
