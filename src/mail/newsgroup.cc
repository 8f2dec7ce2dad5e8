#include "mail/newsgroup.h"

#include <fmt/format.h>

#include <algorithm>

#include "mail/rfc822_lexer.h"

namespace gemel {
namespace {

bool is_component_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '-' || c == '_';
}

}  // namespace

bool is_newsgroup(std::string_view name) {
  if (name.empty() || name.size() > kNewsgroupBytesMax) return false;
  bool component_is_empty = true;
  for (const char c : name) {
    if (c == '.' && component_is_empty) return false;
    if (c != '.' && !is_component_char(c)) return false;
    component_is_empty = c == '.';
  }
  return !component_is_empty;
}

Result<MailboxName> mailbox_of_newsgroup(std::string_view owner, std::string_view prefix,
                                         std::string_view group) {
  if (!is_newsgroup(group)) return fail(Code::kInvalid, "that is no name of a newsgroup");
  return MailboxName::make(owner, fmt::format("{}{}{}", prefix, kHierarchySeparator, group));
}

std::optional<std::string> newsgroup_of_path(std::string_view prefix, std::string_view path) {
  if (!path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  if (!path.starts_with(kHierarchySeparator)) return std::nullopt;
  path.remove_prefix(1);
  if (!is_newsgroup(path)) return std::nullopt;
  return std::string(path);
}

Result<std::vector<std::string>> parse_newsgroups(std::string_view value) {
  std::vector<std::string> out;
  for (;;) {
    const size_t comma = value.find(',');
    const std::string_view name = trim(value.substr(0, comma));
    if (!is_newsgroup(name)) return fail(Code::kSyntax, "Newsgroups is no list of group names");
    // RFC 5536 §3.1.4: a name SHOULD NOT be there twice; nothing is gained by refusing it.
    if (std::ranges::find(out, name) == out.end()) out.emplace_back(name);
    if (out.size() > kNewsgroupsMax) return fail(Code::kLimit, "too many newsgroups");
    if (comma == std::string_view::npos) return out;
    value.remove_prefix(comma + 1);
  }
}

bool is_netnews_message_id(std::string_view text) {
  if (text.size() < 5 || text.size() > kMessageIdBytesMax) return false;
  if (!text.starts_with('<') || !text.ends_with('>')) return false;
  const std::string_view inside = text.substr(1, text.size() - 2);
  const size_t at = inside.find('@');
  if (at == 0 || at == std::string_view::npos || at + 1 == inside.size()) return false;
  return std::ranges::all_of(inside,
                             [](char c) { return c > ' ' && c <= '~' && c != '<' && c != '>'; });
}

Result<NewsgroupStatus> parse_newsgroup_status(std::string_view letter) {
  if (letter != "y" && letter != "n" && letter != "m")
    return fail(Code::kInvalid, "a newsgroup's status is y, n or m");
  return static_cast<NewsgroupStatus>(letter.front());
}

NewsgroupStatus newsgroup_status(const MailboxInfo& mailbox) {
  const std::string_view text = newsgroup_attribute(mailbox, kAttributeNewsgroupStatus);
  // Whatever else somebody wrote there, a group whose status is unclear takes no posts.
  if (text.empty()) return NewsgroupStatus::kPosting;
  return parse_newsgroup_status(text).value_or(NewsgroupStatus::kNoPosting);
}

std::string_view newsgroup_attribute(const MailboxInfo& mailbox, std::string_view name) {
  const auto found = mailbox.attributes.find(std::string(name));
  return found == mailbox.attributes.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace gemel
