// What a script decided, as plain values; whoever delivers carries them out.
//
// Source   RFC 5228 §4 (keep, fileinto, redirect, discard), RFC 5429 (reject, ereject), RFC 5230
//          (vacation), RFC 5435 and RFC 5436 (notify by mail), RFC 5232 (flags), RFC 8580 (fcc).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mail/flags.h"
#include "sieve/script.h"

namespace gemel::sieve {

/// The message as the script changed it (editheader, replace, enclose); null: as it came in.
using EditedMessage = std::shared_ptr<const std::string>;

/// A message of our own making: RFC 5322 bytes with CRLF, ready to be submitted.
struct OutgoingMail {
  std::string envelope_from;             // "" is the null path
  std::vector<std::string> envelope_to;  // at least one
  std::string bytes;
};

/// Into INBOX.
struct Keep {
  enum class Reason : uint8_t {
    kExplicit,  // the script said so
    kImplicit,  // nothing cancelled it (RFC 5228 §2.10.2)
    kError,     // the run failed; what it did before is forgotten (RFC 5228 §2.10.6)
  } reason = Reason::kImplicit;
  FlagNames flags;
  EditedMessage message;
};

/// Into the first of these that is there: `mailbox_id`, `special_use`, `mailbox`.
struct FileInto {
  std::string mailbox;                     // UTF-8, as the script writes it
  std::optional<std::string> mailbox_id;   // RFC 9042 §4
  std::optional<std::string> special_use;  // RFC 8579 §4: "\\Junk"
  /// RFC 5490 §3.2: `mailbox` is made if it is not there; with `special_use`, made with that use
  /// (RFC 8579 §4). Without it, a mailbox that is not there means INBOX (RFC 5228 §4.1 leaves it
  /// to us).
  enum class Missing : uint8_t { kInbox, kCreate } missing = Missing::kInbox;
  FlagNames flags;
  EditedMessage message;
};

struct Discard {};  // on purpose, not because something else was done with the message

struct Redirect {
  std::string address;  // addr-spec, without brackets
  EditedMessage message;
};

struct Reject {
  enum class Kind : uint8_t { kReject, kEreject } kind = Kind::kReject;
  std::string reason;  // UTF-8, any lines; for the reply at the protocol's level (RFC 5429 §2.1)
  /// What to send where the protocol can't refuse any more, an MDN (RFC 5429 §2.2); nothing if the
  /// message came with a null path.
  std::optional<OutgoingMail> notice;
};

/// A mark in the delivery's memory: `key` counts as seen until `expires_s`.
struct Tracked {
  std::string key;  // "d" or "v" and hexadecimal digits, at most kTrackedKeyBytesMax
  int64_t expires_s = 0;
  bool operator==(const Tracked&) const = default;
};
inline constexpr size_t kTrackedKeyBytesMax = 72;

/// A reply that is due: not sent within the period, not to a list, not to a machine (RFC 5230 §4).
struct Vacation {
  OutgoingMail reply;
  std::optional<Tracked> sent;  // to remember when the reply is on its way; nothing: always answer
  std::optional<FileInto> fcc;  // `message` is the reply
};

/// By mailto (RFC 5436), the one method here.
struct Notify {
  OutgoingMail mail;
  std::optional<FileInto> fcc;  // `message` is the notification
};

using Action = std::variant<Keep, FileInto, Discard, Redirect, Reject, Vacation, Notify>;

/// "fileinto "Archive" :flags "\\Seen"": one line for people, for logs and `gemel sieve test`.
std::string text_of(const Action& action);

}  // namespace gemel::sieve
