#include "sieve/score.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/bytes.h"

namespace gemel::sieve {
namespace {

std::optional<double> number_in(const ScoreSource& source, std::string_view value) {
  const size_t mark = value.find(source.behind);
  if (mark == std::string_view::npos) return std::nullopt;
  value.remove_prefix(mark + source.behind.size());
  for (; !value.empty(); value.remove_prefix(1)) {
    double number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number,
                                              std::chars_format::fixed);
    if (error == std::errc() && std::isfinite(number)) return number;
  }
  return std::nullopt;
}

double characters_in(std::string_view value) {
  if (value.empty()) return 0;
  const size_t end = std::min(value.find_first_not_of(value.front()), value.size());
  return static_cast<double>(end);
}

std::optional<double> word_in(const ScoreSource& source, std::string_view value) {
  const std::string_view word = value.substr(0, value.find_first_of(" \t,;"));
  for (const auto& [name, score] : source.words)
    if (equals_ignoring_case(name, word)) return score;
  return std::nullopt;
}

}  // namespace

std::optional<double> share_in(const ScoreSource& source, std::string_view value) {
  std::optional<double> score;
  switch (source.kind) {
    case ScoreSource::Kind::kNumber:
      score = number_in(source, value);
      break;
    case ScoreSource::Kind::kCharacters:
      score = characters_in(value);
      break;
    case ScoreSource::Kind::kWord:
      score = word_in(source, value);
      break;
  }
  if (!score || source.max <= 0) return std::nullopt;
  return std::clamp(*score / source.max, 0.0, 1.0);
}

std::string score_text(double share, ScoreScale scale) {
  switch (scale) {
    case ScoreScale::kPercent:
      return std::to_string(static_cast<int>(std::floor(share * 100)));
    // 1 is clear, and only what is certain is 10.
    case ScoreScale::kSpam:
      return std::to_string(1 + static_cast<int>(std::floor(share * 9)));
    case ScoreScale::kVirus:
      return std::to_string(std::max(1, static_cast<int>(std::lround(share * 5))));
  }
  return {};
}

}  // namespace gemel::sieve
