#include "mail/mailbox_name.h"

#include <unicode/utf8.h>

#include <algorithm>

#include "base/bytes.h"

namespace gemel {
namespace {

bool is_utf8_without_controls(std::string_view text) {
  const auto length = static_cast<int32_t>(text.size());
  for (int32_t at = 0; at < length;) {
    UChar32 c = 0;
    U8_NEXT(text.data(), at, length, c);
    if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return false;  // bad bytes give a negative c
  }
  return true;
}

}  // namespace

bool MailboxName::is_within(const MailboxName& ancestor) const {
  return owner == ancestor.owner && path.starts_with(ancestor.path) &&
         (path.size() == ancestor.path.size() || path[ancestor.path.size()] == kHierarchySeparator);
}

std::optional<MailboxName> MailboxName::parent() const {
  const size_t slash = path.rfind(kHierarchySeparator);
  if (slash == std::string::npos) return std::nullopt;
  return MailboxName{owner, path.substr(0, slash)};
}

Result<MailboxName> MailboxName::make(std::string_view owner, std::string_view path) {
  TRY_OK(check_userid(owner));
  if (path.ends_with(kHierarchySeparator)) path.remove_suffix(1);
  if (path.empty()) return fail(Code::kInvalid, "a mailbox name is empty");
  if (path.size() > kMailboxPathBytesMax) return fail(Code::kTooBig, "mailbox name is too long");
  if (path.front() == kHierarchySeparator || path.find("//") != std::string_view::npos)
    return fail(Code::kInvalid, "a mailbox name has an empty level");
  if (!is_utf8_without_controls(path))
    return fail(Code::kInvalid, "a mailbox name has control characters or is not UTF-8");
  if (std::ranges::count(path, kHierarchySeparator) >=
      static_cast<std::ptrdiff_t>(kMailboxDepthMax))
    return fail(Code::kLimit, "mailbox name has too many levels");
  std::string canonical(path);
  const size_t top = path.find(kHierarchySeparator);
  if (equals_ignoring_case(path.substr(0, top), "INBOX")) canonical.replace(0, 5, "INBOX");
  return MailboxName{std::string(owner), std::move(canonical)};
}

Result<MailboxName> MailboxName::parse(std::string_view text) {
  const size_t slash = text.find(kHierarchySeparator);
  if (slash == std::string_view::npos)
    return fail(Code::kSyntax, "a full mailbox name is USER/MAILBOX");
  return make(text.substr(0, slash), text.substr(slash + 1));
}

Result<void> check_userid(std::string_view userid) {
  if (userid.empty()) return fail(Code::kInvalid, "a userid is empty");
  if (userid.size() > kUserIdBytesMax) return fail(Code::kTooBig, "userid is too long");
  if (!is_utf8_without_controls(userid) || userid.find_first_of("/ *%") != std::string_view::npos)
    return fail(Code::kInvalid, "a userid has a character that it can't have");
  return {};
}

}  // namespace gemel
