#include "mail/fuzzy.h"

#include <algorithm>
#include <optional>

#include "mail/text.h"

namespace gemel {
namespace {

constexpr uint32_t kErrorsMax = 2;
constexpr uint32_t kNotSeen = UINT32_MAX;
// Of words that are all there, but not as the phrase that they are in the key.
constexpr uint32_t kWordsRelevance = 90;

// Folded letters and digits; what is outside of ASCII is mostly letters.
bool is_of_word(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (static_cast<uint8_t>(c) & 0x80) != 0;
}

FuzzyKey::Word word_of(std::string folded) {
  FuzzyKey::Word out{.folded = std::move(folded), .errors_max = 0, .places = {}};
  if (out.folded.size() >= kFuzzyOneError) out.errors_max = 1;
  if (out.folded.size() >= kFuzzyTwoErrors) out.errors_max = kErrorsMax;
  for (size_t i = 0; i < out.folded.size(); ++i)
    out.places[static_cast<uint8_t>(out.folded[i])] |= uint64_t{1} << i;
  return out;
}

/// The fewest errors with which the word is in the text, from 1 to its errors_max; nothing with
/// more. By Wu and Manber: bit i of row d says that the word's first i + 1 bytes end here with at
/// most d errors.
std::optional<uint32_t> errors_in(std::string_view folded, const FuzzyKey::Word& word) {
  const uint64_t whole = uint64_t{1} << (word.folded.size() - 1);
  std::array<uint64_t, kErrorsMax + 1> rows{};
  for (uint32_t d = 1; d <= word.errors_max; ++d) rows[d] = (uint64_t{1} << d) - 1;
  std::optional<uint32_t> best;
  for (const char c : folded) {
    const uint64_t here = word.places[static_cast<uint8_t>(c)];
    uint64_t before = rows[0];  // the row with one error less, before this byte
    rows[0] = (rows[0] << 1 | 1) & here;
    for (uint32_t d = 1; d <= word.errors_max; ++d) {
      const uint64_t old = rows[d];
      // The byte fits; it is one too many; it is another; one of the word's is missing.
      rows[d] = ((old << 1 | 1) & here) | before | before << 1 | rows[d - 1] << 1 | 1;
      before = old;
      if ((rows[d] & whole) == 0) continue;
      if (!best || d < *best) best = d;
      break;
    }
    if (best == 1U) break;
  }
  return best;
}

}  // namespace

FuzzyKey::FuzzyKey(std::string_view utf8) : phrase_(search_fold(utf8)) {
  std::string word;
  const auto put = [&] {
    if (!word.empty() && words_.size() < kFuzzyWordsMax) words_.push_back(word_of(word));
    word.clear();
  };
  for (const char c : phrase_) {
    if (!is_of_word(c))
      put();
    else if (word.size() < kFuzzyWordBytesMax)
      word += c;
  }
  put();
}

size_t FuzzyKey::overlap_bytes() const {
  return std::max(phrase_.size(), kFuzzyWordBytesMax + kErrorsMax);
}

std::vector<std::string_view> FuzzyKey::parts_of(const Word& word) {
  // With so many errors one of one part more has none.
  const size_t count = word.errors_max + 1;
  std::vector<std::string_view> out;
  std::string_view rest = word.folded;
  for (size_t left = count; left > 0; --left) {
    const size_t size = rest.size() / left;
    out.push_back(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  return out;
}

FuzzyMatch::FuzzyMatch(const FuzzyKey& key) : key_(key), errors_(key.words().size(), kNotSeen) {}

void FuzzyMatch::look(std::string_view folded) {
  if (has_phrase_) return;
  has_phrase_ = contains_folded(folded, key_.phrase());
  for (size_t i = 0; i < errors_.size() && !has_phrase_; ++i) {
    const FuzzyKey::Word& word = key_.words()[i];
    if (errors_[i] == 0) continue;
    if (contains_folded(folded, word.folded))
      errors_[i] = 0;
    else if (errors_[i] > 1)
      errors_[i] = std::min(errors_[i], errors_in(folded, word).value_or(kNotSeen));
  }
}

uint32_t FuzzyMatch::relevance() const {
  if (has_phrase_) return kRelevanceMax;
  if (errors_.empty()) return 0;
  uint64_t sum = 0;
  for (size_t i = 0; i < errors_.size(); ++i) {
    if (errors_[i] == kNotSeen) return 0;
    // An error in a short word says more than one in a long word.
    const uint64_t size = key_.words()[i].folded.size();
    sum += kWordsRelevance -
           std::min<uint64_t>(kWordsRelevance - 1, kWordsRelevance * 2 * errors_[i] / size);
  }
  return static_cast<uint32_t>(sum / errors_.size());
}

}  // namespace gemel
