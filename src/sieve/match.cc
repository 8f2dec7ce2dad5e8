#include "sieve/match.h"

#include <string.h>  // memmem, which <cstring> need not have
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/check.h"
#include "mail/charset.h"
#include "sieve/limits.h"
#include "sieve/regex.h"

namespace gemel::sieve {
namespace {

std::string_view digits_of(std::string_view text) {
  const size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  return text.substr(0, end);
}

/// RFC 4790 §9.1.1: what begins with no digit is more than any number.
std::weak_ordering compare_numbers(std::string_view a, std::string_view b) {
  a = digits_of(a);
  b = digits_of(b);
  if (a.empty() || b.empty())
    return b.empty() <=> a.empty() == 0 ? std::weak_ordering::equivalent
           : a.empty()                  ? std::weak_ordering::greater
                                        : std::weak_ordering::less;
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a <=> b;
}

void append_character(std::string& out, UChar32 character) {
  char bytes[U8_MAX_LENGTH];
  int32_t size = 0;
  U8_APPEND_UNSAFE(bytes, size, character);
  out.append(bytes, static_cast<size_t>(size));
}

/// RFC 5051 §2: titlecase, then decompose.
std::string fold_unicode(std::string_view text) {
  if (is_ascii(text)) return to_upper(text);
  std::string titled;
  titled.reserve(text.size());
  const auto size = static_cast<int32_t>(text.size());
  for (int32_t i = 0; i < size;) {
    UChar32 character = 0;
    U8_NEXT_OR_FFFD(text.data(), i, size, character);
    append_character(titled, u_totitle(character));
  }
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* decompose = icu::Normalizer2::getNFKDInstance(error);
  CHECK(U_SUCCESS(error));
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  decompose->normalizeUTF8(0, icu::StringPiece(titled.data(), static_cast<int32_t>(titled.size())),
                           sink, nullptr, error);
  CHECK(U_SUCCESS(error));
  return out;
}

/// How long the character at `at` is: RFC 5228 §2.7.1, the comparator says what is one.
size_t unit_size(Comparator comparator, std::string_view text, size_t at) {
  if (comparator != Comparator::kUnicodeCasemap) return 1;
  const std::string_view rest = text.substr(at, U8_MAX_LENGTH);
  int32_t i = 0;
  U8_FWD_1(rest.data(), i, static_cast<int32_t>(rest.size()));
  return static_cast<size_t>(i);
}

/// A piece of a pattern between two "*": each unit a folded character, or nothing for "?".
using Segment = std::vector<std::optional<std::string>>;

/// One more than there are "*".
std::vector<Segment> parse_pattern(Comparator comparator, std::string_view text) {
  std::vector<Segment> out(1);
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '*' || text[at] == '?') {
      if (text[at] == '*')
        out.emplace_back();
      else
        out.back().push_back(std::nullopt);
      ++at;
      continue;
    }
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    const size_t size = unit_size(comparator, text, at);
    out.back().push_back(fold(comparator, text.substr(at, size)));
    at += size;
  }
  return out;
}

/// Looks for segments in a value, and counts what it compares. Places are offsets in octets.
/// Nothing of the value is stored, for it may be a whole body.
class WildcardMatcher {
 public:
  WildcardMatcher(Comparator comparator, std::string_view value, Budget& budget)
      : comparator_(comparator), value_(value), budget_(budget) {}

  Result<std::optional<MatchValues>> match(const std::vector<Segment>& segments) {
    size_t at = fit(segments.front(), 0);
    if (at == kNowhere) return none();
    take(segments.front(), 0);
    for (size_t i = 1; i < segments.size(); ++i) {
      // What stands behind the last "*" must end the value; any other is best where it is first.
      const bool is_last = i + 1 == segments.size();
      const size_t found = is_last ? find_at_end(segments[i], at) : find(segments[i], at);
      TRY_OK(settle());
      if (found == kNowhere) return none();
      add(value_.substr(at, found - at));
      at = take(segments[i], found);
    }
    if (at != value_.size()) return none();
    TRY_OK(settle());
    values_.insert(values_.begin(), std::string(value_));
    return std::optional(std::move(values_));
  }

