#include "sieve/flag_words.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"

namespace gemel::sieve {

std::vector<std::string> split_words(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  for (const std::string& text : texts) {
    for (size_t at = 0; at < text.size();) {
      const size_t start = std::min(text.find_first_not_of(' ', at), text.size());
      const size_t end = std::min(text.find(' ', start), text.size());
      if (end > start) out.push_back(text.substr(start, end - start));
      at = end;
    }
  }
  return out;
}

std::vector<std::string> flag_words(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (std::string& word : split_words(texts)) {
    FlagNames probe;
    if (probe.add(word) && seen.insert(to_lower(word)).second) out.push_back(std::move(word));
  }
  return out;
}

FlagNames flag_names(const std::vector<std::string>& texts, size_t count_max) {
  FlagNames out;
  std::vector<std::string> words = flag_words(texts);
  if (words.size() > count_max) words.resize(count_max);
  for (const std::string& word : words) static_cast<void>(out.add(word));
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) (out += out.empty() ? "" : " ") += word;
  return out;
}

}  // namespace gemel::sieve
