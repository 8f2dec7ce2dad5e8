// What the store tells of mailboxes and messages: plain values, true at one moment.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mail/flags.h"
#include "mail/ids.h"
#include "mail/mailbox_name.h"

namespace gemel {

/// A time in which one server makes uids and modseqs: of two, the greater is the later. `origin` is
/// that of the server's store; epoch 0 is before all.
struct Term {
  uint64_t epoch = 0;
  uint64_t origin = 0;
  auto operator<=>(const Term&) const = default;
  explicit operator bool() const { return epoch != 0; }
};

/// What came after `from` was made in `term`, up to where the next term starts.
struct TermStart {
  Term term;
  ModSeq from;
  bool operator==(const TermStart&) const = default;
};

/// The terms that wrote in a mailbox or in a user's data, in order; see mail/lineage.h.
using Lineage = std::vector<TermStart>;
inline constexpr size_t kLineageTermsMax = 16;

/// Everything of a mailbox that is no message. Attributes hold what has a name and a value and
/// replicates with the mailbox: "acl/USERID" -> rights, "special-use" -> "\Sent" (RFC 6154),
/// "annotation/ENTRY" -> value.
struct MailboxInfo {
  UniqueId id;
  MailboxName name;
  std::string partition;
  UidValidity uidvalidity;
  Uid last_uid;           // uidnext - 1
  ModSeq highestmodseq;   // at least 1
  Uid recent_uid;         // highest uid that a session was told of as \Recent, as last made durable
  ModSeq purged_modseq;   // tombstones with a modseq at or below it may be gone
  int64_t created_s = 0;  // unix time
  int64_t deleted_s = 0;  // unix time of the delete, 0 while it lives
  std::map<std::string, std::string> attributes;
  std::vector<std::string>
      keywords;  // bit kSystemFlagCount + i of Flags is keywords[i]; "": nobody has that bit
  Lineage lineage;

  // When what a header says was changed here: not in the digest, and where an update from another
  // server changed it, this is the update's `to`.
  ModSeq header_modseq;                             // of name, partition or deletion
  std::map<std::string, ModSeq> attribute_modseqs;  // removed ones too: kAttributesRemovedMax

  // Counters over live messages, and over expunged ones that are kept (invariant I10).
  uint32_t exists = 0;
  uint32_t unseen = 0;
  uint32_t deleted = 0;  // with \Deleted
  uint64_t bytes = 0;
  uint32_t expunged = 0;
  uint64_t expunged_bytes = 0;

  Digest digest;  // of the header and all records; see doc/storage-format.md

  bool is_deleted() const { return deleted_s != 0; }
  Uid uidnext() const { return next(last_uid); }
};

/// Of what is expunged in the mailbox, which is shown as a mailbox of its own: a greater one after
/// every change, for what is expunged next may have a lower uid than what is there now (RFC 9051
/// §2.3.1.1). No later mailbox of the name has it.
inline UidValidity expunged_uidvalidity(const MailboxInfo& mailbox) {
  const uint64_t sum = mailbox.uidvalidity.value + mailbox.highestmodseq.value;
  return UidValidity(static_cast<uint32_t>((sum - 1) % UINT32_MAX) + 1);
}

/// Removed attributes whose modseq is kept, the latest.
inline constexpr size_t kAttributesRemovedMax = 128;

inline constexpr std::string_view kAttributeSpecialUse = "special-use";
inline constexpr std::string_view kAttributeAcl = "acl/";
inline constexpr std::string_view kAttributeAnnotation = "annotation/";

/// The part of a record that changes.
struct RecordState {
  Uid uid;
  ModSeq modseq;
  Flags flags;
  bool expunged = false;
};

/// The part of a record that never changes (invariant I1).
struct RecordFacts {
  Guid guid;
  uint64_t size = 0;           // octets of the body, RFC822.SIZE
  int64_t internaldate_s = 0;  // unix time
  int64_t savedate_s = 0;      // unix time at which it came into this mailbox (RFC 8514)
  ModSeq created_modseq;       // of the transaction that brought it into this mailbox
  /// Octets that it is longer with CRLF as its line ends, as POP3 sends it (RFC 1939 §11).
  uint64_t crlf_growth = 0;
  std::string uidl = {};  // what POP3 calls it, brought along from a former server; mostly empty
  bool operator==(const RecordFacts&) const = default;
};

/// RFC 1939 §7, UIDL: 1 to 70 characters from 0x21 to 0x7E.
inline constexpr size_t kUidlBytesMax = 70;
constexpr bool is_uidl(std::string_view text) {
  return !text.empty() && text.size() <= kUidlBytesMax &&
         std::ranges::all_of(text, [](char c) { return c >= 0x21 && c <= 0x7e; });
}

struct Record {
  RecordState state;
  RecordFacts facts;
};

/// One entry of a user's data: subscriptions, credentials, scripts, quota and so on. `key` is
/// "KIND/NAME" ("subscription/Archive/2024", "credential/scram-sha-256"); see
/// doc/storage-format.md.
struct UserItem {
  std::string key;
  std::string value;
  ModSeq modseq;
  bool deleted = false;  // a tombstone
};

inline constexpr std::string_view kUserItemSubscription = "subscription/";
inline constexpr std::string_view kUserItemScram = "credential/scram-sha-256";

/// "quota/RESOURCE" -> a limit, see mail/quota.h. Checked on the primary when usage grows.
inline constexpr std::string_view kUserItemQuota = "quota/";
/// "annotation/MAILBOX-ID/private/ENTRY" -> value, "annotation/server/private/ENTRY" (RFC 5464).
inline constexpr std::string_view kUserItemAnnotation = "annotation/";
/// "seen/MAILBOX-ID" -> the UIDs ("1:3,7") that the user has seen in a mailbox that belongs
/// to somebody else; the owner's \Seen is a flag of the record. Expunged UIDs may be among them.
inline constexpr std::string_view kUserItemSeen = "seen/";
inline std::string seen_item_key(const UniqueId& mailbox) {
  return std::string(kUserItemSeen) + mailbox.text();
}

struct UserInfo {
  std::string userid;
  ModSeq modseq;  // highest of its items
  int64_t created_s = 0;
  int64_t deleted_s = 0;   // 0 while the user lives
  uint32_t mailboxes = 0;  // live ones
  Lineage lineage;         // of data and items
  Digest data_digest;      // of the user's own row and items
  Digest digest;           // data_digest plus those of all the user's mailboxes

  bool is_deleted() const { return deleted_s != 0; }
};

}  // namespace gemel