 private:
  static constexpr size_t kNowhere = static_cast<size_t>(-1);
  static constexpr uint64_t kComparedMax = 1 << 20;  // before the budget is asked

  Result<std::optional<MatchValues>> none() {
    TRY_OK(settle());
    return std::optional<MatchValues>();
  }

  Result<void> settle() { return budget_.take(std::exchange(compared_, 0) / 64); }

  size_t before(size_t at) const {
    if (comparator_ != Comparator::kUnicodeCasemap) return at - 1;
    auto i = static_cast<int32_t>(at);
    U8_BACK_1(reinterpret_cast<const uint8_t*>(value_.data()), 0, i);
    return static_cast<size_t>(i);
  }

  size_t size_at(size_t at) const { return unit_size(comparator_, value_, at); }

  bool is(size_t at, const std::string& folded) {
    const char c = value_[at];
    ++compared_;
    if (comparator_ == Comparator::kOctet) return c == folded.front();
    const bool is_small = c >= 'a' && c <= 'z';
    const char upper = is_small ? static_cast<char>(c - 32) : c;
    if (comparator_ != Comparator::kUnicodeCasemap) return upper == folded.front();
    if (static_cast<unsigned char>(c) < 0x80) return folded.size() == 1 && folded.front() == upper;
    compared_ += 16;  // folding a character costs more than comparing one
    return fold_unicode(value_.substr(at, size_at(at))) == folded;
  }

  /// Where the segment that fits at `at` ends.
  size_t fit(const Segment& segment, size_t at) {
    for (const auto& unit : segment) {
      if (at >= value_.size() || (unit && !is(at, *unit))) return kNowhere;
      at += size_at(at);
    }
    return at;
  }

  size_t find(const Segment& segment, size_t from) {
    for (size_t at = from; at <= value_.size(); at += size_at(at)) {
      if (fit(segment, at) != kNowhere) return at;
      ++compared_;
      // Give up here; settle() will find that the budget is spent.
      if (at == value_.size() || (compared_ > kComparedMax && !settle())) break;
    }
    return kNowhere;
  }

  size_t find_at_end(const Segment& segment, size_t from) {
    size_t at = value_.size();
    for (size_t i = 0; i < segment.size(); ++i) {
      if (at <= from) return kNowhere;
      at = before(at);
    }
    return at >= from && fit(segment, at) == value_.size() ? at : kNowhere;
  }

  /// Notes what the "?" of the segment at `at` took; where it ends.
  size_t take(const Segment& segment, size_t at) {
    for (const auto& unit : segment) {
      const size_t size = size_at(at);
      if (!unit) add(value_.substr(at, size));
      at += size;
    }
    return at;
  }

  void add(std::string_view value) {
    if (values_.size() + 1 < kMatchValuesMax) values_.emplace_back(value);
  }

  Comparator comparator_;
  std::string_view value_;
  Budget& budget_;
  MatchValues values_;  // from ${1} on, until the end
  uint64_t compared_ = 0;
};

}  // namespace

// --- comparators ---

std::optional<Comparator> find_comparator(std::string_view name) {
  if (name == "i;ascii-casemap") return Comparator::kAsciiCasemap;
  if (name == "i;ascii-numeric") return Comparator::kAsciiNumeric;
  if (name == "i;octet") return Comparator::kOctet;
  if (name == "i;unicode-casemap") return Comparator::kUnicodeCasemap;
  return std::nullopt;
}

std::string_view name_of(Comparator comparator) {
  constexpr std::array<std::string_view, 4> kNames = {"i;ascii-casemap", "i;ascii-numeric",
                                                      "i;octet", "i;unicode-casemap"};
  return kNames[static_cast<size_t>(comparator)];
}

std::optional<Relation> find_relation(std::string_view name) {
  constexpr std::array<std::string_view, 6> kNames = {"gt", "ge", "lt", "le", "eq", "ne"};
  const auto found = std::ranges::find(kNames, to_lower(name));
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Relation>(found - kNames.begin());
}

std::string fold(Comparator comparator, std::string_view text) {
  switch (comparator) {
    case Comparator::kAsciiCasemap:
      return to_upper(text);  // RFC 4790 §9.2.1
    case Comparator::kUnicodeCasemap:
      return fold_unicode(text);
    default:
      return std::string(text);
  }
}

