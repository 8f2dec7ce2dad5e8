// A mailbox's name: whose it is, and its path there.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gemel {

inline constexpr char kHierarchySeparator = '/';
inline constexpr size_t kUserIdBytesMax = 255;
inline constexpr size_t kMailboxPathBytesMax = 1000;
inline constexpr size_t kMailboxDepthMax = 50;

/// `owner` is a userid; `path` is UTF-8, levels separated by "/", "INBOX" in any case stored as
/// "INBOX" (RFC 9051 §5.1). The text form is "alice/INBOX": a userid has no "/".
struct MailboxName {
  std::string owner;
  std::string path;
  auto operator<=>(const MailboxName&) const = default;

  bool is_inbox() const { return path == "INBOX"; }
  std::string text() const { return owner + kHierarchySeparator + path; }
  /// True for itself and everything below it.
  bool is_within(const MailboxName& ancestor) const;
  /// The name one level up, or none for a top one.
  std::optional<MailboxName> parent() const;

  /// Checks and canonicalises (INBOX; a trailing separator is dropped). Errors: kInvalid: empty,
  /// empty level, control characters, bad UTF-8; kTooBig; kLimit for depth.
  static Result<MailboxName> make(std::string_view owner, std::string_view path);
  /// From the text form. Errors: kSyntax, and those of make.
  static Result<MailboxName> parse(std::string_view text);
};

/// A userid that begins so is the server's own: nobody logs in by it, and no mail comes to it.
inline constexpr char kReservedUserIdStart = '$';
inline constexpr std::string_view kOutboxUserId = "$outbox";
inline constexpr std::string_view kServerUserId = "$server";  // what concerns all, as its items
inline bool is_reserved_userid(std::string_view userid) {
  return userid.starts_with(kReservedUserIdStart);
}

/// Errors: kInvalid: empty, "/", white space, control characters, bad UTF-8, "*" or "%"; kTooBig.
Result<void> check_userid(std::string_view userid);

}  // namespace gemel
