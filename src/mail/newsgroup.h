// Newsgroups: their names, the mailboxes that they are, and message ids as netnews has them.
//
// The group "comp.lang.c" is the mailbox "news/comp.lang.c" of the owner "shared": one level below
// the prefix, so that a group's mailbox implies no others.
//
// Threads  any; pure functions.
// Source   RFC 5536 §3.1.3 (Message-ID), §3.1.4 (Newsgroups); RFC 3977 §3.6, §9.8 (message-id);
//          doc/decisions/0020-newsgroups.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mail/record.h"

namespace gemel {

/// Longer names don't fit the commands of RFC 3977 §3.1 with room to spare, nor any real group.
inline constexpr size_t kNewsgroupBytesMax = 255;
/// RFC 3977 §3.6: between 3 and 250 octets.
inline constexpr size_t kMessageIdBytesMax = 250;
/// Groups that one article may name.
inline constexpr size_t kNewsgroupsMax = 100;

/// One component or several with dots between: letters, digits, "+", "-", "_".
bool is_newsgroup(std::string_view name);

/// The mailbox that the group is. Errors: kInvalid, `group` is no newsgroup's name.
Result<MailboxName> mailbox_of_newsgroup(std::string_view owner, std::string_view prefix,
                                         std::string_view group);
/// The group that the mailbox with this path is; nothing if it is none.
std::optional<std::string> newsgroup_of_path(std::string_view prefix, std::string_view path);

/// The names in a Newsgroups field's value, in its order, each once. Errors: kSyntax, it is no list
/// of names; kLimit, more than kNewsgroupsMax.
Result<std::vector<std::string>> parse_newsgroups(std::string_view value);

/// "<left@right>" as netnews wants it, which is narrower than mail: printable ASCII without white
/// space, no second ">".
bool is_netnews_message_id(std::string_view text);

/// How a group takes posts (RFC 3977 §7.6.3). Other letters are no status.
enum class NewsgroupStatus : char { kPosting = 'y', kNoPosting = 'n', kModerated = 'm' };

/// What is known of a group beside its messages: attributes of its mailbox, so that they replicate
/// with it and IMAP METADATA can show them.
inline constexpr std::string_view kAttributeNewsgroupStatus =
    "annotation/shared/vendor/gemel/nntp-status";  // "y", "n", "m"; none: "y"
inline constexpr std::string_view kAttributeNewsgroupDescription =
    "annotation/shared/vendor/gemel/nntp-description";
/// Where posts to a moderated group go (RFC 5537 §3.5.1).
inline constexpr std::string_view kAttributeNewsgroupModerator =
    "annotation/shared/vendor/gemel/nntp-moderator";
/// Where each article of the group is mailed to.
inline constexpr std::string_view kAttributeNewsgroupGateway =
    "annotation/shared/vendor/gemel/nntp-gateway";
/// Who made the group, for LIST ACTIVE.TIMES.
inline constexpr std::string_view kAttributeNewsgroupCreator =
    "annotation/shared/vendor/gemel/nntp-creator";

NewsgroupStatus newsgroup_status(const MailboxInfo& mailbox);
/// Errors: kInvalid, not one of the letters.
Result<NewsgroupStatus> parse_newsgroup_status(std::string_view letter);
/// The attribute, or "".
std::string_view newsgroup_attribute(const MailboxInfo& mailbox, std::string_view name);

}  // namespace gemel
