#include "sieve/regex.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include "sieve/limits.h"

namespace gemel::sieve {

struct Regex::State {
  State(re2::StringPiece pattern, const RE2::Options& options) : expression(pattern, options) {}
  RE2 expression;
};

Regex::Regex(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern, Comparator comparator) {
  if (pattern.size() > kRegexBytesMax)
    return fail(Code::kTooBig,
                fmt::format("the regular expression is longer than {} octets", kRegexBytesMax));
  RE2::Options options;
  options.set_posix_syntax(true);
  options.set_longest_match(true);
  options.set_log_errors(false);
  options.set_max_mem(kRegexMemoryMax);
  options.set_case_sensitive(comparator == Comparator::kOctet);
  auto state =
      std::make_unique<const State>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (state->expression.ok()) return Regex(std::move(state));
  const bool too_big = state->expression.error_code() == RE2::ErrorPatternTooLarge;
  return fail(too_big ? Code::kTooBig : Code::kSyntax,
              fmt::format("regular expression: {}", state->expression.error()));
}

std::optional<std::vector<std::string>> Regex::search(std::string_view text) const {
  const RE2& expression = state_->expression;
  const size_t groups = static_cast<size_t>(expression.NumberOfCapturingGroups()) + 1;
  std::vector<re2::StringPiece> found(std::min(groups, kMatchValuesMax));
  const re2::StringPiece subject(text.data(), text.size());
  if (!expression.Match(subject, 0, subject.size(), RE2::UNANCHORED, found.data(),
                        static_cast<int>(found.size())))
    return std::nullopt;
  std::vector<std::string> out;
  out.reserve(found.size());
  for (const re2::StringPiece& group : found) out.push_back(group.as_string());
  return out;
}

uint64_t Regex::cost_of(std::string_view text) const {
  // At worst each octet is shown to each instruction of the program; 1024 such looks take about as
  // long as a step.
  const auto instructions = static_cast<uint64_t>(state_->expression.ProgramSize());
  return 1 + text.size() * (16 + instructions) / 1024;
}

}  // namespace gemel::sieve