std::weak_ordering compare(Comparator comparator, std::string_view a, std::string_view b) {
  if (comparator == Comparator::kAsciiNumeric) return compare_numbers(a, b);
  if (comparator == Comparator::kOctet) return a <=> b;
  return fold(comparator, a) <=> fold(comparator, b);
}

bool holds(Relation relation, std::weak_ordering order) {
  switch (relation) {
    case Relation::kGt:
      return order > 0;
    case Relation::kGe:
      return order >= 0;
    case Relation::kLt:
      return order < 0;
    case Relation::kLe:
      return order <= 0;
    case Relation::kEq:
      return order == 0;
    case Relation::kNe:
      return order != 0;
  }
  return false;
}

Result<std::optional<MatchValues>> match_wildcards(Comparator comparator, std::string_view pattern,
                                                   std::string_view value, Budget& budget) {
  TRY_OK(budget.take_for(value));
  TRY_OK(budget.take_for(pattern));
  return WildcardMatcher(comparator, value, budget).match(parse_pattern(comparator, pattern));
}

// --- keys ---

struct Keys::State {
  MatchSpec spec;
  Budget& budget;
  std::vector<std::string> keys;  // folded, for is and contains
  std::vector<Regex> expressions;

  Result<std::optional<MatchValues>> match_key(size_t at, std::string_view value,
                                               const std::string& folded);
};

Keys::Keys(std::unique_ptr<State> state) : state_(std::move(state)) {}
Keys::Keys(Keys&&) noexcept = default;
Keys& Keys::operator=(Keys&&) noexcept = default;
Keys::~Keys() = default;

Result<Keys> Keys::make(const MatchSpec& spec, std::vector<std::string> keys, Budget& budget) {
  auto state = std::make_unique<State>(State{spec, budget, {}, {}});
  const bool folds = spec.type == MatchType::kIs || spec.type == MatchType::kContains;
  for (std::string& key : keys) {
    TRY_OK(budget.take_for(key));
    if (spec.type == MatchType::kRegex) {
      TRY_OK(budget.take(key.size()));  // compiling costs far more than reading
      TRY(Regex expression, Regex::compile(key, spec.comparator));
      state->expressions.push_back(std::move(expression));
    }
    state->keys.push_back(folds ? fold(spec.comparator, key) : std::move(key));
  }
  return Keys(std::move(state));
}

Result<std::optional<MatchValues>> Keys::State::match_key(size_t at, std::string_view value,
                                                          const std::string& folded) {
  const std::string& key = keys[at];
  const auto said = [](bool fits) {
    return fits ? std::optional(MatchValues()) : std::optional<MatchValues>();
  };
  switch (spec.type) {
    case MatchType::kIs:
      if (spec.comparator == Comparator::kAsciiNumeric)
        return said(compare_numbers(value, key) == 0);
      return said(folded == key);
    case MatchType::kContains:
      // memmem is linear for any key (two-way string matching), std::string::find is not.
      return said(key.empty() ||
                  ::memmem(folded.data(), folded.size(), key.data(), key.size()) != nullptr);
    case MatchType::kMatches:
      return match_wildcards(spec.comparator, key, value, budget);
    case MatchType::kRegex: {
      TRY_OK(budget.take(expressions[at].cost_of(value)));
      return expressions[at].search(value);
    }
    default:
      return said(holds(spec.relation, compare(spec.comparator, value, key)));
  }
}

Result<std::optional<MatchValues>> Keys::match(std::string_view value) {
  TRY_OK(state_->budget.take_for(value));
  const bool folds =
      state_->spec.type == MatchType::kIs || state_->spec.type == MatchType::kContains;
  const std::string folded = folds ? fold(state_->spec.comparator, value) : std::string();
  for (size_t i = 0; i < state_->keys.size(); ++i) {
    TRY_OK(state_->budget.take_for(value));
    TRY(auto found, state_->match_key(i, value, folded));
    if (found) return found;
  }
  return std::optional<MatchValues>();
}

}  // namespace gemel::sieve
