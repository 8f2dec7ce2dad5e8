#include "expire/rule.h"

#include <fmt/format.h>

#include <array>

#include "base/bytes.h"
#include "store/access.h"

namespace gemel::expire {
namespace {

std::unexpected<Error> wrong(std::string_view word, std::string_view needed) {
  return fail(Code::kSyntax, fmt::format("rule: \"{}\": {}", word, needed));
}

/// A number, or the word for no limit.
struct NumberWord {
  std::string_view key;
  std::optional<uint64_t> Rule::* field;
  std::string_view none;
  uint64_t max;
};
constexpr std::array kNumberWords = {
    NumberWord{"days", &Rule::days, "never", kDaysMax},
    NumberWord{"at-most", &Rule::at_most, "none", UINT32_MAX},
    NumberWord{"archive-days", &Rule::archive_days, "never", kDaysMax},
    NumberWord{"archive-bytes", &Rule::archive_bytes, "never", uint64_t{1} << 60},
    NumberWord{"archive-message-days", &Rule::archive_message_days, "never", kDaysMax},
    NumberWord{"archive-message-bytes", &Rule::archive_message_bytes, "never", uint64_t{1} << 60},
};
constexpr std::array<std::string_view, 2> kDateWords = {"savedate", "internaldate"};
constexpr std::array<std::string_view, 2> kSpareWords = {"flagged", "none"};

template <class T>
Result<void> set_choice(std::optional<T>& field, std::string_view word,
                        const std::array<std::string_view, 2>& choices) {
  const std::string_view value = word.substr(word.find('=') + 1);
  for (size_t i = 0; i < choices.size(); ++i) {
    if (value != choices[i]) continue;
    if (field) return wrong(word, "said twice");
    field = static_cast<T>(i);
    return {};
  }
  return wrong(word, fmt::format("is {} or {}", choices[0], choices[1]));
}

Result<void> set_number(Rule& rule, std::string_view word, const NumberWord& number) {
  const std::string_view value = word.substr(number.key.size() + 1);
  if (rule.*number.field) return wrong(word, "said twice");
  if (value == number.none) {
    rule.*number.field = kNever;
    return {};
  }
  const Result<uint64_t> parsed = parse_number(value);
  if (!parsed || *parsed == 0 || *parsed > number.max)
    return wrong(word, fmt::format("is a number from 1 to {}, or {}", number.max, number.none));
  rule.*number.field = *parsed;
  return {};
}

Result<void> set_word(Rule& rule, std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  if (name.size() == word.size()) return wrong(word, "has no value");
  if (name == "by") return set_choice(rule.by, word, kDateWords);
  if (name == "keep") return set_choice(rule.spare, word, kSpareWords);
  for (const NumberWord& number : kNumberWords)
    if (name == number.key) return set_number(rule, word, number);
  return wrong(word, "there is no such word");
}

}  // namespace

Result<Rule> parse_rule(std::string_view text) {
  if (text.size() > kRuleBytesMax) return fail(Code::kTooBig, "the rule is too long");
  Rule rule;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!word.empty()) TRY_OK(set_word(rule, word));
  }
  return rule;
}

std::string text_of(const Rule& rule) {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view value) {
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", name, value);
  };
  for (const NumberWord& number : kNumberWords) {
    const std::optional<uint64_t> value = rule.*number.field;
    if (value)
      add(number.key, *value == kNever ? std::string(number.none) : fmt::to_string(*value));
  }
  if (rule.by) add("by", kDateWords[static_cast<size_t>(*rule.by)]);
  if (rule.spare) add("keep", kSpareWords[static_cast<size_t>(*rule.spare)]);
  return out;
}

Rule overlaid(const Rule& above, const Rule& nearer) {
  Rule out = above;
  for (const NumberWord& number : kNumberWords)
    if (nearer.*number.field) out.*number.field = nearer.*number.field;
  if (nearer.by) out.by = nearer.by;
  if (nearer.spare) out.spare = nearer.spare;
  return out;
}

std::optional<uint64_t> days_at_least(const Rule& rule) {
  if (rule.at_most_or_all() != kNever) return std::nullopt;
  // INTERNALDATE may be long ago when a message comes.
  if (rule.days_or_never() != kNever && rule.by_or_default() == DateBy::kInternalDate)
    return std::nullopt;
  return rule.days_or_never();
}

RuleTree::RuleTree(const RulesByPath& configured, const std::vector<MailboxInfo>& mailboxes)
    : configured_(&configured) {
  for (const MailboxInfo& mailbox : mailboxes) {
    const auto at = mailbox.attributes.find(std::string(kAttributeRule));
    if (!mailbox.is_deleted() && at != mailbox.attributes.end())
      own_.emplace(mailbox.name, parse_rule(at->second));
  }
}

Result<Rule> RuleTree::of(const MailboxName& name) const {
  std::vector<MailboxName> levels = {name};
  while (const auto above = levels.back().parent()) levels.push_back(*above);
  const bool is_users = !is_reserved_userid(name.owner) && name.owner != kSharedOwner;
  Rule out;
  const auto add_configured = [&](const std::string& path) {
    const auto found = configured_->find(path);
    if (is_users && found != configured_->end()) out = overlaid(out, found->second);
  };
  add_configured("*");
  for (auto level = levels.rbegin(); level != levels.rend(); ++level) {
    add_configured(level->path);
    const auto own = own_.find(*level);
    if (own == own_.end()) continue;
    if (!own->second)
      return fail(own->second.error().code,
                  fmt::format("{}: {}", level->text(), own->second.error().text));
    out = overlaid(out, *own->second);
  }
  return out;
}

}  // namespace gemel::expire
